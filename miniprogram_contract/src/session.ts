// 登录：令牌的保存、更新和重新登录。同一时刻只有一个更新在进行，其余请求等它。
import { AidError, Refused, Unreachable, refusedBy } from "./errors";
import { type Platform, type RawAnswer, TransportFailure, loginCode, send } from "./platform";
import type { Schemas } from "./types";

export type Tokens = Schemas["SessionView"];
export type SignedIn = Schemas["PersonView"];

const STORED = "aid.session";
/** 提前这么多毫秒更新，免得请求走到半路令牌过期。 */
const EARLY = 60_000;

interface Stored {
  access: string;
  refresh: string;
  expiresAt: number;
}

export class Session {
  private tokens: Stored | undefined;
  private renewing: Promise<string> | undefined;
  /** 最近一次登录或更新时的本人信息；程序刚启动时没有，请用 GET /me。 */
  person: SignedIn | undefined;

  constructor(
    private readonly wx: Platform,
    private readonly base: string,
    private readonly timeout: number,
    private readonly now: () => number = Date.now,
  ) {
    const stored: unknown = wx.getStorageSync(STORED);
    this.tokens = typeof stored === "object" && stored !== null && "refresh" in stored ? (stored as Stored) : undefined;
  }

  get signedIn(): boolean {
    return this.tokens !== undefined;
  }

  /** 可用的访问令牌，需要时先更新或登录。 */
  token(): Promise<string> {
    if (this.tokens !== undefined && this.now() < this.tokens.expiresAt - EARLY) {
      return Promise.resolve(this.tokens.access);
    }
    return this.renew(this.tokens?.access);
  }

  /** 被拒绝的令牌换成新的。别的请求已经换过，就用换好的；正在换，就等它。 */
  renew(refused: string | undefined): Promise<string> {
    if (this.tokens !== undefined && this.tokens.access !== refused && this.now() < this.tokens.expiresAt) {
      return Promise.resolve(this.tokens.access);
    }
    if (this.renewing === undefined) {
      this.renewing = this.renewed().finally(() => {
        this.renewing = undefined;
      });
    }
    return this.renewing;
  }

  /** 忘掉令牌（退出登录之后，或者换人）。 */
  forget(): void {
    this.tokens = undefined;
    this.person = undefined;
    this.wx.removeStorageSync(STORED);
  }

  private async renewed(): Promise<string> {
    if (this.tokens !== undefined) {
      try {
        return this.keep(await this.ask("/api/v1/sessions/refresh", { refresh_token: this.tokens.refresh }));
      } catch (error) {
        // 更新被拒绝（过期、被别处用过）：重新登录，用户无感。断网时保留令牌，下次再试。
        if (!(error instanceof Refused) || error.status !== 401) throw error;
        this.forget();
      }
    }
    const code = await loginCode(this.wx).catch((failure: unknown) => {
      throw unreachable(failure);
    });
    return this.keep(await this.ask("/api/v1/sessions", { code }));
  }

  private async ask(path: string, body: object): Promise<Tokens> {
    let answer: RawAnswer;
    try {
      answer = await send(this.wx, {
        method: "POST",
        url: this.base + path,
        headers: { "content-type": "application/json" },
        body,
        timeout: this.timeout,
      });
    } catch (failure) {
      throw unreachable(failure);
    }
    if (answer.status >= 400) throw refusedBy(answer);
    return answer.data as Tokens;
  }

  private keep(given: Tokens): string {
    this.person = given.person;
    this.tokens = {
      access: given.access_token,
      refresh: given.refresh_token,
      expiresAt: this.now() + given.expires_in * 1000,
    };
    this.wx.setStorageSync(STORED, this.tokens);
    return this.tokens.access;
  }
}

export function unreachable(failure: unknown): AidError | unknown {
  return failure instanceof TransportFailure ? new Unreachable(failure.reason) : failure;
}
