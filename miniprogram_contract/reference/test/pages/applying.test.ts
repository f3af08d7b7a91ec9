// 首页、自测、申请、进度：怎样测，见 ../opening.ts。
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Recorded } from "../examples";
import { ID, last, open, phone, start } from "../opening";

test("home opens without signing in, and then greets", async () => {
  start(false);
  const page = await open("pages/home/home");
  assert.match(page.text, /汕头市总工会职工帮扶.*我能领什么.*登录/s);
  assert.match(page.text, /申请困难帮扶.*申请金秋助学.*申请住院二次医保/s);
  assert.deepEqual(phone.asked.map((each) => each.operation), ["GET /api/v1/programmes"]);
  phone.change("GET /api/v1/me", { consents_missing: ["privacy_policy"], verified: false });
  phone.change("GET /api/v1/me/messages/count", { count: 1001 });
  await page.tap("登录");
  assert.match(page.text, /您好，陈\*明.*请先实名认证.*有授权书等您阅读.*有1000\+条未读消息.*工会待办/s);
  await page.tap("有授权书等您阅读");
  await page.tap("申请金秋助学");
  await page.tap("未读消息");
  assert.deepEqual(phone.went.map((each) => each.url), [
    "/pages/privacy/privacy?purposes=privacy_policy", "/pages/apply/apply?kind=golden_autumn", "/pages/messages/messages",
  ]);
});

test("home says what does not work, and offers what helps", async () => {
  start();
  phone.refuse("GET /api/v1/me", 500, "internal_error");
  const page = await open("pages/home/home");
  await page.tap("复制报错信息");
  assert.deepEqual(phone.copied, ["internal_error r-1"]);
});

test("screening asks without signing in and says what one can get", async () => {
  start(false);
  const page = await open("pages/screening/screening");
  await page.fill("一起生活的有几口人（包括您）", "3");
  await page.fill("全家一年收入", "3万");
  assert.match(page.text, /请填写金额，最多两位小数。/);
  await page.fill("全家一年收入", "30000");
  await page.fill("已经建立困难职工档案了吗", "是");
  assert.doesNotMatch(page.text, /一学年学费/);
  await page.fill("孩子在读什么（没有可以不填）", "本科");
  await page.fill("孩子一学年学费", "5000");
  await page.tap("看结果");
  assert.deepEqual(last("POST /api/v1/screening").body, {
    household: { members: 3, income_fen_yearly: 3_000_000, file_active: true }, student: { stage: "undergraduate", tuition_fen: 500_000 },
  });
  assert.equal(last("POST /api/v1/screening").header["authorization"], undefined);
  assert.match(page.text, /困难帮扶：很可能可以.*最多10,464.00元.*无法判断：家庭已建立困难职工档案.*建议同时向街道/s);
  await page.tap("去申请金秋助学");
  assert.equal(phone.went.at(-1)?.url, "/pages/apply/apply?kind=golden_autumn");
});

