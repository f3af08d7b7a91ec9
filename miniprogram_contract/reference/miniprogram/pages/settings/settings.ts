import { AS, developing } from "../../config";
import { type Shown, shownFields } from "../../logic/fields";
import { SCALES } from "../../logic/fonts";
import { BASIC, type Filled, attempt, confirmed, dataset, go, say, showing } from "../../page";
import { leave } from "../../services";

Component({
  data: {
    ...BASIC,
    scale: "normal",
    scales: SCALES.map(({ code, text }) => ({ code, text })),
    /** 只在开发版显示。 */
    developing: false,
    as: persona(""),
  },
  methods: {
    onShow(): void {
      showing(this);
      this.setData({
        scale: String(wx.getStorageSync("aid.font") || "normal"),
        developing: developing(),
        as: persona(String(wx.getStorageSync(AS))),
      });
    },
    choose(event: WechatMiniprogram.TouchEvent): void {
      const scale = dataset(event, "code");
      wx.setStorageSync("aid.font", scale);
      this.setData({ scale });
      showing(this);
    },
    open(event: WechatMiniprogram.TouchEvent): void {
      go(dataset(event, "url"));
    },
    name(event: WechatMiniprogram.CustomEvent<Filled>): void {
      const { value } = event.detail;
      this.setData({ as: persona(typeof value === "string" ? value : "") });
    },
    /** 开发版换一个演示人物：先退出，重新打开小程序才用上。 */
    async become(): Promise<void> {
      wx.setStorageSync(AS, this.data.as.value);
      await attempt(this, leave);
      say("请重新编译，再登录");
    },
    async leave(): Promise<void> {
      if (!(await confirmed("退出登录", "手机上没有上传的草稿会被清除。"))) return;
      await attempt(this, leave);
      wx.switchTab({ url: "/pages/home/home" });
    },
  },
});

function persona(value: string): Shown {
  const field = { at: "as", as: "text", label: "演示人物（开发版）", hint: "例如 worker-chen，见 docs/personas.md", choices: [] } as const;
  return shownFields([field], { as: value })[0] as Shown;
}
