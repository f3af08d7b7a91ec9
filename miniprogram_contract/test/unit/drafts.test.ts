import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Drafts, Refused, SubmitPending, Unreachable, Unsettled } from "../../src/index";
import { FakeServer, type Line, problem } from "../fake";

const ONCE = { attempts: 1, firstDelay: 1, longestWait: 1 };
const FORM = { item: "living" as const, reason: "失业" };

function draft(version: number, form: object = FORM, more: object = {}): Line {
  return { status: 200, data: { id: "a", kind: "hardship_aid", version, form, warnings: [], ...more } };
}

function drafts(...lines: Line[]): { server: FakeServer; drafts: Drafts } {
  const server = new FakeServer(...lines).signedIn();
  return { server, drafts: new Drafts(server.client(ONCE)) };
}

test("a draft is on the phone before it is anywhere else", () => {
  const { server, drafts: kept } = drafts();
  const { localId } = kept.save("hardship_aid", FORM);
  assert.deepEqual(new Drafts(server.client()).find(localId)?.form, FORM);
  assert.equal(server.asked.length, 0);
});

test("a creation without an answer is sent again as it was, and what was written since follows", async () => {
  const { server, drafts: kept } = drafts({ lost: true }, draft(1), draft(2));
  const { localId } = kept.save("hardship_aid", FORM);
  await kept.sync();
  kept.save("hardship_aid", { ...FORM, reason: "生病" }, localId);
  const [synced] = await kept.sync();
  assert.equal(synced?.saved, true);
  assert.equal(synced?.version, 2);
  const [first, second, third] = server.asked;
  assert.deepEqual(first?.body, second?.body);
  assert.equal(first?.header["idempotency-key"], second?.header["idempotency-key"]);
  assert.deepEqual(third?.body, { form: { ...FORM, reason: "生病" } });
  assert.equal(third?.header["if-match"], '"1"');
});

test("what another device wrote is not overwritten, and the user chooses", async () => {
  const theirs = { item: "medical", reason: "住院" };
  const { server, drafts: kept } = drafts(draft(1), problem(412, "stale_version", { version: 5 }), draft(5, theirs), draft(5, theirs), draft(6));
  const { localId } = kept.save("hardship_aid", FORM);
  await kept.sync();
  kept.save("hardship_aid", { ...FORM, reason: "新的" }, localId);
  const [told] = await kept.sync();
  assert.equal(told?.conflict?.reason, "changed_elsewhere");
  assert.equal(told?.saved, false);
  assert.deepEqual((told?.form as { reason: string }).reason, "新的");
  const mine = await kept.keepMine(localId);
  assert.equal(mine.version, 6);
  assert.equal(mine.conflict, undefined);
  assert.equal(server.asked.at(-1)?.header["if-match"], '"5"');
});

test("or takes theirs", async () => {
  const theirs = { item: "medical", reason: "住院" };
  const { drafts: kept } = drafts(draft(1), problem(412, "stale_version"), draft(5, theirs), draft(5, theirs));
  const { localId } = kept.save("hardship_aid", FORM);
  await kept.sync();
  kept.save("hardship_aid", { ...FORM, reason: "新的" }, localId);
  await kept.sync();
  const taken = await kept.takeTheirs(localId);
  assert.deepEqual(taken.form, theirs);
  assert.equal(taken.saved, true);
});

test("one's own save whose answer was lost is no conflict", async () => {
  const later = { ...FORM, reason: "新的" };
  const { drafts: kept } = drafts(draft(1), { lost: true }, problem(412, "stale_version"), draft(2, { ...later, file_ids: [] }));
  const { localId } = kept.save("hardship_aid", FORM);
  await kept.sync();
  kept.save("hardship_aid", later, localId);
  await kept.sync();
  const [synced] = await kept.sync();
  assert.equal(synced?.conflict, undefined);
  assert.equal(synced?.saved, true);
  assert.equal(synced?.version, 2);
});

test("a second draft of a kind points to the first", async () => {
  const { drafts: kept } = drafts(problem(409, "draft_already_open", { application_id: "first" }));
  kept.save("hardship_aid", FORM);
  const [told] = await kept.sync();
  assert.deepEqual(told?.conflict, { reason: "already_open", applicationId: "first", text: "没有办成。" });
});

test("what is filled in wrongly stays on the phone and is sent again after a change", async () => {
  const { server, drafts: kept } = drafts(problem(422, "invalid"), draft(1));
  const { localId } = kept.save("hardship_aid", FORM);
  const [wrong] = await kept.sync();
  assert.equal(wrong?.saved, false);
  kept.save("hardship_aid", { ...FORM, reason: "改好" }, localId);
  const [right] = await kept.sync();
  assert.equal(right?.saved, true);
  assert.notEqual(server.asked[0]?.header["idempotency-key"], server.asked[1]?.header["idempotency-key"]);
});

test("a submission without an answer is finished with the same key, even after a restart", async () => {
  const moved = { status: 200, data: { id: "a", state: "submitted", version: 2, decision: {} } };
  const { server, drafts: kept } = drafts(draft(1), { lost: true }, moved);
  const { localId } = kept.save("hardship_aid", FORM);
  await assert.rejects(kept.submit(localId), Unreachable);
  assert.throws(() => kept.save("hardship_aid", FORM, localId), SubmitPending);
  const after = new Drafts(server.client(ONCE));
  assert.equal((await after.submit(localId)).state, "submitted");
  const [, first, second] = server.asked;
  assert.equal(first?.header["idempotency-key"], second?.header["idempotency-key"]);
  assert.equal(after.find(localId), undefined);
});

test("a refused submission can be mended and sent again", async () => {
  const { drafts: kept } = drafts(draft(1), problem(403, "consents_missing", { purposes: "public_notice" }), { data: { id: "a", state: "submitted", version: 2, decision: {} } });
  const { localId } = kept.save("hardship_aid", FORM);
  await assert.rejects(kept.submit(localId), (e) => e instanceof Refused && e.cure === "consent" && e.extra("purposes") === "public_notice");
  assert.equal((await kept.submit(localId)).state, "submitted");
});

test("a draft with a conflict is not submitted", async () => {
  const { server, drafts: kept } = drafts(problem(409, "draft_already_open", { application_id: "first" }));
  const { localId } = kept.save("hardship_aid", FORM);
  await assert.rejects(kept.submit(localId), Unsettled);
  assert.equal(server.asked.length, 1);
});

test("what is returned is opened, and changes not yet sent are not lost by opening it again", async () => {
  const { drafts: kept } = drafts(draft(3), draft(9));
  const opened = await kept.open("a");
  kept.save("hardship_aid", { ...FORM, reason: "改好" }, opened.localId);
  const again = await kept.open("a");
  assert.equal((again.form as { reason: string }).reason, "改好");
  assert.equal(kept.all().length, 1);
});

test("nothing is left on the phone for whoever has it next", () => {
  const { server, drafts: kept } = drafts();
  kept.save("hardship_aid", FORM);
  kept.clear();
  assert.deepEqual(kept.all(), []);
  assert.equal(server.stored.has("aid.drafts"), false);
});
