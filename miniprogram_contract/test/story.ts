// 用这个包对着真的服务走一遍：登录、三种申请、上传、断网重发、退回再交、审核。由 pytest 启动服务和模拟器后运行。
// node story.js <接口地址> <一张图片>，其余在环境变量 AID_STORY 里
import { strict as assert } from "node:assert";
import { Client, Drafts, Reference, Refused, Unreachable, Uploads, newKey } from "../src/index";
import type { AidKind, Form, Schemas } from "../src/index";
import { Phone } from "./wx";

interface Given {
  academic_year: number;
  hospital_stay: Form;
  /** 各人在模拟器里的名字。 */
  names: Record<"worker" | "clerk" | "chair" | "reviewer" | "stranger", string>;
}

const [base = "", picture = ""] = process.argv.slice(2);
const given = JSON.parse(process.env["AID_STORY"] ?? "") as Given;
const IMPATIENT = { attempts: 2, firstDelay: 10, longestWait: 1_000 };

function device(who: keyof Given["names"]): { phone: Phone; client: Client; drafts: Drafts } {
  const phone = new Phone(given.names[who]);
  const client = new Client({ base, wx: phone.wx, retry: IMPATIENT });
  return { phone, client, drafts: new Drafts(client) };
}

const worker = device("worker");

async function signsInOnce(): Promise<void> {
  const asked = await Promise.all([worker.client.get("/api/v1/me"), worker.client.get("/api/v1/applications")]);
  assert.equal(asked[0].data.verified, true);
  assert.equal(worker.phone.logins, 1, "one shared sign-in for all that wait for it");
  const programmes = await new Reference(worker.client).get("/api/v1/programmes");
  assert.deepEqual(programmes.items.map((each) => each.kind).sort(), ["golden_autumn", "hardship_aid", "secondary_medical"]);
}

async function uploadsOnce(): Promise<string> {
  const uploads = new Uploads(worker.client);
  const progress: number[] = [];
  worker.phone.lose("after", /^POST .*\/files$/);
  const file = await uploads.add({ filePath: picture, purpose: "income", onProgress: (p) => progress.push(p) });
  assert.deepEqual(progress, [100]);
  assert.equal(worker.phone.sent.filter((each) => each.endsWith("/files")).length, 2, "the lost upload was sent again");
  return file.id;
}

async function writesOffline(kind: AidKind, form: Form): Promise<string> {
  const { drafts, phone } = worker;
  const { localId } = drafts.save(kind, { ...form });
  phone.lose("after", /^POST .*\/applications$/, IMPATIENT.attempts);
  await drafts.sync();
  assert.equal(drafts.find(localId)?.applicationId, undefined, "no answer, so the phone does not know yet");
  const [synced] = (await drafts.sync()).filter((each) => each.localId === localId);
  assert.equal(synced?.saved, true);
  return localId;
}

async function losesTheNetworkAsItSubmits(localId: string): Promise<string> {
  const { drafts, phone, client } = worker;
  phone.lose("after", /\/submit$/, IMPATIENT.attempts);
  await assert.rejects(drafts.submit(localId), (error) => error instanceof Unreachable && error.text.endsWith("。"));
  // 小程序被关掉再打开：同一个键还在存储里。
  const reopened = new Client({ base, wx: phone.wx, retry: IMPATIENT });
  const moved = await new Drafts(reopened).submit(localId);
  assert.equal(moved.state, "submitted", JSON.stringify(moved.decision.reasons));
  const mine = (await client.get("/api/v1/applications")).data.items.filter((each) => each.id === moved.id);
  assert.equal(mine.length, 1);
  assert.equal(drafts.find(localId), undefined, "what was submitted is no draft any more");
  return moved.id;
}

async function act(by: Client, id: string, action: Schemas["CaseAction"]["action"], note?: string): Promise<string> {
  const path = { application_id: id };
  const seen = await by.get("/api/v1/staff/applications/{application_id}", { path });
  assert.ok(seen.data.open_actions.includes(action), `${action} of ${seen.data.open_actions}`);
  assert.equal(seen.version, seen.data.version);
  const done = await by.post("/api/v1/staff/applications/{application_id}/actions", {
    path,
    version: seen.data.version,
    body: { action, ...(note === undefined ? {} : { note }) },
    key: newKey(),
  });
  return done.data.state;
}

async function isReturnedAndSentAgain(id: string, clerk: Client, chair: Client): Promise<void> {
  assert.equal(await act(clerk, id, "accept"), "unit_review");
  assert.equal(await act(chair, id, "return", "请写学校全称，并补充其他资助情况。"), "returned");
  const draft = await worker.drafts.open(id);
  const { school: _, ...rest } = draft.form as { school?: string };
  worker.drafts.save(draft.kind, { ...rest, school: "汕头大学（本科）" } as Form, draft.localId);
  const moved = await worker.drafts.submit(draft.localId);
  assert.equal(moved.state, "submitted");
  assert.equal(moved.id, id);
}

async function isTold(clerk: Client, id: string): Promise<void> {
  const path = { application_id: id };
  const stale = clerk.post("/api/v1/staff/applications/{application_id}/actions", {
    path, version: 1, body: { action: "accept" },
  });
  await assert.rejects(stale, (error) => error instanceof Refused && error.cure === "reload" && error.text.endsWith("。"));
  const stranger = device("stranger").client.get("/api/v1/staff/applications/{application_id}", { path });
  await assert.rejects(stranger, (error) => error instanceof Refused && error.status === 404);
}

/** 和演示里填的一样；日期由 pytest 给出。 */
async function forms(file: string): Promise<Record<AidKind, Form>> {
  const household = (await worker.client.get("/api/v1/me/household")).data.form as Schemas["HouseholdFormDraft"];
  const student = household.members?.find((each) => each.schooling === "undergraduate");
  assert.ok(student);
  const { name, id_number, relation } = student;
  return {
    hardship_aid: { item: "living", requested_fen: 500_000, reason: "丈夫重病，家庭收入不够生活", file_ids: [file] },
    golden_autumn: {
      student: { name, id_number, relation: relation === "daughter" ? relation : "other" },
      stage: "undergraduate",
      school: "汕头大学",
      school_public: true,
      enrolment: "continuing",
      academic_year: given.academic_year,
      tuition_fen: 685_000,
      other_grants: [],
    },
    secondary_medical: given.hospital_stay,
  };
}

async function main(): Promise<void> {
  await signsInOnce();
  const clerk = device("clerk").client;
  const chair = device("chair").client;
  const submitted: Partial<Record<AidKind, string>> = {};
  for (const [kind, form] of Object.entries(await forms(await uploadsOnce())) as Array<[AidKind, Form]>) {
    submitted[kind] = await losesTheNetworkAsItSubmits(await writesOffline(kind, form));
  }
  const { hardship_aid = "", golden_autumn = "", secondary_medical = "" } = submitted;
  const all = (await worker.client.get("/api/v1/applications")).data.items;
  assert.equal(all.length, 3, "three applications, however often the network was lost");
  await isReturnedAndSentAgain(golden_autumn, clerk, chair);
  await isTold(clerk, secondary_medical);
  assert.equal(await act(clerk, hardship_aid, "accept"), "unit_review");
  assert.equal(await act(chair, hardship_aid, "approve"), "district_review");
  const district = device("reviewer").client;
  assert.equal(await act(district, hardship_aid, "approve"), "city_approval");
  await worker.client.signOut();
  assert.equal(worker.client.session.signedIn, false);
  console.log(JSON.stringify({ submitted, logins: worker.phone.logins, requests: worker.phone.sent.length }));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
