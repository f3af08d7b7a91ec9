import { type AidKind, type Draft, type Form, KINDS, SubmitPending, Unreachable, said } from "shantou-aid-contract";
import { academicYear, todayOf } from "../../logic/dates";
import { type Loose, type Shown, type Told, otherMessages, shownFields, valueAt, withValue } from "../../logic/fields";
import { type Difference, FORMS, PURPOSES, blank, differences, kindOf } from "../../logic/forms";
import { type DecisionShown, decisionOf } from "../../logic/progress";
import { BASIC, type Filled, attempt, say, showing } from "../../page";
import { type Paper, uploaded } from "../../papers";
import { services } from "../../services";

interface Document {
  code: string;
  name: string;
  required: boolean;
}

Component({
  data: {
    ...BASIC,
    kind: "hardship_aid" as AidKind,
    name: "",
    localId: "",
    form: {} as Loose,
    fields: [] as Shown[],
    others: [] as string[],
    documents: [] as Document[],
    papers: [] as Paper[],
    count: 0,
    unsent: false,
    status: "",
    /** 提交发出了，还不知道结果：不能再改，只能再看。 */
    pending: false,
    conflict: "",
    differences: [] as Difference[],
    decision: null as DecisionShown | null,
  },
  methods: {
    /** kind：新的，或者接着填手机上的；local：手机上的那一份；id：被退回的，或者在别处建的。 */
    async onLoad(query: { kind?: string; local?: string; id?: string }): Promise<void> {
      const { drafts, reference, subscriptions } = services();
      await attempt(this, async () => {
        const draft = query.id === undefined ? this.start(kindOf(query.kind), query.local) : await drafts.open(query.id);
        this.show(draft);
        const { items } = await reference.get("/api/v1/programmes");
        this.setData({ documents: items.find((each) => each.kind === draft.kind)?.documents ?? [] });
      });
      if (services().client.session.signedIn) await subscriptions.prepare();
    },
    onShow(): void {
      showing(this);
    },
    onHide(): void {
      void this.sync();
    },
    onUnload(): void {
      void this.sync();
    },
    start(kind: AidKind, localId: string | undefined): Draft {
      const { drafts } = services();
      const before = drafts.all().find((each) => (localId === undefined ? each.kind === kind : each.localId === localId));
      return before ?? drafts.save(kind, blank(kind, academicYear(todayOf(Date.now()))) as Form);
    },
    fill(event: WechatMiniprogram.CustomEvent<Filled>): void {
      this.change(withValue(this.data.form, event.detail.at, event.detail.value));
    },
    /** 只写手机，不联网。 */
    change(form: Loose): void {
      this.show(services().drafts.save(this.data.kind, form as Form, this.data.localId));
    },
    /** 在后台送到服务器；断网就留着。 */
    async sync(): Promise<void> {
      if (this.data.pending || this.data.localId === "" || !services().client.session.signedIn) return;
      await attempt(this, () => this.synced());
    },
    async synced(): Promise<void> {
      const draft = (await services().drafts.sync()).find((each) => each.localId === this.data.localId);
      if (draft === undefined) return;
      this.show(draft);
      if (draft.conflict !== undefined) await this.compare(draft);
    },
    async compare({ kind, form, conflict }: Draft): Promise<void> {
      if (conflict === undefined) return;
      const { data } = await services().client.get("/api/v1/applications/{application_id}", {
        path: { application_id: conflict.applicationId },
      });
      this.setData({ differences: differences(kind, form as Loose, data.form) });
    },
    async save(): Promise<void> {
      if (await attempt(this, () => this.synced())) say(this.data.status);
    },
    async preview(): Promise<void> {
      const { client, drafts } = services();
      await attempt(this, async () => {
        await this.synced();
        const application_id = drafts.find(this.data.localId)?.applicationId;
        if (application_id === undefined) throw new Unreachable("the draft has not been sent");
        const { data } = await client.post("/api/v1/applications/{application_id}/preview", { path: { application_id } });
        this.setData({ decision: decisionOf(data) });
      });
      this.mark();
    },
    /** 订阅消息要直接在点击里问；问的结果不影响提交。 */
    async submit(): Promise<void> {
      const asked = services().subscriptions.ask("progress", "to_do");
      await attempt(this, async () => {
        await asked;
        const moved = await services().drafts.submit(this.data.localId).finally(() => this.look());
        if (moved.state === "rejected") this.setData({ decision: decisionOf(moved.decision), status: "按政策不符合条件，没有进入审核。" });
        else wx.redirectTo({ url: `/pages/application/application?id=${moved.id}` });
      });
      this.mark();
    },
    /** 提交之后草稿是什么样：没有了，或者还在等结果。 */
    look(): void {
      const draft = services().drafts.find(this.data.localId);
      if (draft !== undefined) this.show(draft);
    },
    async keepMine(): Promise<void> {
      await attempt(this, async () => this.show(await services().drafts.keepMine(this.data.localId)));
    },
    async takeTheirs(): Promise<void> {
      await attempt(this, async () => this.show(await services().drafts.takeTheirs(this.data.localId)));
    },
    async add(event: WechatMiniprogram.CustomEvent<{ papers: Paper[] }>): Promise<void> {
      this.setData({ papers: [...this.data.papers, ...event.detail.papers] });
      await this.send();
    },
    async send(): Promise<void> {
      const tell = (papers: Paper[]): void => this.setData({ papers, unsent: papers.some((each) => each.id === "") });
      await attempt(this, async () => tell(await uploaded(this.data.papers, PURPOSES[this.data.kind], tell)));
      this.named(this.data.papers.filter((each) => each.id !== "").map((each) => each.id), []);
    },
    drop(event: WechatMiniprogram.CustomEvent<{ key: string }>): void {
      const { papers } = this.data;
      const gone = papers.filter((each) => each.key === event.detail.key);
      const left = papers.filter((each) => each.key !== event.detail.key);
      this.setData({ papers: left, unsent: left.some((each) => each.id === "") });
      this.named([], gone.map((each) => each.id));
    },
    /** 传好的写进表单的 file_ids。 */
    named(added: readonly string[], removed: readonly string[]): void {
      const before = valueAt(this.data.form, "file_ids");
      const ids = new Set([...(Array.isArray(before) ? (before as string[]) : []), ...added]);
      for (const each of removed) ids.delete(each);
      this.change(withValue(this.data.form, "file_ids", [...ids]));
    },
    async reload(): Promise<void> {
      this.setData({ trouble: null });
      await this.sync();
    },
    show(draft: Draft): void {
      const { kind, localId, form, conflict } = draft;
      const ids = valueAt(form as Loose, "file_ids");
      this.setData({
        kind,
        localId,
        name: said(KINDS, kind),
        form: form as Loose,
        count: Array.isArray(ids) ? ids.length : 0,
        conflict: conflict?.text ?? "",
        ...(conflict === undefined ? { differences: [] } : {}),
        pending: draft.submitting !== undefined,
        status: statusOf(draft),
      });
      this.mark();
    },
    /** 逐处的提示：服务器刚说的在前，其余是草稿还缺的。 */
    mark(): void {
      const { kind, form, trouble, localId } = this.data;
      const draft = services().drafts.find(localId);
      const told: Told[] = [...(trouble?.fields ?? []), ...(draft?.warnings ?? [])];
      const fields = shownFields(FORMS[kind], form, told, "/form");
      this.setData({ fields, others: otherMessages(fields, told, "/form").filter((each, n, all) => all.indexOf(each) === n) });
    },
  },
});

function statusOf(draft: Draft): string {
  if (draft.submitting !== undefined) return new SubmitPending().text;
  return draft.saved ? "已保存到服务器" : "还没有上传，先保存在手机上";
}
