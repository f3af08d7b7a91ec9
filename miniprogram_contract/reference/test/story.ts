// 参考小程序的页面对着真的服务走一遍：职工填、传、断网、再交；工会受理、审核；职工看进度。由 pytest 启动服务后运行。
// node story.js <接口地址> <一张图片>，其余在环境变量 AID_STORY 里
import { strict as assert } from "node:assert";
import { createRequire } from "node:module";
import { Phone } from "../../test/wx";
import type { Screen as Page } from "./sim";
import { Desk } from "./wx";

type Who = "worker" | "clerk" | "chair";
type Call = { url: string; success?(answer: unknown): void; fail?(failure: unknown): void };

const [base = "", picture = ""] = process.argv.slice(2);
const given = JSON.parse(process.env["AID_STORY"] ?? "") as { names: Record<Who, string>; student: { name: string; id_number: string } };
const load = createRequire(__filename);

/** 一部手机：微信里登录的是谁，存了什么。 */
class Device {
  readonly desk = new Desk();
  readonly phone: Phone;
  private waiting = 0;

  constructor(who: Who) {
    this.phone = new Phone(given.names[who]);
    this.desk.chosen = [{ path: picture, size: 1000 }];
  }

  /** 打开小程序：内存里什么都没有，存储还在。 */
  async open(path: string, query: Readonly<Record<string, string>> = {}): Promise<Page> {
    for (const name of Object.keys(load.cache)) if (name.includes("/miniprogram/")) delete load.cache[name];
    const { wx } = this.phone;
    Object.assign((globalThis as unknown as { wx: object }).wx, this.desk.wx, wx, {
      request: this.counted(wx.request as (options: Call) => unknown),
      uploadFile: this.counted(wx.uploadFile as unknown as (options: Call) => unknown),
      getStorageInfoSync: () => ({ keys: [...this.phone.stored.keys()] }),
    });
    return Screen.open(path, query, () => this.waiting === 0);
  }

  private counted(call: (options: Call) => unknown): (options: Call) => unknown {
    return (options) => {
      this.waiting += 1;
      const done = (next: ((answer: unknown) => void) | undefined) => (answer: unknown) => {
        this.waiting -= 1;
        next?.(answer);
      };
      const url = options.url.replace("http://127.0.0.1:8000", base);
      return call({ ...options, url, success: done(options.success), fail: done(options.fail) });
    };
  }
}

Object.assign(globalThis, { wx: {} });
const { Screen } = load("./sim") as typeof import("./sim");
const { setTimeout: later } = globalThis;
globalThis.setTimeout = ((work: () => void, milliseconds?: number) => later(work, Math.min(milliseconds ?? 0, 5))) as typeof setTimeout;

async function applies(worker: Device): Promise<string> {
  const home = await worker.open("pages/home/home");
  await home.tap("登录");
  assert.match(home.text, /您好，/);
  const page = await worker.open("pages/apply/apply", { kind: "golden_autumn" });
  await page.fill("学生姓名", given.student.name);
  await page.fill("学生身份证号", given.student.id_number);
  for (const [label, value] of [["与申请人的关系", "女儿"], ["学段", "本科"], ["是否公办", "是"], ["入学情况（新生、在读）", "在读"], ["一学年学费", "6850"]] as const) {
    await page.fill(label, value);
  }
  await page.tap("保存草稿");
  assert.match(page.text, /已保存到服务器/);
  assert.match(page.text, /学校.{0,40}请填写这一项。/s, "what is missing is said beside the field");
  await page.fill("学校", "汕头大学");
  await page.tap("拍照或从相册选");
  assert.match(page.text, /第1份：已上传/);
  await page.tap("看看能批多少");
  assert.match(page.text, /符合条件，测算金额/);
  worker.phone.lose("after", /\/submit$/, 4);
  await page.tap("提交");
  assert.match(page.text, /网络不通.*|正在等待结果/s);
  assert.deepEqual(worker.desk.went.filter((each) => each.how === "redirectTo"), []);
  const again = await worker.open("pages/apply/apply", { kind: "golden_autumn" });
  await again.tap("再看一次提交结果");
  const { url } = worker.desk.went.at(-1) ?? { url: "" };
  assert.match(url, /^\/pages\/application\/application\?id=/, again.text);
  return url.slice(url.indexOf("=") + 1);
}

async function accepts(clerk: Device): Promise<void> {
  const page = await clerk.open("staff/tasks/tasks");
  await page.tap("选中，一起办");
  await page.tap("受理选中的1件");
  assert.match(page.text, /可以办理1件/);
  await page.tap("确认受理");
  assert.match(page.text, /办好了/);
}

async function approves(chair: Device, id: string): Promise<void> {
  const page = await chair.open("staff/case/case", { id });
  assert.match(page.text, /金秋助学.*单位审核.*学费6,850.00元.*户主/s);
  assert.ok(!page.text.includes(given.student.id_number), "numbers are masked");
  chair.desk.modal = "与户口簿核对";
  await page.tap("查看学生身份证号");
  assert.ok(page.text.includes(given.student.id_number), page.text);
  await page.tap("通过");
  assert.match(page.text, /区县审核/);
}

async function looks(worker: Device, id: string): Promise<void> {
  const page = await worker.open("pages/application/application", { id });
  assert.match(page.text, /金秋助学：区县审核.*现在区县审核.*还没到市级审批.*经过提交，本人/s);
  const list = await worker.open("pages/applications/applications");
  assert.match(list.text, /金秋助学区县审核/);
  const privacy = await worker.open("pages/privacy/privacy");
  assert.match(privacy.text, /基层工会主席.*与户口簿核对/s);
  const settings = await worker.open("pages/settings/settings");
  await settings.tap("退出登录");
  assert.deepEqual([...worker.phone.stored.keys()].filter((key) => !key.startsWith("aid.reference")), []);
}

async function main(): Promise<void> {
  const worker = new Device("worker");
  const id = await applies(worker);
  await accepts(new Device("clerk"));
  await approves(new Device("chair"), id);
  await looks(worker, id);
  console.log(JSON.stringify({ id, requests: worker.phone.sent.length, logins: worker.phone.logins }));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
