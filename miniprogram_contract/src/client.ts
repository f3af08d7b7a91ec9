// 按约定的路径和类型调用接口。令牌、Idempotency-Key、If-Match、重发、出错都在这里处理，页面不必再写。
import { refusedBy } from "./errors";
import { Gate } from "./gate";
import { newKey } from "./keys";
import { type Platform, type RawAnswer, type RawUpload, send, upload } from "./platform";
import { PATIENT, type RetryPolicy, pause, retrying } from "./retry";
import { Session, unreachable } from "./session";
import type { Answer, Args, Common, Method, Operation, PathOf, Result } from "./types";

export interface Settings {
  /** 例如 https://aid.example.org，不带 /api/v1，也不以 / 结尾。 */
  base: string;
  /** 真机上不用给：就是全局的 wx。 */
  wx?: Platform;
  /** 毫秒；切到后台 5 秒的请求会被微信中断，所以不要太长。 */
  timeout?: number;
  retry?: RetryPolicy;
  now?: () => number;
  sleep?: (milliseconds: number) => Promise<void>;
}

interface Loose extends Common {
  path?: Record<string, string | number>;
  query?: Record<string, unknown>;
  body?: unknown;
  version?: number;
}

const MOST_AT_ONCE = 8;
const UPLOAD_TIMEOUT = 60_000;
const KEYLESS = new Set(["/api/v1/screening", "/api/v1/public/objections/status"]);

export class Client {
  readonly session: Session;
  readonly wx: Platform;
  private readonly base: string;
  private readonly timeout: number;
  private readonly policy: RetryPolicy;
  private readonly sleep: (milliseconds: number) => Promise<void>;
  private readonly gate = new Gate(MOST_AT_ONCE);

  constructor(settings: Settings) {
    this.wx = settings.wx ?? wx;
    this.base = settings.base;
    this.timeout = settings.timeout ?? 20_000;
    this.policy = settings.retry ?? PATIENT;
    this.sleep = settings.sleep ?? pause;
    this.session = new Session(this.wx, this.base, this.timeout, settings.now);
  }

  get<P extends PathOf<"get">>(path: P, ...args: Args<Operation<"get", P>>): Promise<Result<Answer<Operation<"get", P>>>> {
    return this.call("get", path, args[0] as Loose | undefined);
  }

  post<P extends PathOf<"post">>(
    path: P,
    ...args: Args<Operation<"post", P>>
  ): Promise<Result<Answer<Operation<"post", P>>>> {
    return this.call("post", path, args[0] as Loose | undefined);
  }

  put<P extends PathOf<"put">>(path: P, ...args: Args<Operation<"put", P>>): Promise<Result<Answer<Operation<"put", P>>>> {
    return this.call("put", path, args[0] as Loose | undefined);
  }

  delete<P extends PathOf<"delete">>(
    path: P,
    ...args: Args<Operation<"delete", P>>
  ): Promise<Result<Answer<Operation<"delete", P>>>> {
    return this.call("delete", path, args[0] as Loose | undefined);
  }

  /** 上传一个文件；页面请用 Uploads，它会排队、重发、报告进度。 */
  upload(request: Omit<RawUpload, "url" | "headers" | "timeout">, key: string): Promise<RawAnswer> {
    return this.attempts(true, true, (headers) =>
      upload(this.wx, {
        ...request,
        url: `${this.base}/api/v1/files`,
        headers: { ...headers, "idempotency-key": key },
        timeout: UPLOAD_TIMEOUT,
      }),
    );
  }

  /** 退出登录：服务器上的登录一并结束；断网时只清除手机上的。 */
  async signOut(): Promise<void> {
    try {
      if (this.session.signedIn) await this.delete("/api/v1/sessions/current");
    } finally {
      this.session.forget();
    }
  }

  private async call<T>(method: Method, path: string, options: Loose = {}): Promise<Result<T>> {
    const headers: Record<string, string> = { "content-type": "application/json" };
    const keyed = method === "post" && !KEYLESS.has(path);
    if (keyed) headers["idempotency-key"] = options.key ?? newKey();
    if (options.version !== undefined) headers["if-match"] = `"${options.version}"`;
    const url = this.base + filled(path, options.path ?? {}) + queried(options.query ?? {});
    const safe = method === "get" || method === "post";
    const answer = await this.attempts(safe, options.anonymous !== true, (given) =>
      send(this.wx, {
        method: method.toUpperCase() as "GET" | "POST" | "PUT" | "DELETE",
        url,
        headers: { ...headers, ...given },
        ...(options.body === undefined ? {} : { body: options.body }),
        timeout: options.timeout ?? this.timeout,
      }),
    );
    return resultOf<T>(answer);
  }

  /** 排队、带令牌、401 时换一次令牌、可以时重发。 */
  private attempts(
    safeWhenUnknown: boolean,
    signedIn: boolean,
    attempt: (headers: Record<string, string>) => Promise<RawAnswer>,
  ): Promise<RawAnswer> {
    const once = async (): Promise<RawAnswer> => {
      if (!signedIn) return checked(await this.gate.through(() => attempt({})).catch(rethrow));
      const token = await this.session.token();
      const first = await this.gate.through(() => attempt(bearer(token))).catch(rethrow);
      if (first.status !== 401) return checked(first);
      const renewed = await this.session.renew(token);
      return checked(await this.gate.through(() => attempt(bearer(renewed))).catch(rethrow));
    };
    return retrying(once, safeWhenUnknown, this.policy, this.sleep);
  }
}

function rethrow(failure: unknown): never {
  throw unreachable(failure);
}

function checked(answer: RawAnswer): RawAnswer {
  if (answer.status >= 400) throw refusedBy(answer);
  return answer;
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function resultOf<T>(answer: RawAnswer): Result<T> {
  const { data, status, headers } = answer;
  const tagged = /"(\d+)"/.exec(headers["etag"] ?? "");
  const told = typeof data === "object" && data !== null ? (data as { version?: unknown }).version : undefined;
  const version = tagged?.[1] !== undefined ? Number(tagged[1]) : typeof told === "number" ? told : undefined;
  return { data: data as T, status, version, replayed: headers["idempotency-replayed"] === "true" };
}

function filled(path: string, given: Record<string, string | number>): string {
  return path.replace(/\{([a-z_]+)\}/g, (_, name: string) => encodeURIComponent(String(given[name])));
}

function queried(query: Record<string, unknown>): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((each) => each !== undefined && each !== null)
      .map((each) => `${encodeURIComponent(name)}=${encodeURIComponent(String(each))}`),
  );
  return parts.length > 0 ? `?${parts.join("&")}` : "";
}