for (const kind of ["hardship_aid", "golden_autumn", "secondary_medical"] as const) {
  test(`an application is filled in, previewed, given papers and submitted: ${kind}`, async () => {
    start();
    const warnings = [{ pointer: "/form/school", code: "missing", message: "请填写学校。" }, { pointer: "/form/file_ids", code: "missing", message: "请上传材料。" }];
    phone.change("POST /api/v1/applications", { id: ID, kind, warnings, version: 1 }, 201);
    phone.change("PUT /api/v1/applications/{application_id}", { id: ID, kind, warnings, version: 2 });
    phone.change("POST /api/v1/applications/{application_id}/submit", { id: ID, state: "submitted" });
    phone.templates = { "sim-progress": "acceptWithAudio", "sim-to_do": "reject" };
    const page = await open("pages/apply/apply", { kind });
    assert.match(page.text, /还没有上传，先保存在手机上.*（必需）/s);
    if (kind === "golden_autumn") await page.fill("学校", "汕头大学");
    if (kind === "hardship_aid") await page.fill("申请事项", "生活救助");
    if (kind === "secondary_medical") await page.fill("医院名称", "汕头市中心医院");
    assert.equal(phone.asked.filter((each) => each.operation.startsWith("POST")).length, 0, "filling in is done on the phone");
    await page.tap("保存草稿");
    assert.match(page.text, /已保存到服务器.*请上传材料。/s);
    if (kind === "golden_autumn") assert.match(page.text, /请填写学校。/);
    await page.tap("拍照或从相册选");
    assert.match(page.text, /第1份：已上传/);
    await page.tap("看看能批多少");
    assert.match(page.text, /怎样算出来的|依据：/);
    await page.tap("提交");
    const put = last("PUT /api/v1/applications/{application_id}");
    assert.equal((put.body as { form: { file_ids: string[] } }).form.file_ids.length, 1);
    assert.equal(put.header["if-match"], '"1"');
    assert.deepEqual(last("PUT /api/v1/me/subscriptions").body, { results: { progress: "acceptWithAudio", to_do: "reject" } });
    assert.equal(last("POST /api/v1/applications/{application_id}/submit").header["if-match"], '"2"');
    assert.deepEqual(phone.went, [{ how: "redirectTo", url: `/pages/application/application?id=${ID}` }]);
    assert.equal(phone.stored.get("aid.drafts"), "[]", "what was submitted does not stay on the phone");
  });
}

test("without a network a draft waits on the phone, and a submission is asked for again with the same key", async () => {
  start();
  phone.instead.set("POST /api/v1/applications", "lost");
  const page = await open("pages/apply/apply", { kind: "hardship_aid" });
  await page.fill("申请理由", "失业");
  await page.tap("保存草稿");
  assert.match(page.text, /还没有上传，先保存在手机上/);
  phone.instead.delete("POST /api/v1/applications");
  phone.change("POST /api/v1/applications", { id: ID, version: 1 }, 201);
  phone.instead.set("POST /api/v1/applications/{application_id}/submit", "lost");
  await page.tap("提交");
  assert.match(page.text, /网络不通/);
  assert.match(page.text, /正在等待结果/);
  phone.change("POST /api/v1/applications/{application_id}/submit", { id: ID, state: "submitted" });
  const before = phone.asked.filter((each) => each.operation.endsWith("/submit")).at(-1)?.header["idempotency-key"];
  await page.tap("再看一次提交结果");
  assert.equal(last("POST /api/v1/applications/{application_id}/submit").header["idempotency-key"], before);
  assert.equal(phone.went.at(-1)?.how, "redirectTo");
});

test("a refusal of a submission leads to what is missing", async () => {
  start();
  phone.change("POST /api/v1/applications", { id: ID, version: 1 }, 201);
  phone.refuse("POST /api/v1/applications/{application_id}/submit", 403, "consents_missing", { purposes: "public_notice" });
  const page = await open("pages/apply/apply", { kind: "hardship_aid" });
  await page.tap("提交");
  await page.tap("去阅读并同意");
  assert.equal(phone.went.at(-1)?.url, "/pages/privacy/privacy?purposes=public_notice");
  phone.refuse("POST /api/v1/applications/{application_id}/submit", 422, "invalid", { errors: [{ pointer: "/form/reason", code: "missing", message: "请写明理由。" }] });
  await page.tap("提交");
  assert.match(page.text, /请写明理由。/);
  const [decision] = [Recorded.example<{ decision: object }>("POST /api/v1/applications/{application_id}/submit").decision];
  phone.change("POST /api/v1/applications/{application_id}/submit", { state: "rejected", decision: { ...decision, outcome: "ineligible" } });
  await page.tap("提交");
  assert.match(page.text, /按政策不符合条件，没有进入审核。.*按现行政策不符合条件/s);
});

