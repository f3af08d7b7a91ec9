// 微信小程序运行环境的替身：在 Node 里真的发 HTTP，可以让网络断在发出之前，或者断在回答路上。
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import type { Platform } from "../src/platform";

/** before：没有发出；after：服务器已经办了，回答丢在路上。 */
export type Loss = "before" | "after";

export class Phone {
  readonly stored = new Map<string, string>();
  readonly agent = new Agent({ keepAlive: true });
  readonly sent: string[] = [];
  logins = 0;
  private readonly losses: Array<{ when: Loss; path: RegExp }> = [];

  constructor(private readonly name: string) {}

  /** 下一个路径相符的请求断网；可以排几个。 */
  lose(when: Loss, path: RegExp, times = 1): void {
    for (let n = 0; n < times; n += 1) this.losses.push({ when, path });
  }

  /** 关掉小程序再打开：内存里的都没有了，存储还在。 */
  get wx(): Platform {
    return {
      login: (options: WechatMiniprogram.LoginOption) => {
        this.logins += 1;
        const code = `sim:${this.name}#${randomBytes(6).toString("hex")}`;
        options.success?.({ code, errMsg: "login:ok" });
      },
      request: (options: WechatMiniprogram.RequestOption) => {
        const text = options.data === undefined ? undefined : JSON.stringify(options.data);
        this.exchange(options.method ?? "GET", options, text === undefined ? undefined : Buffer.from(text));
        return { abort: () => undefined } as WechatMiniprogram.RequestTask;
      },
      uploadFile: (options: WechatMiniprogram.UploadFileOption) => {
        const { body, type } = multipart(options);
        const progress: Array<(update: { progress: number }) => void> = [];
        const header = { ...options.header, "content-type": type };
        this.exchange("POST", { ...options, header } as WechatMiniprogram.RequestOption, body, () => {
          for (const listener of progress) listener({ progress: 100 });
        });
        return {
          onProgressUpdate: (listener: (update: { progress: number }) => void) => progress.push(listener),
        } as unknown as WechatMiniprogram.UploadTask;
      },
      getStorageSync: (key: string) => {
        const text = this.stored.get(key);
        return text === undefined ? "" : JSON.parse(text);
      },
      setStorageSync: (key: string, value: unknown) => void this.stored.set(key, JSON.stringify(value)),
      removeStorageSync: (key: string) => void this.stored.delete(key),
    } as unknown as Platform;
  }

  private exchange(
    method: string,
    options: Pick<WechatMiniprogram.RequestOption, "url" | "header" | "success" | "fail" | "timeout">,
    body: Buffer | undefined,
    onSent?: () => void,
  ): void {
    const { pathname } = new URL(options.url);
    const fail = (why: string): void => options.fail?.({ errMsg: `request:fail ${why}`, errno: 600001 } as WechatMiniprogram.RequestFailCallbackErr);
    const at = this.losses.findIndex((loss) => loss.path.test(`${method} ${pathname}`));
    const [loss] = at < 0 ? [] : this.losses.splice(at, 1);
    if (loss?.when === "before") return void setImmediate(() => fail("network is down"));
    this.sent.push(`${method} ${pathname}`);
    const headers = { ...(options.header as Record<string, string>), ...(body && { "content-length": String(body.length) }) };
    const asked = request(options.url, { method, headers, agent: this.agent, timeout: options.timeout ?? 60_000 }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => {
        if (loss !== undefined) return fail("the answer was lost");
        onSent?.();
        const text = Buffer.concat(parts).toString("utf8");
        const json = String(answer.headers["content-type"]).startsWith("application/json");
        // 和真机一样：不是 application/json 的，给出的是字符串。
        const data = json && onSent === undefined ? JSON.parse(text) : text;
        options.success?.({
          statusCode: answer.statusCode ?? 0,
          header: answer.headers as Record<string, string>,
          data,
        } as unknown as WechatMiniprogram.RequestSuccessCallbackResult);
      });
    });
    asked.on("timeout", () => asked.destroy(new Error("timeout")));
    asked.on("error", (error) => fail(error.message));
    asked.end(body);
  }
}

function multipart(options: WechatMiniprogram.UploadFileOption): { body: Buffer; type: string } {
  const boundary = `----aid${randomBytes(12).toString("hex")}`;
  const fields = Object.entries(options.formData ?? {}).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${String(value)}\r\n`,
  );
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="${options.name}"; filename="tmp_1"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  const body = Buffer.concat([
    Buffer.from(fields.join("") + head),
    readFileSync(options.filePath),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  return { body, type: `multipart/form-data; boundary=${boundary}` };
}
