import type { Trouble } from "../../logic/sentences";

Component({
  options: { styleIsolation: "apply-shared" },
  properties: { trouble: { type: Object, value: {} } },
  methods: {
    go(): void {
      wx.navigateTo({ url: (this.data.trouble as Trouble).url });
    },
    reload(): void {
      this.triggerEvent("reload");
    },
    copy(): void {
      wx.setClipboardData({ data: (this.data.trouble as Trouble).report });
    },
  },
});