test("a draft that was changed elsewhere is compared, and the person chooses", async () => {
  start();
  const mine = { item: "living", reason: "失业" };
  phone.change("GET /api/v1/applications/{application_id}", { id: ID, kind: "hardship_aid", version: 5, form: { item: "medical", reason: "失业" } });
  phone.change("POST /api/v1/applications", { id: ID, version: 1, form: mine }, 201);
  phone.refuse("PUT /api/v1/applications/{application_id}", 412, "stale_version", { version: 5 });
  const page = await open("pages/apply/apply", { kind: "hardship_aid" });
  await page.fill("申请理由", "失业");
  await page.tap("保存草稿");
  await page.fill("申请事项", "生活救助");
  await page.tap("保存草稿");
  assert.match(page.text, /申请事项：手机上是“生活救助”，另一份是“医疗救助”/);
  phone.change("PUT /api/v1/applications/{application_id}", { id: ID, version: 6 });
  await page.tap("用手机上的");
  assert.equal(last("PUT /api/v1/applications/{application_id}").header["if-match"], '"5"');
  assert.match(page.text, /已保存到服务器/);
  phone.refuse("PUT /api/v1/applications/{application_id}", 412, "stale_version", { version: 7 });
  await page.fill("申请理由", "生病");
  await page.tap("保存草稿");
  await page.tap("用另一份");
  assert.equal((page.data["form"] as { item: string }).item, "medical");
});

test("a draft of another phone is opened, and a paper that does not fit is not lost silently", async () => {
  start();
  phone.change("GET /api/v1/applications/{application_id}", { id: ID, kind: "golden_autumn", form: { school: "汕头大学", file_ids: ["f"] } });
  const page = await open("pages/apply/apply", { id: ID });
  assert.match(page.text, /金秋助学.*这份申请已有1份材料/s);
  phone.chosen = [{ path: "large.jpg", size: 11 * 1024 * 1024 }];
  await page.tap("从微信聊天选 PDF");
  assert.match(page.text, /文件超过 10 MB/);
  await page.tap("去掉");
  phone.chosen = [{ path: "a.jpg", size: 1 }];
  phone.instead.set("POST /api/v1/files", "lost");
  await page.tap("拍照或从相册选");
  phone.instead.delete("POST /api/v1/files");
  const keys = phone.asked.filter((each) => each.operation === "POST /api/v1/files").map((each) => each.header["idempotency-key"]);
  await page.tap("接着上传");
  assert.equal(last("POST /api/v1/files").header["idempotency-key"], keys[0], "the same paper keeps its key");
  assert.match(page.text, /这份申请已有2份材料/);
});

test("one's applications, and what is still on the phone", async () => {
  start();
  phone.stored.set("aid.drafts", JSON.stringify([{ localId: "l", kind: "golden_autumn", form: {}, warnings: [], saved: false }]));
  phone.instead.set("POST /api/v1/applications", "lost");
  phone.change("GET /api/v1/applications", { next_cursor: "next" });
  const page = await open("pages/applications/applications");
  assert.match(page.text, /金秋助学.*草稿在手机上，还没有上传/s);
  assert.match(page.text, /BF-|JX-|YB-/);
  await page.tap("再看一些");
  assert.match(last("GET /api/v1/applications").url, /cursor=next/);
  await page.tap("接着填");
  await page.tap("查看");
  await page.call("onPullDownRefresh");
  assert.deepEqual(phone.went.map((each) => each.url.replace(/id=.*/, "id=")), [
    "/pages/apply/apply?kind=golden_autumn&local=l", "/pages/application/application?id=",
  ]);
});

