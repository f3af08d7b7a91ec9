// 什么时候可以自动重发：读取可以；POST 用同一个 Idempotency-Key 可以；其余只在服务器明说“没有办”时可以。
import { Refused, Unreachable } from "./errors";

export interface RetryPolicy {
  /** 包括第一次，最多几次。 */
  attempts: number;
  /** 第一次重发前等多久（毫秒），以后每次加倍。 */
  firstDelay: number;
  /** 服务器要等的秒数超过它，就交给用户，不在后台等。 */
  longestWait: number;
}

export const PATIENT: RetryPolicy = { attempts: 4, firstDelay: 500, longestWait: 10_000 };

export async function retrying<T>(
  attempt: () => Promise<T>,
  safeWhenUnknown: boolean,
  policy: RetryPolicy,
  sleep: (milliseconds: number) => Promise<void>,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      const wait = waitBefore(error, count, safeWhenUnknown, policy);
      if (wait === undefined) throw error;
      await sleep(wait);
    }
  }
}

/** 重发前等多少毫秒；undefined 是不重发。 */
function waitBefore(error: unknown, count: number, safeWhenUnknown: boolean, policy: RetryPolicy): number | undefined {
  if (count >= policy.attempts) return undefined;
  const delay = policy.firstDelay * 2 ** (count - 1);
  if (error instanceof Unreachable) return safeWhenUnknown ? delay : undefined;
  if (!(error instanceof Refused) || !["retry", "retry_later"].includes(error.cure)) return undefined;
  const wait = Math.max(delay, (error.retryAfter ?? 0) * 1000);
  return wait <= policy.longestWait ? wait : undefined;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
