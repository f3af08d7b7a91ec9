import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Reference, Refused, Unreachable, Uploads, TooLarge, newKey, requestSubscribe } from "../../src/index";
import { FakeServer, type Line, problem, tokens } from "../fake";

const PAGE: Line = { data: { items: [], next_cursor: null } };
const PATH = { application_id: "a 1" };

test("who is not signed in is signed in once for all requests that wait", async () => {
  const server = new FakeServer({ status: 201, data: tokens(1) }, PAGE, PAGE, PAGE);
  const client = server.client();
  await Promise.all([1, 2, 3].map(() => client.get("/api/v1/applications")));
  assert.equal(server.logins, 1);
  assert.deepEqual(server.paths.slice(0, 2), ["POST /sessions", "GET /applications"]);
  assert.equal(server.asked[1]?.header["authorization"], "Bearer access-1");
});

test("a refused token is renewed once by all that were refused, and each request is repeated once", async () => {
  const server = new FakeServer(
    problem(401, "token_refused"),
    problem(401, "token_refused"),
    { data: tokens(1) },
    PAGE,
    PAGE,
  ).signedIn();
  const client = server.client();
  await Promise.all([client.get("/api/v1/applications"), client.get("/api/v1/applications")]);
  assert.equal(server.paths.filter((each) => each === "POST /sessions/refresh").length, 1);
  assert.equal(server.logins, 0);
});

test("a session that cannot be renewed is begun anew, unseen by the user", async () => {
  const server = new FakeServer(
    problem(401, "token_refused"),
    problem(401, "token_refused"),
    { status: 201, data: tokens(2) },
    PAGE,
  ).signedIn();
  await server.client().get("/api/v1/applications");
  assert.deepEqual(server.paths, ["GET /applications", "POST /sessions/refresh", "POST /sessions", "GET /applications"]);
});

test("a second 401 goes to the page: nobody signs in for ever", async () => {
  const server = new FakeServer(problem(401, "token_refused"), { data: tokens(1) }, problem(401, "token_refused")).signedIn();
  await assert.rejects(server.client().get("/api/v1/applications"), (e) => e instanceof Refused && e.cure === "sign_in");
});

test("a token about to run out is renewed before it is used", async () => {
  const server = new FakeServer({ data: tokens(1) }, PAGE).signedIn();
  const client = server.client();
  server.time += 1_790_000;
  await client.get("/api/v1/applications");
  assert.deepEqual(server.paths, ["POST /sessions/refresh", "GET /applications"]);
});

test("without a network the tokens are kept", async () => {
  const server = new FakeServer({ lost: true }).signedIn();
  const client = server.client({ attempts: 1, firstDelay: 1, longestWait: 1 });
  server.time += 1_790_000;
  await assert.rejects(client.get("/api/v1/applications"), Unreachable);
  assert.ok(client.session.signedIn);
});

test("a post is sent again with the key that it had", async () => {
  const server = new FakeServer({ lost: true }, problem(503, "unavailable"), { status: 201, data: { id: "1" } }).signedIn();
  await server.client().post("/api/v1/applications", { body: { kind: "hardship_aid", form: {} } });
  const keys = server.asked.map(({ header }) => header["idempotency-key"]);
  assert.equal(new Set(keys).size, 1);
  assert.match(keys[0] ?? "", /^[!-~]{1,255}$/);
  assert.deepEqual(server.slept, [500, 1000]);
});

test("what may have changed something is not sent again when nobody knows", async () => {
  const server = new FakeServer({ lost: true }).signedIn();
  const put = server.client().put("/api/v1/applications/{application_id}", { path: PATH, version: 1, body: { form: {} } });
  await assert.rejects(put, Unreachable);
  assert.equal(server.asked.length, 1);
});

test("the server's word when to come again is kept, unless it is too long to wait", async () => {
  const patient = new FakeServer({ ...problem(503, "unavailable"), header: { "Retry-After": "3" } }, PAGE).signedIn();
  await patient.client().get("/api/v1/applications");
  assert.deepEqual(patient.slept, [3000]);
  const busy = new FakeServer({ ...problem(503, "unavailable"), header: { "Retry-After": "600" } }).signedIn();
  await assert.rejects(busy.client().get("/api/v1/applications"), (e) => e instanceof Refused && e.retryAfter === 600);
});

test("a refusal is never repeated", async () => {
  for (const [status, code] of [[409, "draft_already_open"], [422, "invalid"], [429, "too_many"], [500, "internal_error"]] as const) {
    const server = new FakeServer(problem(status, code)).signedIn();
    await assert.rejects(server.client().post("/api/v1/applications", { body: { kind: "hardship_aid", form: {} } }), Refused);
    assert.equal(server.asked.length, 1);
  }
});

