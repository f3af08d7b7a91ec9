// 每一页在官方组件模拟器里打开，用约定里录下的回答；能点的都点一遍，问服务器的都记下（AID_ASKED）。
import { strict as assert } from "node:assert";
import { appendFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterEach } from "node:test";
import { Recorded } from "./examples";
import type { Screen as Page } from "./sim";

export type Services = typeof import("../miniprogram/services");

export const load = createRequire(__filename);

// 断网时的重发不用真的等。
const { setTimeout: later } = globalThis;
globalThis.setTimeout = ((work: () => void, milliseconds?: number) => later(work, Math.min(milliseconds ?? 0, 1))) as typeof setTimeout;

export let phone = new Recorded();

/** 一部新手机：什么都没有存，没有登录。 */
export function start(signedIn = true): Recorded {
  phone = new Recorded();
  Object.assign(globalThis, { wx: phone.wx });
  forgetModules();
  if (signedIn) phone.stored.set("aid.session", JSON.stringify({ access: "a", refresh: "r", expiresAt: Date.now() + 1_800_000 }));
  return phone;
}

export async function open(path: string, query: Readonly<Record<string, string>> = {}): Promise<Page> {
  const { Screen } = load("./sim") as typeof import("./sim");
  // 模拟器会往全局的 wx 里补它自己的；我们的在前。
  Object.assign((globalThis as unknown as { wx: object }).wx, phone.wx);
  return Screen.open(path, query, phone.idle);
}

/** 关掉再打开：内存里的都没有了，存储还在。 */
export async function reopened(path: string): Promise<Page> {
  forgetModules();
  return open(path);
}

function forgetModules(): void {
  for (const name of Object.keys(load.cache)) if (name.includes("/miniprogram/")) delete load.cache[name];
}

export function last(operation: string): { body: unknown; header: Record<string, string>; url: string } {
  const found = phone.asked.filter((each) => each.operation === operation).at(-1);
  assert.ok(found, `${operation} was not asked: ${phone.asked.map((each) => each.operation)}`);
  return found;
}

afterEach(() => {
  const file = process.env["AID_ASKED"];
  if (file !== undefined) appendFileSync(file, phone.asked.map((each) => `${each.operation}\n`).join(""));
});

export const ID = "019cab00-0000-7000-8000-000000000001";
