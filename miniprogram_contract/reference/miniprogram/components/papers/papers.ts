import { dataset } from "../../page";
import { photographed, picked } from "../../papers";

Component({
  options: { styleIsolation: "apply-shared" },
  properties: { papers: { type: Array, value: [] }, disabled: Boolean },
  methods: {
    async photograph(): Promise<void> {
      this.triggerEvent("add", { papers: await photographed() });
    },
    async pick(): Promise<void> {
      this.triggerEvent("add", { papers: await picked() });
    },
    drop(event: WechatMiniprogram.TouchEvent): void {
      this.triggerEvent("drop", { key: dataset(event, "key") });
    },
  },
});