test("an application tells its way, its clock, its decision and what happened", async () => {
  start();
  phone.change("GET /api/v1/applications/{application_id}", { open_actions: ["withdraw"] });
  const page = await open("pages/application/application", { id: ID });
  assert.match(page.text, /现在由工会办理/);
  assert.match(page.text, /已办市级审批.*现在待发放/s);
  assert.match(page.text, /经过/);
  assert.match(page.text, /符合条件，测算金额/);
  await page.tap("撤回申请");
  assert.match(last("POST /api/v1/applications/{application_id}/withdraw").header["if-match"] ?? "", /^"\d+"$/);
  assert.deepEqual(phone.said, ["办好了"]);
  phone.modal = undefined;
  const before = phone.asked.length;
  await page.tap("撤回申请");
  assert.equal(phone.asked.length, before, "who says no has not withdrawn");
});

test("what was asked for is given, item by item", async () => {
  start();
  const supplement = {
    id: "s", state: "open", round: 1, asked_at: "2026-03-02T09:00:00+08:00", due_at: "2026-03-10T00:00:00+08:00", closed_at: null, answer: null,
    asked_by_organisation: "龙湖区总工会", asked_by_role: "district_reviewer", at_state: "district_review", missing: [], text: "请拍清楚。",
    items: [{ code: "income_proof", name: "收入证明" }, { code: "other_1", name: "邻居的说明" }],
  };
  phone.change("GET /api/v1/applications/{application_id}", { open_actions: ["supplement"], supplement: "open", supplements: [supplement] });
  const page = await open("pages/application/application", { id: ID });
  assert.match(page.text, /请补充材料，2026年3月10日 00:00前.*请拍清楚。.*收入证明/s);
  await page.tap("选照片");
  assert.match(page.text, /收入证明（已选1份）/);
  await page.tap("拍照或从相册选");
  await page.fill("还想说明的", "这是上个月的。");
  await page.tap("交上补充材料");
  const { body } = last("POST /api/v1/applications/{application_id}/supplement") as { body: { answers: { item: string; file_ids: string[] }[]; file_ids: string[]; note: string } };
  assert.deepEqual(body.answers.map((each) => [each.item, each.file_ids.length]), [["income_proof", 1]]);
  assert.deepEqual([body.file_ids.length, body.note], [1, "这是上个月的。"]);
});

test("a refusal is appealed against, an appeal is taken back, a payment is rated", async () => {
  start();
  phone.change("GET /api/v1/applications/{application_id}", { open_actions: ["appeal"], state: "rejected" });
  const page = await open("pages/application/application", { id: ID });
  await page.fill("申诉的理由", "收入算错了");
  await page.tap("提出申诉");
  assert.deepEqual(last("POST /api/v1/applications/{application_id}/appeals").body, { reason: "收入算错了" });
  const [appeal] = Recorded.example<{ items: object[] }>("GET /api/v1/applications/{application_id}/appeals").items;
  phone.instead.set("GET /api/v1/applications/{application_id}/appeals", { status: 200, data: { items: [{ ...appeal, state: "at_city", open_actions: ["withdraw"], version: 2 }] } });
  phone.change("GET /api/v1/applications/{application_id}", { open_actions: [], state: "paid" });
  phone.refuse("GET /api/v1/applications/{application_id}/rating", 404, "rating_not_found");
  await page.call("load");
  assert.match(page.text, /申诉：等待市总复核/);
  await page.tap("撤回申诉");
  assert.equal(last("POST /api/v1/applications/{application_id}/appeals/{appeal_id}/withdraw").header["if-match"], '"2"');
  assert.match(page.text, /请评价这次办理/);
  phone.instead.delete("GET /api/v1/applications/{application_id}/rating");
  await page.tap("非常满意");
  assert.deepEqual(last("POST /api/v1/applications/{application_id}/rating").body, { score: 5 });
  assert.match(page.text, /您的评价：/);
});

test("what was sent back is edited", async () => {
  start();
  phone.change("GET /api/v1/applications/{application_id}", { open_actions: ["submit", "withdraw"], state: "returned" });
  const page = await open("pages/application/application", { id: ID });
  await page.tap("修改并重新提交");
  assert.equal(phone.went.at(-1)?.url, `/pages/apply/apply?id=${ID}`);
});
