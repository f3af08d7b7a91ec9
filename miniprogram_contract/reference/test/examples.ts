// 照约定里录下的例子回答：页面看到的和真的服务给的一样。约定里没有的请求当场失败。
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Desk } from "./wx";

const PACKAGE = process.env["AID_CONTRACT"] ?? "";

interface Example {
  operation: string;
  answers?: Readonly<Record<string, unknown>>;
}

export interface Answer {
  status: number;
  data: unknown;
  header?: Record<string, string>;
}

interface Known {
  operation: string;
  path: RegExp;
  answer: Answer;
}

function known(): Known[] {
  const { paths } = JSON.parse(readFileSync(join(PACKAGE, "openapi.json"), "utf8")) as { paths: Record<string, Record<string, object>> };
  const folder = join(PACKAGE, "examples");
  const examples = new Map(
    readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => {
      const each = JSON.parse(readFileSync(join(folder, name), "utf8")) as Example;
      return [each.operation, each] as const;
    }),
  );
  return Object.entries(paths)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => ({ path, operation: `${method.toUpperCase()} ${path}` })))
    .map(({ path, operation }) => {
      const [first] = Object.entries(examples.get(operation)?.answers ?? {});
      const answer = first === undefined ? { status: 204, data: "" } : { status: Number(first[0]), data: first[1] };
      return { operation, answer, path: new RegExp(`^${operation.replace(path, path.replace(/\{[^}]+\}/g, "[^/]+"))}$`) };
    })
    .sort((one, other) => Number(one.path.source.includes("[^/]+")) - Number(other.path.source.includes("[^/]+")));
}

/** 例子里只录了前几张代码表；要全的从 catalogue.json 取。 */
export function dictionaries(): object[] {
  const { dictionaries: lists } = JSON.parse(readFileSync(join(PACKAGE, "catalogue.json"), "utf8")) as {
    dictionaries: Record<string, { editions: { items: object[] }[] }>;
  };
  return Object.entries(lists).map(([name, { editions }]) => ({ name, items: editions.at(-1)?.items ?? [] }));
}

const KNOWN = known();
const SESSION = { access_token: "a", refresh_token: "r", expires_in: 1800, person: {} };

export class Recorded extends Desk {
  readonly asked: { operation: string; url: string; body: unknown; header: Record<string, string> }[] = [];
  /** 换掉某个接口的回答。 */
  readonly instead = new Map<string, Answer | "lost">();
  private waiting = 0;

  readonly idle = (): boolean => this.waiting === 0;

  override get wx(): Record<string, unknown> {
    return {
      ...super.wx,
      login: ({ success }: { success(answer: object): void }) => success({ code: "c", errMsg: "" }),
      request: (options: WechatMiniprogram.RequestOption) => this.exchange(options.method ?? "GET", options, options.data),
      uploadFile: (options: WechatMiniprogram.UploadFileOption) => {
        this.exchange("POST", options as unknown as WechatMiniprogram.RequestOption, options.formData);
        return { onProgressUpdate: (tell: (update: { progress: number }) => void) => tell({ progress: 50 }) };
      },
    };
  }

  /** 例子改几处：{...example("GET /api/v1/me"), verified: false} */
  static example<T = Record<string, unknown>>(operation: string): T {
    const found = KNOWN.find((each) => each.operation === operation);
    if (found === undefined) throw new Error(`the contract has no ${operation}`);
    return structuredClone(found.answer.data) as T;
  }

  change(operation: string, more: object, status = 200): void {
    this.instead.set(operation, { status, data: { ...Recorded.example<object>(operation), ...more } });
  }

  refuse(operation: string, status: number, code: string, more: object = {}): void {
    const data = { type: "", title: "", status, code, detail: `${code}，没有办成。`, request_id: "r-1", ...more };
    this.instead.set(operation, { status, data });
  }

  private exchange(method: string, options: WechatMiniprogram.RequestOption, body: unknown): void {
    const url = options.url.replace(/^https?:\/\/[^/]+/, "");
    const found = KNOWN.find(({ path }) => path.test(`${method} ${url.replace(/\?.*/, "")}`));
    if (found === undefined) throw new Error(`the contract has no ${method} ${url}`);
    this.asked.push({ operation: found.operation, url, body, header: options.header as Record<string, string> });
    const answer = this.instead.get(found.operation) ?? (url === "/api/v1/sessions" ? { status: 201, data: SESSION } : found.answer);
    this.waiting += 1;
    setImmediate(() => {
      this.waiting -= 1;
      if (answer === "lost") return options.fail?.({ errMsg: "request:fail", errno: 5 } as WechatMiniprogram.RequestFailCallbackErr);
      const result = { statusCode: answer.status, header: answer.header ?? {}, data: answer.data };
      options.success?.(result as unknown as WechatMiniprogram.RequestSuccessCallbackResult);
    });
  }
}
