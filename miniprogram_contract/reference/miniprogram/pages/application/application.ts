import { KINDS, Refused, STATES, type Schemas, said } from "shantou-aid-contract";
import { moment } from "../../logic/dates";
import { type Shown, type Told, shownFields } from "../../logic/fields";
import { yuanOr } from "../../logic/money";
import {
  type AppealShown,
  type DecisionShown,
  type Entry,
  type Stage,
  appealOf,
  decisionOf,
  entriesOf,
  openSupplement,
  stagesOf,
} from "../../logic/progress";
import { BASIC, type Filled, attempt, confirmed, dataset, go, say, showing } from "../../page";
import { type Paper, photographed, uploaded } from "../../papers";
import { services } from "../../services";

interface Asked {
  code: string;
  name: string;
  given: number;
  fileIds: string[];
}

const SCORES = ["很不满意", "不满意", "一般", "满意", "非常满意"].map((text, n) => ({ score: n + 1, text }));

Component({
  data: {
    ...BASIC,
    id: "",
    version: 0,
    kind: "",
    state: "",
    number: "",
    organisation: "",
    amount: "",
    clock: "",
    line: "",
    stages: [] as Stage[],
    entries: [] as Entry[],
    decision: null as DecisionShown | null,
    canEdit: false,
    canWithdraw: false,
    canAppeal: false,
    asked: [] as Asked[],
    askedBy: "",
    askedText: "",
    papers: [] as Paper[],
    note: long("note", "还想说明的"),
    reason: long("reason", "申诉的理由"),
    appeals: [] as AppealShown[],
    paid: false,
    rated: "",
    scores: SCORES,
  },
  methods: {
    async onLoad(query: { id: string }): Promise<void> {
      this.setData({ id: query.id });
      await this.load();
    },
    onShow(): void {
      showing(this);
    },
    async load(): Promise<void> {
      const path = { application_id: this.data.id };
      const { client } = services();
      await attempt(this, async () => {
        const [{ data }, appeals] = await Promise.all([
          client.get("/api/v1/applications/{application_id}", { path }),
          client.get("/api/v1/applications/{application_id}/appeals", { path }),
        ]);
        this.show(data);
        this.setData({ appeals: appeals.data.items.map(appealOf) });
        if (data.state === "paid") this.setData({ rated: await ratedOf(data.id) });
      });
    },
    show(data: Schemas["ApplicationView"]): void {
      const can = (action: (typeof data.open_actions)[number]): boolean => data.open_actions.includes(action);
      const supplement = can("supplement") ? openSupplement(data) : undefined;
      this.setData({
        version: data.version,
        kind: said(KINDS, data.kind),
        state: said(STATES.application, data.state),
        number: data.number,
        organisation: data.organisation,
        amount: yuanOr(data.amount_fen, "金额待定"),
        clock: data.clock?.text ?? "",
        line: data.waiting?.text ?? "",
        stages: stagesOf(data),
        entries: entriesOf(data.timeline),
        decision: data.decision === null ? null : decisionOf(data.decision),
        canEdit: can("submit"),
        canWithdraw: can("withdraw"),
        canAppeal: can("appeal"),
        asked: (supplement?.items ?? []).map(({ code, name }) => ({ code, name, given: 0, fileIds: [] })),
        askedBy: supplement === undefined ? "" : moment(supplement.due_at),
        askedText: supplement?.text ?? "",
        paid: data.state === "paid",
      });
    },
    edit(): void {
      go(`/pages/apply/apply?id=${this.data.id}`);
    },
    async withdraw(): Promise<void> {
      if (!(await confirmed("撤回申请", "撤回后不再办理，需要时可以重新申请。"))) return;
      const { id, version } = this.data;
      await this.moved(async () => {
        await services().client.post("/api/v1/applications/{application_id}/withdraw", { path: { application_id: id }, version });
      });
    },
    fill(event: WechatMiniprogram.CustomEvent<Filled>): void {
      const { at, value } = event.detail;
      const text = typeof value === "string" ? value : "";
      this.setData(at === "note" ? { note: long("note", "还想说明的", text) } : { reason: long("reason", "申诉的理由", text) });
    },
    async appeal(): Promise<void> {
      const asked = services().subscriptions.ask("progress");
      const { id, version, reason } = this.data;
      await this.moved(async () => {
        await asked;
        await services().client.post("/api/v1/applications/{application_id}/appeals", {
          path: { application_id: id },
          version,
          body: { reason: reason.value },
        });
      });
      this.setData({ reason: long("reason", "申诉的理由", this.data.reason.value, this.data.trouble?.fields) });
    },
    async withdrawAppeal(event: WechatMiniprogram.TouchEvent): Promise<void> {
      await this.moved(async () => {
        await services().client.post("/api/v1/applications/{application_id}/appeals/{appeal_id}/withdraw", {
          path: { application_id: this.data.id, appeal_id: dataset(event, "id") },
          version: Number(dataset(event, "version")),
        });
      });
    },
    /** 要求的每一项各选各的照片，交的时候说清是哪一项的。 */
    async answer(event: WechatMiniprogram.TouchEvent): Promise<void> {
      const code = dataset(event, "code");
      const chosen = await photographed();
      await attempt(this, async () => {
        const ids = (await uploaded(chosen, "other", () => undefined)).map((each) => each.id);
        const asked = this.data.asked.map((each) => (each.code === code ? withFiles(each, ids) : each));
        this.setData({ asked });
      });
    },
    async add(event: WechatMiniprogram.CustomEvent<{ papers: Paper[] }>): Promise<void> {
      const tell = (papers: Paper[]): void => this.setData({ papers });
      tell([...this.data.papers, ...event.detail.papers]);
      await attempt(this, async () => tell(await uploaded(this.data.papers, "other", tell)));
    },
    drop(event: WechatMiniprogram.CustomEvent<{ key: string }>): void {
      this.setData({ papers: this.data.papers.filter((each) => each.key !== event.detail.key) });
    },
    async supplement(): Promise<void> {
      const { id, version, asked, papers, note } = this.data;
      const given = asked.filter((each) => each.fileIds.length > 0);
      await this.moved(async () => {
        await services().client.post("/api/v1/applications/{application_id}/supplement", {
          path: { application_id: id },
          version,
          body: {
            answers: given.map(({ code, fileIds }) => ({ item: code, file_ids: fileIds })),
            file_ids: papers.filter((each) => each.id !== "").map((each) => each.id),
            note: note.value || null,
          },
        });
        this.setData({ papers: [] });
      });
    },
    async rate(event: WechatMiniprogram.TouchEvent): Promise<void> {
      await this.moved(async () => {
        await services().client.post("/api/v1/applications/{application_id}/rating", {
          path: { application_id: this.data.id },
          body: { score: Number(dataset(event, "score")) },
        });
      });
    },
    /** 办一步，再读一遍现在的样子。 */
    async moved(work: () => Promise<void>): Promise<void> {
      if (!(await attempt(this, work))) return;
      say("办好了");
      await this.load();
    },
  },
});

function long(at: string, label: string, value = "", told: readonly Told[] = []): Shown {
  const [shown] = shownFields([{ at, as: "long", label, hint: "", choices: [] }], { [at]: value }, told);
  return shown as Shown;
}

function withFiles(each: Asked, ids: readonly string[]): Asked {
  const fileIds = [...each.fileIds, ...ids];
  return { ...each, fileIds, given: fileIds.length };
}

/** 还没有评价的，服务器说 404。 */
async function ratedOf(application_id: string): Promise<string> {
  try {
    const { data } = await services().client.get("/api/v1/applications/{application_id}/rating", { path: { application_id } });
    return SCORES.find((each) => each.score === data.score)?.text ?? "";
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return "";
    throw error;
  }
}
