// 档案、实名、走访确认、消息、隐私、设置：怎样测，见 ../opening.ts。
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Recorded, dictionaries } from "../examples";
import { last, open, phone, reopened, start } from "../opening";

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
