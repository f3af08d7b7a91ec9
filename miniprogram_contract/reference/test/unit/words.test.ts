import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Refused, type Schemas, Unreachable } from "shantou-aid-contract";
import { buttonsOf, counted, pairsOf, previewOf, taskOf } from "../../miniprogram/logic/cases";
import { rootSize } from "../../miniprogram/logic/fonts";
import { consentsOf, looksOf } from "../../miniprogram/logic/privacy";
import { stagesOf, summaryOf } from "../../miniprogram/logic/progress";
import { answersOf, resultsOf } from "../../miniprogram/logic/screening";
import { troubleOf } from "../../miniprogram/logic/sentences";

function refused(status: number, code: string, more: object = {}, retryAfter?: number): Refused {
  return new Refused({ type: "", title: "", status, code, detail: "没有办成。", request_id: "r-1", ...more } as Schemas["Problem"], retryAfter);
}

test("every cure leads somewhere, in the server's own words", () => {
  const errors = [{ pointer: "/form/reason", code: "missing", message: "请填写这一项。" }];
  assert.deepEqual(troubleOf(refused(422, "invalid", { errors })).fields, errors);
  assert.equal(troubleOf(refused(403, "consents_missing", { purposes: "public_notice" })).url, "/pages/privacy/privacy?purposes=public_notice");
  assert.equal(troubleOf(refused(403, "identity_required")).url, "/pages/identity/identity");
  assert.equal(troubleOf(refused(409, "draft_already_open", { application_id: "a" })).url, "/pages/application/application?id=a");
  assert.equal(troubleOf(refused(412, "stale_version")).reload, true);
  assert.equal(troubleOf(refused(429, "too_many", {}, 30)).wait, 30);
  assert.equal(troubleOf(refused(500, "internal_error")).report, "internal_error r-1");
  assert.equal(troubleOf(refused(409, "something_new")).text, "没有办成。");
  assert.match(troubleOf(new Unreachable("request:fail")).text, /。$/);
});

test("a defect of the mini-program itself is not hidden from its developers", () => {
  assert.throws(() => troubleOf(new TypeError("x is not a function")), TypeError);
});

test("a state that is not known yet is shown all the same", () => {
  const stages = stagesOf({ route: ["submitted", "unit_review", "something_new" as "paid"], state: "unit_review" });
  assert.deepEqual(stages.map((each) => [each.text, each.mark]), [["已提交", "已办"], ["单位审核", "现在"], ["其他", "还没到"]]);
  assert.equal(stagesOf({ route: ["submitted"], state: "returned" }).at(-1)?.text, "退回补正");
  assert.equal(stagesOf({ route: [], state: "meeting" })[0]?.text, "会议决定");
});

test("the list says what one has to do oneself", () => {
  const each = { id: "a", kind: "golden_autumn", number: "JX-1", organisation: "某工会", amount_fen: null, created_at: "", submitted_at: null, version: 1 } as const;
  assert.equal(summaryOf({ ...each, state: "unit_review", supplement: "open", deadline: "2026-03-10T00:00:00+08:00" }).todo, "请补充材料，2026年3月10日前");
  assert.equal(summaryOf({ ...each, state: "returned", supplement: null, deadline: null }).todo, "请修改后重新提交");
  assert.equal(summaryOf({ ...each, state: "paid", supplement: null, deadline: null }).todo, "");
});

test("only what the server allows has a button, and what this page does not know has none", () => {
  const reasons = [{ action: "reject", code: "income", text: "收入超过标准", cure: "可以申诉" }] as const;
  const buttons = buttonsOf({ open_actions: ["approve", "reject", "convene", "ask_supplement", "something" as "vote"], reasons: [...reasons] });
  assert.deepEqual(buttons.map((each) => [each.action, each.reasons.length]), [["approve", 0], ["reject", 1]]);
  assert.deepEqual(buttonsOf({ open_actions: [], reasons: [] }), []);
});

test("a form is written out for whoever decides: amounts in yuan, ids left out", () => {
  const form = { student: { name: "陈*" }, tuition_fen: 685_000, school_public: true, file_ids: ["x"], cover_id: "y", admitted_on: null, other_grants: [{ giver: "慈善会", amount_fen: 100 }] };
  assert.deepEqual(pairsOf(form).map((each) => `${each.label}=${each.text}`), ["姓名=陈*", "学费=6,850.00元", "是否公办=是", "资助单位=慈善会", "金额=1.00元"]);
});

