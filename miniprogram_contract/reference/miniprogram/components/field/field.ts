import { type Shown, valueOf } from "../../logic/fields";

const WRONG = { money: "请填写金额，最多两位小数。", whole: "请填写整数。" } as const;

Component({
  options: { styleIsolation: "apply-shared" },
  properties: { field: { type: Object, value: {} }, disabled: Boolean },
  data: { wrong: "", text: null as string | null },
  observers: {
    /** 正在打的字照原样留着（“12.50”不变成“12.5”）；别处改过的值才换上。 */
    field(field: Shown): void {
      const { text } = this.data;
      if (text === null || bad(field, text)) return;
      if (valueOf(field, text) !== valueOf(field, field.value)) this.setData({ text: null });
    },
  },
  methods: {
    typed(event: WechatMiniprogram.CustomEvent<{ value: string }>): void {
      this.fill(event.detail.value);
    },
    picked(event: WechatMiniprogram.CustomEvent<{ value: string | number }>): void {
      const choice = (this.data.field as Shown).choices[Number(event.detail.value)];
      if (choice !== undefined) this.fill(choice.code);
    },
    /** 不成样子的不送出去，马上告诉人。 */
    fill(text: string): void {
      const field = this.data.field as Shown;
      const wrong = bad(field, text);
      this.setData({ text, wrong: wrong ? WRONG[field.as as keyof typeof WRONG] : "" });
      if (!wrong) this.triggerEvent("fill", { at: field.at, value: valueOf(field, text) });
    },
  },
});

function bad(field: Shown, text: string): boolean {
  return text.trim() !== "" && valueOf(field, text) === undefined;
}