test("a version goes out as If-Match and comes back from the ETag", async () => {
  const server = new FakeServer({ header: { Etag: '"8"' }, data: { version: 7 } }).signedIn();
  const put = await server.client().put("/api/v1/applications/{application_id}", { path: PATH, version: 7, body: { form: {} } });
  assert.equal(server.asked[0]?.header["if-match"], '"7"');
  assert.equal(server.asked[0]?.path, "/applications/a%201");
  assert.equal(put.version, 8);
});

test("a refusal says what to show and where", async () => {
  const errors = [{ pointer: "/form/reason", code: "missing", message: "请填写这一项。" }];
  const server = new FakeServer(problem(422, "invalid", { errors })).signedIn();
  await assert.rejects(server.client().get("/api/v1/me"), (error) => {
    assert.ok(error instanceof Refused);
    assert.deepEqual(error.fields, errors);
    assert.equal(error.text, "没有办成。");
    assert.equal(error.cure, "fix_input");
    return true;
  });
});

test("a code that is not known yet, and a page of a gateway, are lived with", async () => {
  const unknown = new FakeServer(problem(409, "something_new")).signedIn();
  await assert.rejects(unknown.client().get("/api/v1/me"), (e) => e instanceof Refused && e.cure === "tell");
  const gateway = new FakeServer({ status: 502, data: "<html>" }).signedIn();
  const impatient = gateway.client({ attempts: 1, firstDelay: 1, longestWait: 1 });
  await assert.rejects(impatient.get("/api/v1/me"), (e) => e instanceof Refused && e.text.endsWith("。"));
});

test("no more requests run at once than WeChat bears", async () => {
  let running = 0;
  let most = 0;
  const server = new FakeServer(...Array.from({ length: 30 }, () => () => {
    running += 1;
    most = Math.max(most, running);
    setImmediate(() => (running -= 1));
    return PAGE;
  })).signedIn();
  const client = server.client();
  await Promise.all(Array.from({ length: 30 }, () => client.get("/api/v1/applications")));
  assert.ok(most <= 8, String(most));
  assert.equal(server.asked.length, 30);
});

test("what is too large is not sent", async () => {
  const server = new FakeServer().signedIn();
  const large = new Uploads(server.client()).add({ filePath: "x", size: 11 * 1024 * 1024, purpose: "income" });
  await assert.rejects(large, TooLarge);
  assert.equal(server.asked.length, 0);
});

test("an upload's answer is a string, and is read", async () => {
  const server = new FakeServer({ lost: true }, { status: 201, data: '{"id": "f"}' }).signedIn();
  const file = await new Uploads(server.client()).add({ filePath: "x", purpose: "income", key: "k" });
  assert.equal(file.id, "f");
  assert.deepEqual(server.asked.map(({ header }) => header["idempotency-key"]), ["k", "k"]);
});

test("every answer that begins with accept counts, and no refusal to subscribe is an error", async () => {
  const told = { a: "accept", b: "acceptWithAudio", c: "reject", d: "ban", errMsg: "ok" };
  const platform = {
    requestSubscribeMessage: (options: WechatMiniprogram.RequestSubscribeMessageOption) =>
      options.success?.(told as unknown as WechatMiniprogram.RequestSubscribeMessageSuccessCallbackResult),
  } as unknown as WechatMiniprogram.Wx;
  const { accepted, results } = await requestSubscribe(["a", "b", "c", "d", "e"], platform);
  assert.deepEqual(accepted, ["a", "b"]);
  assert.deepEqual(Object.keys(results), ["a", "b", "c", "d"]);
  const off = {
    requestSubscribeMessage: (options: WechatMiniprogram.RequestSubscribeMessageOption) =>
      options.fail?.({ errMsg: "", errCode: 20004 }),
  } as unknown as WechatMiniprogram.Wx;
  assert.deepEqual(await requestSubscribe(["a"], off), { results: {}, accepted: [], failed: 20004 });
});

test("reference data is read without signing in, kept for a while, and shown when there is no network", async () => {
  const items = { items: [{ kind: "hardship_aid" }] };
  const server = new FakeServer({ data: items }, { lost: true });
  const reference = new Reference(server.client({ attempts: 1, firstDelay: 1, longestWait: 1 }), () => server.time);
  assert.deepEqual(await reference.get("/api/v1/programmes"), items);
  assert.deepEqual(await reference.get("/api/v1/programmes"), items);
  assert.deepEqual(server.paths, ["GET /programmes"]);
  assert.equal(server.asked[0]?.header["authorization"], undefined);
  server.time += 3_600_000;
  assert.deepEqual(await reference.get("/api/v1/programmes"), items);
  assert.equal(server.asked.length, 2);
  assert.equal(server.logins, 0);
});

test("keys are not the same twice", () => {
  assert.equal(new Set(Array.from({ length: 1000 }, newKey)).size, 1000);
});
