import { KINDS, said } from "shantou-aid-contract";
import { type Summary, summaryOf } from "../../logic/progress";
import { BASIC, attempt, dataset, go, showing } from "../../page";
import { services } from "../../services";

interface Local {
  localId: string;
  kind: string;
  name: string;
  status: string;
}

Component({
  data: { ...BASIC, drafts: [] as Local[], items: [] as Summary[], cursor: "", loaded: false },
  methods: {
    onShow(): void {
      showing(this);
      void this.load();
    },
    async onPullDownRefresh(): Promise<void> {
      await this.load();
      wx.stopPullDownRefresh();
    },
    /** 先把手机上的送出去，再看服务器上的；断网时手机上的照样列出。 */
    async load(): Promise<void> {
      this.local();
      await attempt(this, async () => {
        await services().drafts.sync();
        this.local();
        const { data } = await services().client.get("/api/v1/applications");
        this.setData({ items: data.items.map(summaryOf), cursor: data.next_cursor ?? "", loaded: true });
      });
    },
    async more(): Promise<void> {
      await attempt(this, async () => {
        const { data } = await services().client.get("/api/v1/applications", { query: { cursor: this.data.cursor } });
        this.setData({ items: [...this.data.items, ...data.items.map(summaryOf)], cursor: data.next_cursor ?? "" });
      });
    },
    local(): void {
      const waiting = services().drafts.all().filter((each) => !each.saved || each.applicationId === undefined);
      this.setData({
        drafts: waiting.map(({ localId, kind, conflict }) => ({
          localId,
          kind,
          name: said(KINDS, kind),
          status: conflict?.text ?? "草稿在手机上，还没有上传",
        })),
      });
    },
    fill(event: WechatMiniprogram.TouchEvent): void {
      go(`/pages/apply/apply?kind=${dataset(event, "kind")}&local=${dataset(event, "id")}`);
    },
    open(event: WechatMiniprogram.TouchEvent): void {
      go(`/pages/application/application?id=${dataset(event, "id")}`);
    },
  },
});
