import { counted } from "../../logic/cases";
import { BASIC, attempt, dataset, go, showing } from "../../page";
import { services } from "../../services";

interface Programme {
  kind: string;
  name: string;
  summary: string;
}

Component({
  data: {
    ...BASIC,
    signedIn: false,
    verified: false,
    staff: false,
    name: "",
    missing: "",
    unread: "",
    waiting: 0,
    programmes: [] as Programme[],
  },
  methods: {
    onShow(): void {
      showing(this);
      void this.load();
    },
    /** 没有登录也能打开：项目是公开的。 */
    async load(): Promise<void> {
      await attempt(this, async () => {
        const { items } = await services().reference.get("/api/v1/programmes");
        this.setData({ programmes: items.map(({ kind, name, summary }) => ({ kind, name, summary })) });
        if (services().client.session.signedIn) await this.greet();
        else this.setData({ signedIn: false, staff: false, missing: "", unread: "" });
      });
    },
    async signIn(): Promise<void> {
      if (await attempt(this, () => this.greet())) await services().subscriptions.prepare();
    },
    async greet(): Promise<void> {
      const { client, drafts } = services();
      const [{ data: me }, { data: unread }] = await Promise.all([
        client.get("/api/v1/me"),
        client.get("/api/v1/me/messages/count"),
      ]);
      this.setData({
        signedIn: true,
        verified: me.verified,
        staff: me.staff.length > 0,
        name: me.name_masked ?? "",
        missing: me.consents_missing.join(","),
        unread: unread.count > 0 ? counted(unread.count, 1000) : "",
        waiting: drafts.all().filter((each) => !each.saved).length,
      });
    },
    open(event: WechatMiniprogram.TouchEvent): void {
      go(dataset(event, "url"));
    },
    messages(): void {
      wx.switchTab({ url: "/pages/messages/messages" });
    },
    progress(): void {
      wx.switchTab({ url: "/pages/applications/applications" });
    },
  },
});
