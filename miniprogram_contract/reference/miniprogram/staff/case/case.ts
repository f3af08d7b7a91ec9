import {
  type Button,
  type CaseShown,
  type Decidable,
  type Revealable,
  actionText,
  buttonsOf,
  caseOf,
  revealsOf,
} from "../../logic/cases";
import { type Shown, type Told, shownFields } from "../../logic/fields";
import { type DecisionShown, type Entry, decisionOf, entriesOf } from "../../logic/progress";
import { BASIC, type Filled, asked, attempt, confirmed, dataset, say, showing } from "../../page";
import { services } from "../../services";

interface Reason {
  action: string;
  code: string;
  text: string;
}

Component({
  data: {
    ...BASIC,
    id: "",
    version: 0,
    shown: null as CaseShown | null,
    decision: null as DecisionShown | null,
    entries: [] as Entry[],
    buttons: [] as Button[],
    reasons: [] as Reason[],
    reason: -1,
    reveals: [] as { field: Revealable; text: string }[],
    revealed: "",
    canAsk: false,
    note: noted(""),
  },
  methods: {
    async onLoad(query: { id: string }): Promise<void> {
      this.setData({ id: query.id });
      await this.load();
    },
    onShow(): void {
      showing(this);
    },
    /** 看到的完整信息不留在页面上。 */
    onHide(): void {
      this.setData({ revealed: "" });
    },
    async load(): Promise<void> {
      await attempt(this, () => this.read());
    },
    async read(): Promise<void> {
      const { data } = await services().client.get("/api/v1/staff/applications/{application_id}", {
        path: { application_id: this.data.id },
      });
      const buttons = buttonsOf(data);
      this.setData({
        buttons,
        version: data.version,
        shown: caseOf(data),
        decision: data.decision === null ? null : decisionOf(data.decision),
        entries: entriesOf(data.timeline),
        reasons: buttons.flatMap(({ action, text, reasons }) => reasons.map((each) => ({ action, code: each.code, text: `${text}：${each.text}` }))),
        reason: -1,
        reveals: revealsOf(data),
        canAsk: data.open_actions.includes("ask_supplement"),
      });
    },
    fill(event: WechatMiniprogram.CustomEvent<Filled>): void {
      const { value } = event.detail;
      this.setData({ note: noted(typeof value === "string" ? value : "") });
    },
    choose(event: WechatMiniprogram.CustomEvent<{ value: string | number }>): void {
      this.setData({ reason: Number(event.detail.value) });
    },
    /** 带着看到的版本办；别人先动过的是 412，读过新的再由人决定。 */
    async decide(event: WechatMiniprogram.TouchEvent): Promise<void> {
      const action = dataset(event, "action") as Decidable;
      const { id, version, note, reasons, reason } = this.data;
      if (!(await confirmed(actionText(action), "确定吗？"))) return;
      const chosen = reasons[reason];
      const done = await attempt(this, async () => {
        await services().client.post("/api/v1/staff/applications/{application_id}/actions", {
          path: { application_id: id },
          version,
          body: { action, note: note.value || null, reason_code: chosen?.action === action ? chosen.code : null },
        });
      });
      this.setData({ note: noted(done ? "" : note.value, this.data.trouble?.fields) });
      if (!done) return;
      say("办好了");
      await this.after();
    },
    /** 办过之后案件可能不归自己看了：回到待办。 */
    async after(): Promise<void> {
      await this.load();
      if (this.data.trouble !== null) wx.navigateBack();
    },
    async ask(): Promise<void> {
      const text = await asked("要求补充材料", "写明要补什么");
      if (text === undefined) return;
      const done = await attempt(this, async () => {
        await services().client.post("/api/v1/staff/applications/{application_id}/supplements", {
          path: { application_id: this.data.id },
          version: this.data.version,
          body: { others: [text] },
        });
      });
      if (done) await this.load();
    },
    async reveal(event: WechatMiniprogram.TouchEvent): Promise<void> {
      const reason = await asked(`查看${dataset(event, "text")}`, "写明理由");
      if (reason === undefined) return;
      await attempt(this, async () => {
        const { data } = await services().client.post("/api/v1/staff/applications/{application_id}/reveal", {
          path: { application_id: this.data.id },
          body: { field: dataset(event, "field") as Revealable, reason },
        });
        this.setData({ revealed: `${dataset(event, "text")}：${data.value}` });
      });
    },
  },
});

function noted(value: string, told: readonly Told[] = []): Shown {
  const field = { at: "note", as: "long", label: "意见", hint: "退回和不予通过必须写", choices: [] } as const;
  return shownFields([field], { note: value }, told)[0] as Shown;
}
