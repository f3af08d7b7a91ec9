import { SCALES } from "../../logic/fonts";
import { BASIC, attempt, confirmed, dataset, go, showing } from "../../page";
import { leave } from "../../services";

Component({
  data: { ...BASIC, scale: "normal", scales: SCALES.map(({ code, text }) => ({ code, text })) },
  methods: {
    onShow(): void {
      showing(this);
      this.setData({ scale: String(wx.getStorageSync("aid.font") || "normal") });
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
    async leave(): Promise<void> {
      if (!(await confirmed("退出登录", "手机上没有上传的草稿会被清除。"))) return;
      await attempt(this, leave);
      wx.switchTab({ url: "/pages/home/home" });
    },
  },
});
