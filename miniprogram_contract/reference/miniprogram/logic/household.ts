// 家庭档案的表单：户主、家人、支出。选项一半在约定里，一半在代码表里。
import type { Schemas } from "shantou-aid-contract";
import { type Choice, type Field, fieldsOf } from "./fields";

export type HouseholdForm = Schemas["HouseholdFormDraft"];
export type Member = NonNullable<HouseholdForm["members"]>[number];
export type Spending = NonNullable<HouseholdForm["rigid_spending"]>[number];
type Dictionaries = readonly Schemas["DictionaryView"][];

export type Lists = Readonly<Record<string, readonly Choice[]>>;

/** 代码表：名称 → 现在可以选的。 */
export function listsOf(items: Dictionaries): Lists {
  return Object.fromEntries(items.map(({ name, items: codes }) => [name, codes.map(({ code, text }) => ({ code, text }))]));
}

const whole = fieldsOf<HouseholdForm>();
const one = fieldsOf<Member>();
const cost = fieldsOf<Spending>();

export function householdFields(lists: Lists): Field[] {
  const list = (name: string): readonly Choice[] => lists[name] ?? [];
  return [
    whole.text("head/name", { label: "户主姓名" }),
    whole.text("head/id_number", { label: "户主身份证号" }),
    whole.listed("head/health", list("health"), { label: "健康状况" }),
    whole.listed("head/illness", list("illness"), { label: "疾病类别", when: ill }),
    whole.listed("head/sex", list("sex"), { label: "性别" }),
    whole.date("head/birth_date", { label: "出生日期" }),
    whole.listed("head/ethnicity", list("ethnicity"), { label: "民族" }),
    whole.listed("head/political_status", list("political_status"), { label: "政治面貌" }),
    whole.listed("head/marital_status", list("marital_status"), { label: "婚姻状况" }),
    whole.listed("head/hukou_kind", list("hukou_kind"), { label: "户口类型" }),
    whole.text("head/hukou_division_code", { label: "户口所在地", hint: "六位行政区划代码，龙湖区是 440507" }),
    whole.text("head/mobile", { label: "手机号码" }),
    whole.text("head/other_contact", { label: "其他联系方式" }),
    whole.listed("head/medical_insurance", list("medical_insurance"), { label: "医保状况" }),
    whole.text("head/employer", { label: "工作单位" }),
    whole.listed("head/work_status", list("work_status"), { label: "工作状态" }),
    whole.date("head/work_began_on", { label: "参加工作时间" }),
    whole.listed("head/worker_identity", list("worker_identity"), { label: "人员身份" }),
    whole.listed("head/model_worker", list("model_worker"), { label: "劳模类型" }),
    whole.money("head/monthly_income_fen", { label: "本人月平均收入", hint: "单位：元" }),
    whole.text("address", { label: "住址" }),
    whole.text("division_code", { label: "住址所在区", hint: "六位行政区划代码，龙湖区是 440507" }),
    whole.listed("housing", list("housing"), { label: "住房类型" }),
    whole.money("income_fen_yearly", { label: "全家一年收入", hint: "单位：元" }),
    whole.money("non_wage_income_fen_yearly", { label: "其中不是工资的", hint: "没有就填 0" }),
    whole.listed("primary_cause", list("cause"), { label: "主要致困原因" }),
  ];
}

export function memberFields(lists: Lists): Field[] {
  const list = (name: string): readonly Choice[] => lists[name] ?? [];
  return [
    one.text("name", { label: "姓名" }),
    one.text("id_number", { label: "身份证号" }),
    one.listed("relation", list("relation"), { label: "与户主的关系" }),
    one.listed("health", list("health"), { label: "健康状况" }),
    one.money("income_fen_yearly", { label: "一年收入", hint: "没有就填 0" }),
    one.listed("schooling", list("schooling"), { label: "在读的学段" }),
  ];
}

export function spendingFields(lists: Lists): Field[] {
  return [
    cost.listed("kind", lists["spending"] ?? [], { label: "支出种类" }),
    cost.money("amount_fen", { label: "一年金额", hint: "已扣除报销和救助，单位：元" }),
  ];
}

function ill(form: Readonly<Record<string, unknown>>): boolean {
  const health = (form as HouseholdForm).head?.health;
  return health === "chronic_illness" || health === "serious_illness";
}

/** 换掉名单里的一个；位置超出的是新增。 */
export function replaced<T>(list: readonly T[], at: number, by: T): T[] {
  return at >= list.length ? [...list, by] : list.map((each, n) => (n === at ? by : each));
}
