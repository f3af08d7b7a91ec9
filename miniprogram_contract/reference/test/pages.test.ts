// 每一页在官方组件模拟器里打开，用约定里录下的回答；能点的都点一遍，问服务器的都记下（AID_ASKED）。
import { strict as assert } from "node:assert";
import { appendFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterEach, test } from "node:test";
import { Recorded, dictionaries } from "./examples";
import type { Screen as Page } from "./sim";

type Services = typeof import("../miniprogram/services");

const load = createRequire(__filename);

// 断网时的重发不用真的等。
const { setTimeout: later } = globalThis;
globalThis.setTimeout = ((work: () => void, milliseconds?: number) => later(work, Math.min(milliseconds ?? 0, 1))) as typeof setTimeout;

let phone = new Recorded();

/** 一部新手机：什么都没有存，没有登录。 */
function start(signedIn = true): Recorded {
  phone = new Recorded();
  Object.assign(globalThis, { wx: phone.wx });
  forgetModules();
  if (signedIn) phone.stored.set("aid.session", JSON.stringify({ access: "a", refresh: "r", expiresAt: Date.now() + 1_800_000 }));
  return phone;
}

async function open(path: string, query: Readonly<Record<string, string>> = {}): Promise<Page> {
  const { Screen } = load("./sim") as typeof import("./sim");
  // 模拟器会往全局的 wx 里补它自己的；我们的在前。
  Object.assign((globalThis as unknown as { wx: object }).wx, phone.wx);
  return Screen.open(path, query, phone.idle);
}

/** 关掉再打开：内存里的都没有了，存储还在。 */
async function reopened(path: string): Promise<Page> {
  forgetModules();
  return open(path);
}

function forgetModules(): void {
  for (const name of Object.keys(load.cache)) if (name.includes("/miniprogram/")) delete load.cache[name];
}

function last(operation: string): { body: unknown; header: Record<string, string>; url: string } {
  const found = phone.asked.filter((each) => each.operation === operation).at(-1);
  assert.ok(found, `${operation} was not asked: ${phone.asked.map((each) => each.operation)}`);
  return found;
}

afterEach(() => {
  const file = process.env["AID_ASKED"];
  if (file !== undefined) appendFileSync(file, phone.asked.map((each) => `${each.operation}\n`).join(""));
});

const ID = "019cab00-0000-7000-8000-000000000001";

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

test("a household file is written, kept on the phone, saved and submitted", async () => {
  start();
  phone.instead.set("GET /api/v1/reference/dictionaries", { status: 200, data: { items: dictionaries() } });
  phone.refuse("GET /api/v1/me/household", 404, "household_not_found");
  const page = await open("pages/household/household");
  assert.match(page.text, /还没有建档，请填写后提交/);
  await page.fill("户主姓名", "陈小明");
  await page.fill("健康状况", "慢性病");
  await page.fill("疾病类别", "糖尿病");
  await page.tap("加一个家人");
  await page.fill("姓名", "陈小雨");
  await page.tap("加一项必要支出");
  await page.fill("一年金额", "6000");
  assert.equal(phone.asked.filter((each) => each.operation.startsWith("PUT")).length, 0);
  const told = { version: 1, state: "draft", open_actions: ["submit", "withdraw"], form: { head: { name: "陈小明" }, members: [{}], rigid_spending: [] } };
  const warnings = [{ pointer: "/members/0/name", code: "missing", message: "请填写家人的姓名。" }];
  phone.change("PUT /api/v1/me/household", { ...told, warnings });
  await page.tap("保存");
  assert.deepEqual(last("PUT /api/v1/me/household").body, {
    members: [{ name: "陈小雨" }], rigid_spending: [{ amount_fen: 600_000 }], secondary_causes: [], demands: [], file_ids: [],
    head: { name: "陈小明", health: "chronic_illness", illness: "diabetes" },
  });
  assert.equal(last("PUT /api/v1/me/household").header["if-match"], undefined, "the first time there is no version");
  assert.match(page.text, /请填写家人的姓名。/);
  assert.equal(phone.stored.has("aid.household"), false);
  phone.instead.delete("GET /api/v1/me/household");
  await page.tap("提交档案");
  assert.equal(last("PUT /api/v1/me/household").header["if-match"], '"1"');
  assert.equal(last("POST /api/v1/me/household/submit").header["if-match"], '"1"');
  assert.match(page.text, /家庭档案：已建档.*档案号 DA-440507-2026-000001/s);
});

