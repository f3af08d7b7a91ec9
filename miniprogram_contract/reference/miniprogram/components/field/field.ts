import { type Shown, valueOf } from "../../logic/fields";

const WRONG = { money: "请填写金额，最多两位小数。", whole: "请填写整数。" } as const;

Component({
  options: { styleIsolation: "apply-shared" },
  properties: { field: { type: Object, value: {} }, disabled: Boolean },
  data: { wrong: "" },
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
      const value = valueOf(field, text);
      const bad = value === undefined && text.trim() !== "";
      this.setData({ wrong: bad ? WRONG[field.as as keyof typeof WRONG] : "" });
      if (!bad) this.triggerEvent("fill", { at: field.at, value });
    },
  },
});
