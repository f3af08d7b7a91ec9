// 三种申请的表单。要不要填、填得对不对由服务器说；这里只管有哪些项目、怎样称呼。
import type { AidKind, Schemas } from "shantou-aid-contract";
import { type Field, type Loose, type Shown, fieldsOf, shownFields, valueAt } from "./fields";

type Hardship = Schemas["HardshipAidFormDraft"];
type Autumn = Schemas["GoldenAutumnFormDraft"];
type Medical = Schemas["SecondaryMedicalFormDraft"];

const hardship = fieldsOf<Hardship>();
const autumn = fieldsOf<Autumn>();
const medical = fieldsOf<Medical>();

const item = (code: NonNullable<Hardship["item"]>) => (form: Loose): boolean => form["item"] === code;

const HARDSHIP: readonly Field[] = [
  hardship.choice("item", { living: "生活救助", medical: "医疗救助", accident: "意外救助", temporary: "临时救助" }),
  hardship.money("requested_fen", { hint: "单位：元" }),
  hardship.money("medical/self_paid_fen", { label: "医疗费个人自付", when: item("medical") }),
  hardship.money("medical/mutual_aid_paid_fen", { when: item("medical"), hint: "没有就填 0" }),
  hardship.date("medical/settled_on", { label: "医疗费结算日期", when: item("medical") }),
  hardship.money("accident/caused_fen", { when: item("accident") }),
  hardship.date("accident/happened_on", { label: "意外发生日期", when: item("accident") }),
  hardship.long("reason", { hint: "说说家里遇到了什么困难" }),
];

const AUTUMN: readonly Field[] = [
  autumn.text("student/name", { label: "学生姓名" }),
  autumn.text("student/id_number", { label: "学生身份证号" }),
  autumn.choice("student/relation", {
    son: "儿子",
    daughter: "女儿",
    child: "子女",
    self: "本人",
    spouse: "配偶",
    grandchild: "孙子女、外孙子女",
    sibling: "兄弟姐妹",
    other: "其他",
  }),
  autumn.choice("stage", {
    senior_high: "高中",
    secondary_vocational: "中等职业学校",
    junior_college: "大专",
    undergraduate: "本科",
    postgraduate: "研究生",
  }),
  autumn.text("school", { hint: "写学校全称" }),
  autumn.yesNo("school_public"),
  autumn.choice("enrolment", { new: "新生", continuing: "在读" }),
  autumn.date("admitted_on", { label: "入学日期", when: (form) => form["enrolment"] === "new" }),
  autumn.whole("academic_year", { hint: "九月开学的那一年，例如 2026" }),
  autumn.money("tuition_fen", { label: "一学年学费", hint: "单位：元" }),
  autumn.choice("programme_type", {
    ordinary: "普通",
    military_academy: "军事院校",
    fee_free_normal: "公费师范",
    targeted: "定向培养",
    sino_foreign: "中外合作办学",
    high_fee_private: "高收费民办学校",
    study_abroad: "自费出国留学",
  }),
];

const SHEET = { hint: "照医保结算单填，没有就填 0" };

const MEDICAL: readonly Field[] = [
  medical.text("stay/hospital_name"),
  medical.text("stay/hospital_code", { hint: "结算单上的定点医药机构编号" }),
  medical.choice("stay/cause", { illness: "生病", accident: "意外" }),
  medical.date("stay/admitted_on", { label: "入院日期" }),
  medical.date("stay/discharged_on"),
  medical.text("stay/diagnosis"),
  medical.text("settlement/number"),
  medical.moment("settlement/settled_at", { label: "结算日期" }),
  medical.money("settlement/medfee_sumamt_fen", SHEET),
  medical.money("settlement/fulamt_ownpay_amt_fen", SHEET),
  medical.money("settlement/overlmt_selfpay_fen", SHEET),
  medical.money("settlement/preselfpay_amt_fen", SHEET),
  medical.money("settlement/inscp_scp_amt_fen", SHEET),
  medical.money("settlement/act_pay_dedc_fen", SHEET),
  medical.money("settlement/hifp_pay_fen", SHEET),
  medical.money("settlement/hifob_pay_fen", SHEET),
  medical.money("settlement/cvlserv_pay_fen", SHEET),
  medical.money("settlement/maf_pay_fen", SHEET),
  medical.money("settlement/acct_pay_fen", SHEET),
  medical.money("settlement/psn_cash_pay_fen", SHEET),
];

export const FORMS: Readonly<Record<AidKind, readonly Field[]>> = {
  hardship_aid: HARDSHIP,
  golden_autumn: AUTUMN,
  secondary_medical: MEDICAL,
};

/** 上传材料时写的用途。 */
export const PURPOSES: Readonly<Record<AidKind, Schemas["FileView"]["purpose"]>> = {
  hardship_aid: "income",
  golden_autumn: "schooling",
  secondary_medical: "medical",
};

export function kindOf(text: string | undefined): AidKind {
  return text === "golden_autumn" || text === "secondary_medical" ? text : "hardship_aid";
}

/** 新建时先填好的：能从日期知道的，不问人。 */
export function blank(kind: AidKind, academicYear: number): Loose {
  return kind === "golden_autumn" ? { academic_year: academicYear, other_grants: [] } : {};
}

export interface Difference {
  label: string;
  mine: string;
  theirs: string;
}

/** 手机上的和别处的哪里不同，给用户看过再选。 */
export function differences(kind: AidKind, mine: Loose, theirs: Loose): Difference[] {
  const found = FORMS[kind].map((field) => ({
    label: field.label,
    mine: said([field], mine),
    theirs: said([field], theirs),
  }));
  const files = { label: "材料", mine: count(mine), theirs: count(theirs) };
  return [...found, files].filter((each) => each.mine !== each.theirs);
}

function said(fields: readonly Field[], form: Loose): string {
  const shown = shownFields(fields.map(({ when: _, ...field }) => field), form)[0];
  return shown === undefined || shown.value === "" ? "没有填" : readable(shown);
}

/** 选项显示中文，其余照填的样子。 */
export function readable(shown: Shown): string {
  return shown.choices[shown.picked]?.text ?? shown.value;
}

function count(form: Loose): string {
  const ids = valueAt(form, "file_ids");
  return `${Array.isArray(ids) ? ids.length : 0}份`;
}