test("a household file on the phone outlives a lost network; one filed by the union is confirmed", async () => {
  start();
  phone.stored.set("aid.household", JSON.stringify({ head: { name: "手机上的" }, members: [] }));
  phone.instead.set("GET /api/v1/me/household", "lost");
  const page = await open("pages/household/household");
  assert.match(page.text, /还没有保存到服务器/);
  page.close();
  phone.stored.delete("aid.household");
  phone.change("GET /api/v1/me/household", { state: "draft", open_actions: ["confirm_proxy"], version: 4 });
  const other = await open("pages/household/household");
  await other.tap("确认并提交");
  assert.equal(last("POST /api/v1/me/household/confirm_proxy").header["if-match"], '"4"');
  phone.change("GET /api/v1/me/household", { state: "submitted", open_actions: ["withdraw"], version: 5 });
  await other.call("load");
  await other.tap("撤回档案");
  assert.equal(last("POST /api/v1/me/household/withdraw").header["if-match"], '"5"');
});

test("identity, telephone, union and card", async () => {
  start();
  phone.change("GET /api/v1/me", { verified: false });
  const page = await open("pages/identity/identity");
  await page.fill("姓名", "陈小明");
  await page.fill("身份证号", "1");
  phone.refuse("PUT /api/v1/me/identity", 422, "invalid", { errors: [{ pointer: "/id_number", code: "id_number_length", message: "身份证号应为 18 位。" }] });
  await page.tap("提交");
  assert.match(page.text, /身份证号应为 18 位。/);
  phone.instead.delete("PUT /api/v1/me/identity");
  await page.tap("提交");
  assert.match(page.text, /已实名：/);
  await page.call("phone", { detail: {} });
  await page.call("phone", { detail: { code: "c" } });
  assert.deepEqual(last("PUT /api/v1/me/phone").body, { code: "c" });
  await page.fill("换一个工会", "榕汐");
  await page.tap("查找");
  assert.match(last("GET /api/v1/organisations").url, /q=%E6%A6%95%E6%B1%90/);
  const [union] = Recorded.example<{ items: { name: string; code: string }[] }>("GET /api/v1/organisations").items;
  await page.tap(union?.name ?? "");
  assert.deepEqual(last("PUT /api/v1/me/organisation").body, { organisation_code: union?.code });
  await page.fill("开户人", "陈小明");
  await page.fill("卡号", "6222");
  await page.tap("绑定");
  assert.deepEqual(last("PUT /api/v1/me/bank_card").body, { holder: "陈小明", number: "6222" });
});

test("a worker sees what was written down about a visit, and confirms it or says what is not so", async () => {
  start();
  const [visit] = Recorded.example<{ items: object[] }>("GET /api/v1/me/visits").items;
  phone.instead.set("GET /api/v1/me/visits", { status: 200, data: { items: [{ ...visit, open_actions: ["confirm"], version: 12 }], next_cursor: "n" } });
  const page = await open("pages/visits/visits");
  assert.match(page.text, /2026年3月3日：待本人确认.*住房类型租房/s);
  await page.tap("记录属实，确认");
  assert.deepEqual(last("POST /api/v1/me/visits/{visit_id}/confirm").body, { agrees: true });
  assert.equal(last("POST /api/v1/me/visits/{visit_id}/confirm").header["if-match"], '"12"');
  phone.modal = "住的是自建房";
  await page.tap("有不属实的地方");
  assert.deepEqual(last("POST /api/v1/me/visits/{visit_id}/confirm").body, { agrees: false, text: "住的是自建房" });
  await page.tap("再看一些");
});

