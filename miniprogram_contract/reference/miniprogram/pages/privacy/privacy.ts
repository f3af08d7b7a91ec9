import type { Schemas } from "shantou-aid-contract";
import { type ConsentShown, type Look, consentsOf, looksOf } from "../../logic/privacy";
import { BASIC, attempt, confirmed, dataset, say, showing } from "../../page";
import { forgetPerson, services } from "../../services";

Component({
  data: { ...BASIC, needed: [] as string[], consents: [] as ConsentShown[], looks: [] as Look[], cursor: "", loaded: false },
  methods: {
    async onLoad(query: { purposes?: string }): Promise<void> {
      this.setData({ needed: (query.purposes ?? "").split(",").filter((each) => each !== "") });
      await this.load();
    },
    onShow(): void {
      showing(this);
    },
    async load(): Promise<void> {
      await attempt(this, async () => {
        await this.read();
        const { data } = await services().client.get("/api/v1/me/access_log");
        this.setData({ looks: looksOf(data.items), cursor: data.next_cursor ?? "", loaded: true });
      });
    },
    async read(): Promise<void> {
      const { client, reference } = services();
      const [{ items }, mine] = await Promise.all([reference.get("/api/v1/consents"), client.get("/api/v1/me/consents")]);
      this.setData({ consents: consentsOf(items, mine.data.items, this.data.needed) });
    },
    async more(): Promise<void> {
      await attempt(this, async () => {
        const { data } = await services().client.get("/api/v1/me/access_log", { query: { cursor: this.data.cursor } });
        this.setData({ looks: [...this.data.looks, ...looksOf(data.items)], cursor: data.next_cursor ?? "" });
      });
    },
    /** 连同所读文本的 sha256 一起交回：同意的是哪一版，日后说得清。 */
    async agree(event: WechatMiniprogram.TouchEvent): Promise<void> {
      const purpose = dataset(event, "purpose") as Schemas["Purpose"];
      await attempt(this, async () => {
        await services().client.post("/api/v1/me/consents", { body: { purpose, sha256: dataset(event, "sha256") } });
        await this.read();
      });
    },
    async withdraw(event: WechatMiniprogram.TouchEvent): Promise<void> {
      if (!(await confirmed("撤回同意", "撤回不影响此前已经办好的事；之后要用到这项信息的事，可能办不了。"))) return;
      await attempt(this, async () => {
        await services().client.post("/api/v1/me/consents/{consent_id}/withdraw", { path: { consent_id: dataset(event, "id") } });
        await this.read();
      });
    },
    /** 写成文件由本人转发，不放进剪切板：别的程序读得到剪切板。 */
    async copy(): Promise<void> {
      await attempt(this, async () => {
        const { data } = await services().client.get("/api/v1/me/export");
        const filePath = `${wx.env.USER_DATA_PATH}/my-data.json`;
        wx.getFileSystemManager().writeFileSync(filePath, JSON.stringify(data, null, 1), "utf8");
        wx.shareFileMessage({ filePath, fileName: "我的数据.json" });
      });
    },
    async close(): Promise<void> {
      if (!(await confirmed("注销账户", "注销后不能再用这个账户办事；按规定要保存的办理记录仍然保存。"))) return;
      const done = await attempt(this, async () => {
        await services().client.delete("/api/v1/me");
        forgetPerson();
      });
      if (!done) return;
      say("已注销");
      wx.reLaunch({ url: "/pages/home/home" });
    },
  },
});
