import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Refused, Unreachable } from "shantou-aid-contract";
import { FakeServer, type Line, problem } from "../../../test/fake";
import { VisitBook, findingsOf, photosOf, positionOf, questionsOf, uuid } from "../../miniprogram/logic/visits";

const ONCE = { attempts: 1, firstDelay: 1, longestWait: 1 };
const QUESTIONS = [
  { field: "/answers/lives_here", kind: "yes_no", required: true, text: "是否住在这里", choices: [] },
  { field: "/answers/members", kind: "number", required: false, text: "有几人", choices: [] },
];

function visit(version: number, more: object = {}): Line {
  return { data: { id: "v", version, state: "started", filled: [], conflicts: [], questions: QUESTIONS, open_actions: ["end"], photos_required: 1, ...more } };
}

function book(...lines: Line[]): { server: FakeServer; visits: VisitBook } {
  const server = new FakeServer(...lines).signedIn();
  return { server, visits: new VisitBook(server.client(ONCE)) };
}

test("a visit is filled in without a network, and another start of the program finds it", async () => {
  const { server, visits } = book(visit(3), { lost: true });
  await visits.open("v");
  visits.fill("v", "/answers/lives_here", true);
  const kept = visits.fill("v", "/answers/members", 2);
  assert.deepEqual(questionsOf(kept).map((each) => each.value), ["true", "2"]);
  const later = await new VisitBook(server.client(ONCE)).open("v");
  assert.deepEqual(later.waiting.map((each) => [each.field, each.base_version]), [["/answers/lives_here", 3], ["/answers/members", 3]]);
});

test("what was filled in twice goes out once, as it was filled in last", async () => {
  const { server, visits } = book(visit(3), { data: { results: [], version: 4 } }, visit(4, { filled: [{ field: "/answers/members", value: 4, version: 4 }] }));
  await visits.open("v");
  visits.fill("v", "/answers/members", 2);
  visits.fill("v", "/answers/members", 4);
  const after = await visits.sync("v");
  assert.deepEqual((server.asked[1]?.body as { operations: { value: number }[] }).operations.map((each) => each.value), [4]);
  assert.deepEqual(after.waiting, []);
});

test("a queue without an answer is sent again as it was", async () => {
  const { server, visits } = book(visit(3), { lost: true }, { data: { results: [], version: 4 } }, visit(4));
  await visits.open("v");
  visits.fill("v", "/answers/members", 2);
  await assert.rejects(visits.sync("v"), Unreachable);
  assert.equal((await visits.sync("v")).waiting.length, 0);
  assert.deepEqual(server.asked[1]?.body, server.asked[2]?.body);
});

test("a conflict has been taken in, and is shown to choose from; a refusal keeps everything on the phone", async () => {
  const conflicts = [{ field: "/answers/members", operation_id: "o", mine: 2, theirs: 3, theirs_version: 4 }];
  const { visits } = book(visit(3), problem(409, "operation_conflict", { conflicts }), visit(4, { conflicts }), problem(422, "invalid"));
  await visits.open("v");
  visits.fill("v", "/answers/members", 2);
  const after = await visits.sync("v");
  assert.deepEqual([after.waiting.length, after.visit.conflicts.length], [0, 1]);
  visits.fill("v", "/answers/members", 5);
  await assert.rejects(visits.sync("v"), Refused);
  assert.equal(visits.kept("v").waiting.length, 1);
});

test("more than one call takes is sent in several", async () => {
  const { server, visits } = book(visit(3), { data: {} }, { data: {} }, visit(9));
  await visits.open("v");
  for (let n = 0; n < 130; n += 1) visits.fill("v", `/photos/${n}`, "0".repeat(64));
  assert.equal(photosOf(visits.kept("v")), 130);
  await visits.sync("v");
  assert.deepEqual(server.asked.slice(1, 3).map((each) => (each.body as { operations: unknown[] }).operations.length), [100, 30]);
});

test("answers, findings and the place are as the contract wants them", async () => {
  const { visits } = book(visit(3, { filled: [{ field: "/findings", value: "属实", version: 3 }] }));
  const kept = await visits.open("v");
  assert.equal(findingsOf(kept), "属实");
  const [lives, members] = questionsOf(kept, [{ pointer: "/answers/lives_here", message: "请先填写。" }]);
  assert.deepEqual([lives?.message, members?.hint], ["请先填写。", "可以不填"]);
  assert.deepEqual(positionOf({ latitude: 23.3541234, longitude: 116.6819999 }), { latitude_e6: 23_354_123, longitude_e6: 116_682_000 });
  assert.match(uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
});