test("messages are read where they lead to", async () => {
  start();
  const { items } = Recorded.example<{ items: object[] }>("GET /api/v1/me/messages");
  phone.instead.set("GET /api/v1/me/messages", { status: 200, data: { items: [{ ...items[0], id: "m", read_at: null, subject_kind: "application", subject_id: "a" }], next_cursor: "n" } });
  phone.change("POST /api/v1/me/messages/{message_id}/read", { id: "m", read_at: "2026-03-02T09:00:00+08:00", subject_kind: "application", subject_id: "a" });
  const page = await open("pages/messages/messages");
  assert.match(page.text, /未读：/);
  await page.tap("未读：");
  assert.equal(phone.went.at(-1)?.url, "/pages/application/application?id=a");
  assert.doesNotMatch(page.text, /未读：/);
  await page.tap("再看一些");
});

test("consents are read and given, taken back; who looked; one's data; the end of an account", async () => {
  start();
  const [text] = Recorded.example<{ items: { purpose: string; sha256: string }[] }>("GET /api/v1/consents").items;
  phone.instead.set("GET /api/v1/me/consents", { status: 200, data: { items: [] } });
  phone.change("GET /api/v1/me/access_log", { next_cursor: "n" });
  const page = await open("pages/privacy/privacy", { purposes: text?.purpose ?? "" });
  assert.match(page.text, /隐私政策.*要办的事需要这一项同意.*没有同意/s);
  const given = { id: "c", given_at: "2026-03-02T09:00:00+08:00", withdrawn_at: null, purpose: text?.purpose, text_sha256: text?.sha256, text_version: "1" };
  phone.instead.set("GET /api/v1/me/consents", { status: 200, data: { items: [given] } });
  await page.tap("我已阅读，同意");
  assert.deepEqual(last("POST /api/v1/me/consents").body, { purpose: text?.purpose, sha256: text?.sha256 });
  await page.tap("撤回同意");
  assert.match(last("POST /api/v1/me/consents/{consent_id}/withdraw").url, /\/c\/withdraw$/);
  assert.match(page.text, /谁看过我的信息.*2026年/s);
  await page.tap("再看一些");
  await page.tap("取一份我的数据");
  assert.deepEqual([...phone.written.keys()], phone.shared);
  phone.stored.set("aid.visit.v", "{}");
  phone.stored.set("aid.font", '"large"');
  await page.tap("注销账户");
  assert.deepEqual([...phone.stored.keys()].filter((key) => !key.startsWith("aid.reference")), ["aid.font"], "nothing of the person stays on the phone");
  assert.equal(phone.went.at(-1)?.how, "reLaunch");
});

test("letters grow on every page, and who signs out leaves nothing behind", async () => {
  start();
  const page = await open("pages/settings/settings");
  await page.tap("特大");
  assert.equal(page.data["rootSize"], "24px");
  assert.match(page.text, /特大（正在使用）/);
  await page.tap("我的隐私");
  phone.stored.set("aid.drafts", "[]");
  await page.tap("退出登录");
  assert.deepEqual([...phone.stored.keys()], ["aid.font"]);
  last("DELETE /api/v1/sessions/current");
});

