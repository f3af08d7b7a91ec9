// 待办、办理、入户走访：怎样测，见 ../opening.ts。
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type Services, ID, last, load, open, phone, start } from "../opening";

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
