// 审核人看到的：待办、案件各处、能办的事。
import { ACTIONS, FIELDS, KINDS, STATES, type Schemas, said } from "shantou-aid-contract";
import { dayOr, moment } from "./dates";
import type { Loose } from "./fields";
import { yuan, yuanOr } from "./money";

type Case = Schemas["CaseView"];
export type Decidable = Schemas["CaseAction"]["action"];
export type Revealable = Schemas["RevealRequest"]["field"];

export interface Task {
  id: string;
  version: number;
  number: string;
  what: string;
  who: string;
  due: string;
  picked: boolean;
}

export function taskOf(each: Schemas["TaskView"]): Task {
  return {
    id: each.application_id,
    version: each.version,
    number: each.number,
    what: `${said(KINDS, each.kind)}，${yuanOr(each.amount_fen, "金额待定")}，${said(STATES.application, each.state)}`,
    who: `${each.applicant_masked}，${each.organisation}`,
    due: `${dayOr(each.due_at, "没有时限")}前${each.supplement === "open" ? "，等待补充材料" : ""}`,
    picked: false,
  };
}

/** 最多数到 10001，显示为“10000+”。 */
export function counted(count: number, most: number): string {
  return count > most ? `${most}+` : String(count);
}

const DECIDABLE: Readonly<Record<Decidable, { text: string; noteNeeded: boolean }>> = {
  accept: { text: "受理", noteNeeded: false },
  approve: { text: "通过", noteNeeded: false },
  return: { text: "退回补正", noteNeeded: true },
  reject: { text: "不予通过", noteNeeded: true },
  object: { text: "异议成立", noteNeeded: true },
  withdraw_supplement: { text: "收回补充要求", noteNeeded: false },
  undo: { text: "撤销决定", noteNeeded: true },
};

export interface Button {
  action: Decidable;
  text: string;
  noteNeeded: boolean;
  /** 要选理由的，可以选的理由。 */
  reasons: { code: string; text: string }[];
}

/** 只看 open_actions；不认识的、不在这一页办的不显示。 */
export function buttonsOf({ open_actions, reasons }: Pick<Case, "open_actions" | "reasons">): Button[] {
  return open_actions.filter(isDecidable).map((action) => ({
    action,
    ...DECIDABLE[action],
    reasons: reasons.filter((each) => each.action === action).map(({ code, text }) => ({ code, text })),
  }));
}

function isDecidable(action: string): action is Decidable {
  return action in DECIDABLE;
}

const REVEALABLE: Readonly<Record<Revealable, string>> = {
  id_number: "身份证号",
  phone: "手机号码",
  bank_card: "银行卡号",
  diagnosis: "诊断",
  student_id_number: "学生身份证号",
};

export function revealsOf({ may_reveal }: Pick<Case, "may_reveal">): { field: Revealable; text: string }[] {
  return may_reveal.map((field) => ({ field, text: said(REVEALABLE, field) }));
}

export interface Pair {
  key: string;
  label: string;
  text: string;
}

/** 表单（已脱敏）逐项写出来；金额换成元，编号一类的不显示。 */
export function pairsOf(form: Loose, under = ""): Pair[] {
  return Object.entries(form).flatMap(([name, value]): Pair[] => {
    const key = `${under}/${name}`;
    const label = FIELDS[name] ?? name;
    if (value === null || name.endsWith("_ids") || name.endsWith("_id")) return [];
    if (Array.isArray(value)) {
      return value.flatMap((each, n) => (isLoose(each) ? pairsOf(each, `${key}/${n}`) : [{ key: `${key}/${n}`, label, text: String(each) }]));
    }
    if (isLoose(value)) return pairsOf(value, key);
    return [{ key, label, text: textOf(name, value) }];
  });
}

function textOf(name: string, value: unknown): string {
  if (name.endsWith("_fen") && typeof value === "number") return yuan(value);
  if (typeof value === "boolean") return value ? "是" : "否";
  return String(value);
}

function isLoose(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export interface CaseShown {
  title: string;
  clock: string;
  form: Pair[];
  household: Pair[];
  money: string[];
  documents: Pair[];
  changes: string[];
}

export function caseOf(view: Case): CaseShown {
  const { household, money_totals, money_this_year, changes } = view;
  return {
    title: `${said(KINDS, view.kind)} ${view.number}，${view.applicant_masked}，${said(STATES.application, view.state)}`,
    clock: view.clock?.text ?? "",
    form: pairsOf(view.form),
    household: household === null ? [] : householdOf(household),
    money: [
      `今年已发放${yuan(money_totals.paid_fen)}，在办${yuan(money_totals.in_flight_fen)}`,
      ...money_this_year.map((each) => `${said(KINDS, each.kind)} ${each.number}：${yuan(each.amount_fen)}，${said(STATES.application, each.state)}`),
    ],
    documents: view.documents.map((each) => ({ key: each.id, label: each.name, text: moment(each.uploaded_at) })),
    changes: (changes?.fields ?? []).map((each) => `${each.label}：${shown(each.before)}改为${shown(each.after)}`),
  };
}

function householdOf({ head, members, income_fen_yearly, rigid_spending_fen, number }: NonNullable<Case["household"]>): Pair[] {
  const people = [head, ...members].map((each, n) => ({
    key: `/${n}`,
    label: n === 0 ? "户主" : "家人",
    text: `${each.name_masked}，${each.id_number_masked}，年收入${yuan(each.income_fen_yearly)}`,
  }));
  const totals = { key: "/totals", label: `档案 ${number}`, text: `全年收入${yuan(income_fen_yearly)}，必要支出${yuan(rigid_spending_fen)}` };
  return [totals, ...people];
}

function shown(value: unknown): string {
  return value === null || value === undefined ? "（空）" : String(value);
}

export interface BatchLine {
  id: string;
  number: string;
  text: string;
}

export function previewOf({ items, totals }: Schemas["BatchPreview"]): { headline: string; lines: BatchLine[] } {
  return {
    headline: `可以办理${totals.allowed}件，共${yuan(totals.amount_fen)}；不能办理${totals.skipped}件`,
    lines: items.map((each) => ({
      id: each.application_id,
      number: each.number ?? "",
      text: each.allowed ? `${yuanOr(each.amount_fen, "金额待定")}，办后：${said(STATES.application, each.to_state ?? "")}` : (each.message ?? "不能办理"),
    })),
  };
}

export function actionText(action: string): string {
  return said(ACTIONS.application, action);
}
