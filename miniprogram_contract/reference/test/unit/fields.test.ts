import { strict as assert } from "node:assert";
import { test } from "node:test";
import { otherMessages, shownFields, valueAt, valueOf, withValue } from "../../miniprogram/logic/fields";
import { FORMS, blank, differences, kindOf } from "../../miniprogram/logic/forms";

test("one place of a form is changed and the rest stays; what becomes empty goes", () => {
  const form = { school: "汕大", student: { name: "陈小雨", id_number: "1" } };
  assert.deepEqual(withValue(form, "student/name", "陈小虎"), { school: "汕大", student: { name: "陈小虎", id_number: "1" } });
  assert.deepEqual(withValue(form, "school", undefined), { student: form.student });
  assert.deepEqual(withValue(withValue(form, "student/name", undefined), "student/id_number", undefined), { school: "汕大" });
  assert.deepEqual(withValue({}, "stay/hospital_name", "中心医院"), { stay: { hospital_name: "中心医院" } });
  assert.equal(valueAt(form, "student/name"), "陈小雨");
  assert.equal(valueAt(form, "stay/name"), undefined);
});

test("a form asks only for what belongs to what was chosen", () => {
  const places = (form: object): string[] => shownFields(FORMS.hardship_aid, form as Record<string, unknown>).map((each) => each.at);
  assert.ok(!places({ item: "living" }).some((at) => at.startsWith("medical/")));
  assert.ok(places({ item: "medical" }).includes("medical/self_paid_fen"));
  assert.ok(places({ item: "accident" }).includes("accident/happened_on"));
});

test("every field of every form has a Chinese name", () => {
  for (const field of Object.values(FORMS).flat()) assert.match(field.label, /^[^a-z_]+$/, field.at);
  for (const { choices } of Object.values(FORMS).flat()) assert.ok(choices.every((each) => /^[^a-z_]+$/.test(each.text)));
});

test("what the server says stands beside the field that it is about, and nothing is lost", () => {
  const told = [
    { pointer: "/form/student/name", message: "请填写姓名。" },
    { pointer: "/form/tuition_fen", message: "请填写学费。" },
    { pointer: "/form/file_ids", message: "请上传材料。" },
  ];
  const shown = shownFields(FORMS.golden_autumn, {}, told, "/form");
  const said = Object.fromEntries(shown.map((each) => [each.at, each.message]));
  assert.equal(said["student/name"], "请填写姓名。");
  assert.equal(said["student/id_number"], "");
  assert.equal(said["tuition_fen"], "请填写学费。");
  assert.deepEqual(otherMessages(shown, told, "/form"), ["请上传材料。"]);
  const group = shownFields(FORMS.golden_autumn, {}, [{ pointer: "/form/student", message: "请填写学生。" }], "/form");
  assert.equal(group.find((each) => each.at === "student/name")?.message, "请填写学生。");
  const whole = [{ pointer: "/form", message: "请填写申请表。" }];
  assert.deepEqual(otherMessages(shownFields(FORMS.golden_autumn, {}, whole, "/form"), whole, "/form"), ["请填写申请表。"]);
});

test("what is typed becomes what the contract wants", () => {
  assert.equal(valueOf({ as: "money" }, "12.5"), 1250);
  assert.equal(valueOf({ as: "money" }, "十二"), undefined);
  assert.equal(valueOf({ as: "whole" }, "3"), 3);
  assert.equal(valueOf({ as: "whole" }, "3.5"), undefined);
  assert.equal(valueOf({ as: "yes_no" }, "false"), false);
  assert.equal(valueOf({ as: "text" }, "  "), undefined);
  assert.equal(valueOf({ as: "moment" }, "2026-03-02"), "2026-03-02T12:00:00+08:00");
});

test("a value is shown as it is typed, and a choice by its words", () => {
  const [money, choice, yes, moment] = [
    shownFields(FORMS.golden_autumn, { tuition_fen: 685_000 }).find((each) => each.at === "tuition_fen"),
    shownFields(FORMS.golden_autumn, { stage: "undergraduate" }).find((each) => each.at === "stage"),
    shownFields(FORMS.golden_autumn, { school_public: false }).find((each) => each.at === "school_public"),
    shownFields(FORMS.secondary_medical, { settlement: { settled_at: "2026-03-02T09:00:00+08:00" } }).find((each) => each.at === "settlement/settled_at"),
  ];
  assert.equal(money?.value, "6850");
  assert.equal(choice?.choices[choice.picked]?.text, "本科");
  assert.equal(yes?.choices[yes.picked]?.text, "否");
  assert.equal(moment?.value, "2026-03-02");
});

test("two versions of a draft are told apart in words", () => {
  const mine = { tuition_fen: 685_000, school: "汕头大学", file_ids: ["a"] };
  const theirs = { tuition_fen: 500_000, school: "汕头大学", stage: "undergraduate" };
  assert.deepEqual(differences("golden_autumn", mine, theirs), [
    { label: "学段", mine: "没有填", theirs: "本科" },
    { label: "一学年学费", mine: "6850", theirs: "5000" },
    { label: "材料", mine: "1份", theirs: "0份" },
  ]);
});

test("a kind that is not known is the first, and a new form has what needs no asking", () => {
  assert.equal(kindOf("golden_autumn"), "golden_autumn");
  assert.equal(kindOf("moon"), "hardship_aid");
  assert.deepEqual(blank("golden_autumn", 2026), { academic_year: 2026, other_grants: [] });
});
