import { type Loose, type Shown, shownFields, withValue } from "../../logic/fields";
import { QUESTIONS, type Result, answersOf, resultsOf } from "../../logic/screening";
import { BASIC, type Filled, attempt, dataset, go, showing } from "../../page";
import { services } from "../../services";

Component({
  data: { ...BASIC, form: {} as Loose, fields: shownFields(QUESTIONS, {}), results: [] as Result[], dibao: "" },
  methods: {
    onShow(): void {
      showing(this);
    },
    fill(event: WechatMiniprogram.CustomEvent<Filled>): void {
      this.show(withValue(this.data.form, event.detail.at, event.detail.value), this.data.trouble?.fields ?? []);
    },
    async ask(): Promise<void> {
      const { client } = services();
      await attempt(this, async () => {
        const { data } = await client.post("/api/v1/screening", { body: answersOf(this.data.form), anonymous: true });
        this.setData({ results: resultsOf(data), dibao: data.dibao.text });
      });
      this.show(this.data.form, this.data.trouble?.fields ?? []);
    },
    show(form: Loose, told: readonly { pointer: string; message: string }[]): void {
      const fields: Shown[] = shownFields(QUESTIONS, form, told);
      this.setData({ form, fields });
    },
    apply(event: WechatMiniprogram.TouchEvent): void {
      go(`/pages/apply/apply?kind=${dataset(event, "kind")}`);
    },
  },
});
