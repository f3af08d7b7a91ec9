// 出错只有两种：服务器拒绝了（Refused），或者不知道服务器收到没有（Unreachable）。两种都有给用户看的中文。
import { CURES, type Cure } from "./problems";
import type { Schemas } from "./types";
import type { RawAnswer } from "./platform";

export type Problem = Schemas["Problem"];
export type FieldProblem = Schemas["FieldProblem"];

export abstract class AidError extends Error {
  /** 直接显示给用户。 */
  abstract readonly text: string;
  /** 程序该怎么办；说明见 docs/diagrams/problems.md。 */
  abstract readonly cure: Cure;
}

export class Refused extends AidError {
  readonly status: number;
  readonly code: string;
  readonly text: string;
  readonly cure: Cure;
  /** 请放在“复制报错信息”里，后台凭它查日志。 */
  readonly requestId: string;
  readonly fields: readonly FieldProblem[];

  constructor(
    readonly problem: Problem,
    /** 429、503：至少等这么多秒。 */
    readonly retryAfter: number | undefined,
  ) {
    super(`${problem.status} ${problem.code}`);
    this.name = "Refused";
    this.status = problem.status;
    this.code = problem.code;
    this.text = problem.detail;
    this.requestId = problem.request_id;
    this.fields = problem.errors ?? [];
    this.cure = CURES[problem.code] ?? cureOf(problem.status);
  }

  /** problem 的其他成员：application_id、purposes、state、version 等。 */
  extra(name: string): string | number | undefined {
    const value = (this.problem as unknown as Record<string, unknown>)[name];
    return typeof value === "string" || typeof value === "number" ? value : undefined;
  }
}

export class Unreachable extends AidError {
  readonly text = "网络不通，内容已保存在手机上，请稍后再试。";
  readonly cure: Cure = "retry";

  constructor(readonly reason: string) {
    super(reason);
    this.name = "Unreachable";
  }
}

/** 不认识的代码按状态处理：以后增加代码，不必更新小程序。 */
function cureOf(status: number): Cure {
  if (status === 401) return "sign_in";
  if (status === 412) return "reload";
  if (status === 422) return "fix_input";
  if (status === 429) return "wait";
  if (status === 503) return "retry_later";
  return status >= 500 ? "report" : "tell";
}

export function refusedBy(answer: RawAnswer): Refused {
  const wait = Number(answer.headers["retry-after"]);
  return new Refused(problemOf(answer), Number.isFinite(wait) && wait > 0 ? wait : undefined);
}

/** 网关、代理的出错页不是 problem+json，也要有一句中文。 */
function problemOf({ status, data }: RawAnswer): Problem {
  if (typeof data === "object" && data !== null && "code" in data && "detail" in data) {
    return data as Problem;
  }
  return {
    type: "about:blank",
    title: "系统出错",
    status,
    code: status === 503 || status === 502 || status === 504 ? "unavailable" : "internal_error",
    detail: "系统暂时不能办理，请稍后再试。",
    request_id: "",
  };
}