test("a developer signs in as somebody of the demo, and nobody does in a released version", async () => {
  start(false);
  const page = await open("pages/settings/settings");
  await page.fill("演示人物（开发版）", "worker-chen");
  await page.tap("换成这个人");
  const home = await reopened("pages/home/home");
  await home.tap("登录");
  assert.match((last("POST /api/v1/sessions").body as { code: string }).code, /^sim:worker-chen#/);
  phone.version = "release";
  phone.stored.delete("aid.session");
  const released = await reopened("pages/home/home");
  await released.tap("登录");
  assert.equal((last("POST /api/v1/sessions").body as { code: string }).code, "c");
  assert.doesNotMatch((await reopened("pages/settings/settings")).text, /演示人物/);
});

test("staff see what waits, and do several at once after seeing what it comes to", async () => {
  start();
  phone.change("GET /api/v1/staff/tasks", { next_cursor: "n" });
  phone.templates = { "sim-work": "accept" };
  const page = await open("staff/tasks/tasks");
  assert.match(page.text, /待办\d+件/);
  await page.tap("只看超过时限的");
  assert.match(last("GET /api/v1/staff/tasks").url, /overdue=true/);
  assert.deepEqual(last("PUT /api/v1/me/subscriptions").body, { results: { work: "accept" } });
  await page.tap("选中，一起办");
  await page.tap("通过选中的1件");
  const { body } = last("POST /api/v1/staff/batch_actions/preview") as { body: { action: string; items: { version: number }[] } };
  assert.deepEqual([body.action, body.items.length], ["approve", 1]);
  assert.match(page.text, /可以办理\d+件，共/);
  await page.tap("不办了");
  await page.tap("通过选中的1件");
  await page.tap("确认通过");
  assert.ok((last("POST /api/v1/staff/batch_actions").body as { token: string }).token);
  assert.match(page.text, /BF-440507-2026-000002：内容已被他人更新/);
  await page.tap("再看一些");
  await page.tap("办理");
  assert.match(phone.went.at(-1)?.url ?? "", /^\/staff\/case\/case\?id=/);
});

test("a case is shown masked, revealed with a reason and decided with its version", async () => {
  start();
  const reasons = [{ action: "return", code: "incomplete", text: "材料不齐", cure: "请补齐" }];
  phone.change("GET /api/v1/staff/applications/{application_id}", { version: 7, open_actions: ["approve", "return", "ask_supplement"], reasons, may_reveal: ["phone"] });
  const page = await open("staff/case/case", { id: ID });
  assert.match(page.text, /今年已发放.*在办.*户主/s);
  phone.modal = "核对电话";
  await page.tap("查看手机号码");
  assert.deepEqual(last("POST /api/v1/staff/applications/{application_id}/reveal").body, { field: "phone", reason: "核对电话" });
  assert.match(page.text, /手机号码：/);
  await page.call("onHide");
  assert.doesNotMatch(page.text, /手机号码：/);
  await page.fill("意见", "材料不齐");
  await page.call("choose", { detail: { value: 0 } });
  phone.refuse("POST /api/v1/staff/applications/{application_id}/actions", 412, "stale_version", { version: 8 });
  await page.tap("退回补正");
  const { body, header } = last("POST /api/v1/staff/applications/{application_id}/actions");
  assert.deepEqual(body, { action: "return", note: "材料不齐", reason_code: "incomplete" });
  assert.equal(header["if-match"], '"7"');
  await page.tap("重新读取");
  phone.instead.delete("POST /api/v1/staff/applications/{application_id}/actions");
  await page.tap("通过");
  assert.deepEqual(last("POST /api/v1/staff/applications/{application_id}/actions").body, { action: "approve", note: "材料不齐", reason_code: null });
  await page.tap("要求补充材料");
  assert.deepEqual(last("POST /api/v1/staff/applications/{application_id}/supplements").body, { others: ["核对电话"] });
});

test("who may no longer see a case is led back", async () => {
  start();
  phone.change("GET /api/v1/staff/applications/{application_id}", { open_actions: ["approve"] });
  const page = await open("staff/case/case", { id: ID });
  phone.refuse("GET /api/v1/staff/applications/{application_id}", 404, "application_not_found");
  await page.tap("通过");
  assert.equal(phone.went.at(-1)?.how, "navigateBack");
});

test("visits of one's own", async () => {
  start();
  phone.change("GET /api/v1/staff/visits", { next_cursor: "n" });
  const page = await open("staff/visits/visits");
  assert.match(last("GET /api/v1/staff/visits").url, /mine=true/);
  await page.tap("再看一些");
  await page.tap("打开");
  assert.match(phone.went.at(-1)?.url ?? "", /^\/staff\/visit\/visit\?id=/);
});

test("a visit is begun, filled in without a network, photographed, sent and ended", async () => {
  start();
  phone.change("GET /api/v1/staff/visits/{visit_id}", { id: "v", state: "planned", open_actions: ["start"], conflicts: [], filled: [], version: 1 });
  const page = await open("staff/visit/visit", { id: "v" });
  phone.change("GET /api/v1/staff/visits/{visit_id}", { id: "v", state: "started", open_actions: ["end"], conflicts: [], filled: [], version: 2 });
  await page.tap("开始走访，本人同意记录位置");
  assert.deepEqual(last("POST /api/v1/staff/visits/{visit_id}/actions").body, {
    action: "start", position_agreed: true, position: { latitude_e6: 23_354_000, longitude_e6: 116_682_000 },
  });
  phone.instead.set("POST /api/v1/staff/visits/{visit_id}/operations", "lost");
  phone.instead.set("GET /api/v1/staff/visits/{visit_id}", "lost");
  await page.fill("是否实际居住在登记的地址", "是");
  await page.fill("走访情况", "属实");
  await page.tap("送到服务器");
  assert.match(page.text, /网络不通.*有2处还没有送到服务器/s);
  phone.instead.delete("POST /api/v1/staff/visits/{visit_id}/operations");
  phone.change("GET /api/v1/staff/visits/{visit_id}", { id: "v", state: "started", open_actions: ["end", "sign"], filled: [], version: 3 });
  await page.tap("拍照");
  assert.match(page.text, /照片1张/);
  await page.tap("送到服务器");
  const { body } = last("POST /api/v1/staff/visits/{visit_id}/operations") as { body: { operations: { field: string; value: unknown }[] } };
  assert.deepEqual(body.operations.map((each) => each.field.replace(/photos\/.*/, "photos/")), ["/answers/lives_here", "/findings", "/photos/"]);
  assert.match(page.text, /都在服务器上了.*另一台手机填的是/s);
  await page.tap("用我的");
  assert.equal((last("POST /api/v1/staff/visits/{visit_id}/conflicts/{operation_id}").body as { choose: string }).choose, "mine");
  phone.refuse("POST /api/v1/staff/visits/{visit_id}/actions", 422, "invalid", { errors: [{ pointer: "/answers/members", code: "answer_required", message: "请先填写有几人。" }] });
  await page.tap("结束走访");
  assert.match(page.text, /请先填写有几人。/);
  phone.instead.delete("POST /api/v1/staff/visits/{visit_id}/actions");
  await page.tap("结束走访");
  await page.tap("签字");
  assert.deepEqual(last("POST /api/v1/staff/visits/{visit_id}/actions").body, { action: "sign" });
});

test("the app sends what waits when the network comes back", async () => {
  start();
  let changed: ((answer: { isConnected: boolean }) => void) | undefined;
  Object.assign(globalThis, {
    App: (options: { onLaunch(): void }) => options.onLaunch(),
    wx: { ...phone.wx, onNetworkStatusChange: (listener: typeof changed) => (changed = listener) },
  });
  phone.stored.set("aid.drafts", JSON.stringify([{ localId: "l", kind: "golden_autumn", form: {}, warnings: [], saved: false }]));
  load("../miniprogram/app");
  changed?.({ isConnected: false });
  assert.equal(phone.asked.length, 0);
  changed?.({ isConnected: true });
  const { services } = load("../miniprogram/services") as Services;
  await services().drafts.sync();
  last("POST /api/v1/applications");
});
