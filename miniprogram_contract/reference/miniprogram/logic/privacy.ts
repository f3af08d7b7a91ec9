// 授权、谁看过我的信息。
import { FIELDS, ROLES, type Schemas, said } from "shantou-aid-contract";
import { moment } from "./dates";

type Purpose = Schemas["Purpose"];

const PURPOSES: Readonly<Record<Purpose, string>> = {
  privacy_policy: "隐私政策",
  sensitive_health: "健康和住院信息",
  sensitive_finance: "收入、支出和银行卡",
  identity_photo: "证件照片",
  child_data: "子女信息",
  data_matching: "与部门核对信息",
  public_notice: "公示",
  official_account: "公众号消息",
  publicity: "宣传文章",
};

export interface ConsentShown {
  purpose: Purpose;
  name: string;
  text: string;
  sha256: string;
  /** 有效的那一次同意；没有同意的是空的。 */
  givenId: string;
  given: string;
  /** 现在要办的事缺这一项。 */
  needed: boolean;
}

/** 每一项授权：现行文本，和本人最近一次有效的同意。同意过旧文本的，要重新同意。 */
export function consentsOf(
  texts: readonly Schemas["ConsentTextView"][],
  mine: readonly Schemas["ConsentView"][],
  needed: readonly string[],
): ConsentShown[] {
  return texts.map(({ purpose, text, sha256 }) => {
    const given = mine.find((each) => each.purpose === purpose && each.withdrawn_at === null && each.text_sha256 === sha256);
    return {
      purpose,
      text,
      sha256,
      name: said(PURPOSES, purpose),
      givenId: given?.id ?? "",
      given: given === undefined ? "没有同意" : `${moment(given.given_at)}同意`,
      needed: needed.includes(purpose) && given === undefined,
    };
  });
}

export interface Look {
  key: string;
  who: string;
  what: string;
  at: string;
}

const WHY: Readonly<Record<string, string>> = {
  review: "审核",
  inquiry: "答复查询",
  verification: "核实",
  supervision: "监督检查",
  consultation: "会商",
};

export function looksOf(items: readonly Schemas["LookView"][]): Look[] {
  return items.map(({ at, by, by_me, field, purpose, reason }, n) => ({
    key: `${n}`,
    who: by_me ? "您本人" : `${by.organisation ?? ""}${by.role === null ? "" : said(ROLES, by.role)} ${by.name_masked ?? ""}`.trim(),
    what: [
      field === null ? "查看" : `查看完整的${FIELDS[field] ?? "信息"}`,
      purpose === null ? "" : `为了${said(WHY, purpose)}`,
      reason ?? "",
    ].filter((part) => part !== "").join("，"),
    at: moment(at),
  }));
}
