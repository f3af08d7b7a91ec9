// “我能领什么”：问几个问题，不登录、不保存，由服务器按现行政策算。
import { KINDS, type Schemas, said } from "shantou-aid-contract";
import { type Field, type Loose, fieldsOf, valueAt } from "./fields";
import { yuan } from "./money";
import { metText } from "./progress";

type Answers = Schemas["Answers"];

const ask = fieldsOf<Pick<Answers, "household" | "student" | "medical">>();

export const QUESTIONS: readonly Field[] = [
  ask.yesNo("household/file_active", { label: "已经建立困难职工档案了吗" }),
  ask.whole("household/members", { label: "一起生活的有几口人（包括您）" }),
  ask.money("household/income_fen_yearly", { label: "全家一年收入", hint: "单位：元，大概就行" }),
  ask.money("household/rigid_spending_fen", { label: "一年看病、上学等必要支出", hint: "扣除报销后，没有就填 0" }),
  ask.yesNo("household/receives_dibao", { label: "在领低保吗" }),
  ask.choice("household/residence", { urban: "城镇", rural: "农村" }, { label: "住在城镇还是农村" }),
  ask.choice(
    "student/stage",
    {
      senior_high: "高中",
      secondary_vocational: "中等职业学校",
      junior_college: "大专",
      undergraduate: "本科",
      postgraduate: "研究生",
    },
    { label: "孩子在读什么（没有可以不填）" },
  ),
  ask.money("student/tuition_fen", { label: "孩子一学年学费", when: (form) => valueAt(form, "student/stage") !== undefined }),
];

/** 没有回答的不送，由服务器说“无法判断”。 */
export function answersOf(form: Loose): Answers {
  const { household, ...rest } = form as Partial<Answers>;
  return { ...rest, household: { ...household, file_active: household?.file_active ?? null } };
}

export interface Result {
  kind: string;
  name: string;
  likely: string;
  amount: string;
  reasons: string[];
  canApply: boolean;
}

const LIKELY: Readonly<Record<string, string>> = { yes: "很可能可以", no: "可能不可以", unknown: "还不能判断" };

export function resultsOf({ items }: Schemas["ScreeningView"]): Result[] {
  return items.map(({ kind, likely, amount_fen_max, reasons }) => ({
    kind,
    name: said(KINDS, kind),
    likely: said(LIKELY, likely),
    amount: likely === "yes" && amount_fen_max !== null ? `最多${yuan(amount_fen_max)}` : "",
    reasons: reasons.filter((each) => each.met !== true).map((each) => `${metText(each.met)}：${each.text}（${each.given}）`),
    canApply: likely !== "no",
  }));
}