test("what waits is said in one line", () => {
  const task = taskOf({ application_id: "a", version: 2, number: "JX-1", kind: "golden_autumn", state: "unit_review", amount_fen: 500_000, applicant_masked: "陈*", organisation: "某工会", due_at: null, reuse: null, submitted_at: "", supplement: "open" });
  assert.equal(task.what, "金秋助学，5,000.00元，单位审核");
  assert.match(task.due, /等待补充材料$/);
  assert.deepEqual([counted(12, 10_000), counted(10_001, 10_000)], ["12", "10000+"]);
});

test("a batch says beforehand how much it is and what is left out, and why", () => {
  const one = { application_id: "a", number: "JX-1", kind: "golden_autumn", state: "unit_review", version: 1 } as const;
  const { headline, lines } = previewOf({
    action: "approve", token: "t", expires_at: "", totals: { allowed: 1, amount_fen: 500_000, count: 2, skipped: 1 },
    items: [
      { ...one, allowed: true, amount_fen: 500_000, to_state: "district_review", code: null, message: null },
      { ...one, application_id: "b", allowed: false, amount_fen: null, to_state: null, code: "not_allowed_now", message: "现在不能办理。" },
    ],
  });
  assert.equal(headline, "可以办理1件，共5,000.00元；不能办理1件");
  assert.deepEqual(lines.map((each) => each.text), ["5,000.00元，办后：区县审核", "现在不能办理。"]);
});

test("a consent to an older text has to be given again", () => {
  const text = { purpose: "public_notice", sha256: "new", text: "同意公示", version: "2" } as const;
  const mine = { id: "c", purpose: "public_notice", given_at: "2026-03-02T09:00:00+08:00", text_version: "1", text_sha256: "old", withdrawn_at: null } as const;
  assert.deepEqual(consentsOf([text], [mine], ["public_notice"]).map((each) => [each.givenId, each.needed]), [["", true]]);
  assert.deepEqual(consentsOf([text], [{ ...mine, text_sha256: "new" }], ["public_notice"]).map((each) => [each.givenId, each.needed]), [["c", false]]);
  assert.equal(consentsOf([text], [{ ...mine, text_sha256: "new", withdrawn_at: mine.given_at }], [])[0]?.givenId, "");
});

test("who looked is said with office and purpose", () => {
  const by = { name_masked: "林*", organisation: "龙湖区总工会", role: "district_reviewer" };
  const [look, own] = looksOf([
    { action: "reveal", at: "2026-03-02T09:00:00+08:00", by, by_me: false, field: "id_number", purpose: "review", reason: "核对", subject_kind: "application" },
    { action: "read", at: "2026-03-02T09:00:00+08:00", by, by_me: true, field: null, purpose: null, reason: null, subject_kind: "application" },
  ]);
  assert.equal(look?.who, "龙湖区总工会区县工会审核人 林*");
  assert.equal(look?.what, "查看完整的证件号码，为了审核，核对");
  assert.equal(own?.who, "您本人");
});

test("what was not answered is not guessed", () => {
  assert.deepEqual(answersOf({}), { household: { file_active: null } });
  assert.deepEqual(answersOf({ household: { members: 3, file_active: true }, student: { stage: "undergraduate" } }), {
    household: { members: 3, file_active: true }, student: { stage: "undergraduate" },
  });
  const [one] = resultsOf({
    decided_on: "2026-03-02", dibao: { likely: "no", source: "", text: "" },
    items: [{ kind: "golden_autumn", likely: "yes", amount_fen_max: 500_000, form: {}, reasons: [
      { rule: "a", met: true, text: "有在读子女", given: "", needed: "", source: "" },
      { rule: "b", met: null, text: "已建档", given: "没有填", needed: "", source: "" },
    ] }],
  });
  assert.deepEqual([one?.amount, one?.reasons, one?.canApply], ["最多5,000.00元", ["无法判断：已建档（没有填）"], true]);
});

test("letters grow with WeChat's setting and with ours, to a limit, and never shrink", () => {
  assert.equal(rootSize("", undefined), "17px");
  assert.equal(rootSize("largest", 17), "24px");
  assert.equal(rootSize("normal", 15), "17px");
  assert.equal(rootSize("largest", 28), "32px");
});
