// 写好台词的服务器：每个请求按先后得到给定的回答，或者断网。
import { Client } from "../src/index";
import type { Platform, RetryPolicy } from "../src/index";

export interface Line {
  status?: number;
  data?: unknown;
  header?: Record<string, string>;
  /** 断网。 */
  lost?: boolean;
}

export interface Asked {
  method: string;
  path: string;
  header: Record<string, string>;
  body: unknown;
}

export const PERSON = { id: "p", name_masked: "陈*", phone_masked: null, verified: true, staff: [], consents_missing: [] };

export function tokens(n: number): object {
  return { access_token: `access-${n}`, refresh_token: `refresh-${n}`, expires_in: 1800, person: PERSON };
}

export function problem(status: number, code: string, more: object = {}): Line {
  const data = { type: "", title: "", status, code, detail: "没有办成。", request_id: "r", ...more };
  return { status, data: JSON.stringify(data) };
}

export class FakeServer {
  readonly asked: Asked[] = [];
  readonly slept: number[] = [];
  readonly stored = new Map<string, unknown>();
  logins = 0;
  time = 1_000_000;
  private readonly lines: Array<(asked: Asked) => Line>;

  constructor(...lines: Array<Line | ((asked: Asked) => Line)>) {
    this.lines = lines.map((line) => (typeof line === "function" ? line : () => line));
  }

  signedIn(n = 0): this {
    this.stored.set("aid.session", { access: `access-${n}`, refresh: `refresh-${n}`, expiresAt: this.time + 1_800_000 });
    return this;
  }

  client(retry?: RetryPolicy): Client {
    return new Client({
      base: "https://aid.test",
      wx: this.wx,
      now: () => this.time,
      sleep: (milliseconds) => {
        this.slept.push(milliseconds);
        return Promise.resolve();
      },
      ...(retry === undefined ? {} : { retry }),
    });
  }

  get paths(): string[] {
    return this.asked.map(({ method, path }) => `${method} ${path}`);
  }

  private get wx(): Platform {
    return {
      login: (options: WechatMiniprogram.LoginOption) => {
        this.logins += 1;
        options.success?.({ code: `code-${this.logins}`, errMsg: "" });
      },
      request: (options: WechatMiniprogram.RequestOption) => this.answer(options.method ?? "GET", options, options.data),
      uploadFile: (options: WechatMiniprogram.UploadFileOption) => {
        this.answer("POST", options as WechatMiniprogram.RequestOption, options.filePath);
        return { onProgressUpdate: () => undefined };
      },
      getStorageSync: (key: string) => structuredClone(this.stored.get(key) ?? ""),
      setStorageSync: (key: string, value: unknown) => void this.stored.set(key, structuredClone(value)),
      removeStorageSync: (key: string) => void this.stored.delete(key),
    } as unknown as Platform;
  }

  private answer(method: string, options: WechatMiniprogram.RequestOption, body: unknown): void {
    const asked = { method, path: options.url.replace("https://aid.test/api/v1", ""), header: options.header as Record<string, string>, body };
    this.asked.push(asked);
    const line = this.lines.shift()?.(asked);
    if (line === undefined) throw new Error(`nothing was written for ${method} ${asked.path}`);
    setImmediate(() => {
      if (line.lost === true) options.fail?.({ errMsg: "request:fail", errno: 5 } as WechatMiniprogram.RequestFailCallbackErr);
      else
        options.success?.({
          statusCode: line.status ?? 200,
          header: line.header ?? {},
          data: line.data ?? {},
        } as unknown as WechatMiniprogram.RequestSuccessCallbackResult);
    });
  }
}
