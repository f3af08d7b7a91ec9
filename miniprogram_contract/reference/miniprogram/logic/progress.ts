// 一份申请办到哪里：路径、时间线、测算结果和现在能做的。
import { ACTIONS, KINDS, ROLES, STATES, type Schemas, said } from "shantou-aid-contract";
import { day, dayOr, moment } from "./dates";
import { yuan, yuanOr } from "./money";

type View = Schemas["ApplicationView"];
type Decision = Schemas["DecisionView"];

export interface Stage {
  text: string;
  /** 给读屏软件和不辨颜色的人：不只用颜色表示。 */
  mark: "已办" | "现在" | "还没到";
}

/** 路径上的各步，没有走到的也写出来。 */
export function stagesOf({ route, state }: Pick<View, "route" | "state">): Stage[] {
  const states = route.includes(state) ? route : [...route, state];
  const now = states.indexOf(state);
  return states.map((each, n) => ({
    text: said(STATES.application, each),
    mark: n < now ? "已办" : n === now ? "现在" : "还没到",
  }));
}

export interface Entry {
  key: string;
  what: string;
  who: string;
  at: string;
  note: string;
}

export function entriesOf(timeline: View["timeline"]): Entry[] {
  return timeline.map((each, n) => ({
    key: `${n}`,
    what: said(ACTIONS.application, each.action),
    who: byWhom(each.by),
    at: moment(each.at),
    note: [each.reason_text, each.cure, each.note].filter((part) => part).join(" "),
  }));
}

function byWhom({ who, role, organisation, said: words }: View["timeline"][number]["by"]): string {
  if (who === "self") return "本人";
  if (who === "system") return "系统";
  return words ?? `${organisation ?? ""}${role ? said(ROLES, role) : ""}`;
}

export interface Line {
  key: string;
  title: string;
  text: string;
  detail: string;
}

export interface DecisionShown {
  headline: string;
  reasons: Line[];
  changes: string[];
  trace: string[];
  source: string;
}

export function decisionOf(decision: Decision): DecisionShown {
  const eligible = decision.outcome === "eligible";
  return {
    headline: eligible ? `符合条件，测算金额${yuan(decision.amount_fen)}` : "按现行政策不符合条件",
    reasons: decision.reasons.map((each) => ({
      key: each.rule,
      title: metText(each.met),
      text: each.text,
      detail: `需要：${each.needed}；您的情况：${each.given}`,
    })),
    changes: decision.changes.map((each) => each.text),
    trace: decision.trace.map((each) => `${each.text}：${yuan(each.amount_fen)}`),
    source: `依据：${decision.policy.source}，${day(decision.policy.in_force_from)}起执行`,
  };
}

export function metText(met: boolean | null): string {
  return met === null ? "无法判断" : met ? "符合" : "不符合";
}

export interface Summary {
  id: string;
  kind: string;
  number: string;
  state: string;
  amount: string;
  organisation: string;
  /** 要本人做什么；没有就是空的。 */
  todo: string;
}

export function summaryOf(each: Schemas["ApplicationSummary"]): Summary {
  const { id, number, organisation } = each;
  return {
    id,
    number,
    organisation,
    kind: said(KINDS, each.kind),
    state: said(STATES.application, each.state),
    amount: yuanOr(each.amount_fen, "金额待定"),
    todo: todoOf(each),
  };
}

function todoOf({ state, supplement, deadline }: Schemas["ApplicationSummary"]): string {
  if (supplement === "open") return `请补充材料，${dayOr(deadline, "尽快")}前`;
  if (state === "returned") return "请修改后重新提交";
  return state === "draft" ? "还没有提交" : "";
}

/** 补充要求中还开着的那一次。 */
export function openSupplement({ supplements }: Pick<View, "supplements">): Schemas["SupplementView"] | undefined {
  return supplements?.find((each) => each.state === "open");
}

export interface AppealShown {
  id: string;
  version: number;
  state: string;
  due: string;
  reason: string;
  reply: string;
  canWithdraw: boolean;
}

export function appealOf(each: Schemas["AppealView"]): AppealShown {
  return {
    id: each.id,
    version: each.version,
    state: said(STATES.appeal, each.state),
    due: day(each.due_at),
    reason: each.reason.text,
    reply: each.reply ?? "",
    canWithdraw: each.open_actions.includes("withdraw"),
  };
}
