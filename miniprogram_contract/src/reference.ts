// 公开的参考资料（项目、授权文本、代码表）：十分钟内不再下载，断网时用上一次的。
import type { Client } from "./client";
import { Unreachable } from "./errors";
import type { Answer, Operation } from "./types";

export type ReferencePath = "/api/v1/programmes" | "/api/v1/consents" | "/api/v1/reference/dictionaries";

interface Kept {
  data: unknown;
  readAt: number;
}

const FRESH = 10 * 60_000;

export class Reference {
  constructor(
    private readonly client: Client,
    private readonly now: () => number = Date.now,
  ) {}

  async get<P extends ReferencePath>(path: P): Promise<Answer<Operation<"get", P>>> {
    const name = `aid.reference${path}`;
    const stored: unknown = this.client.wx.getStorageSync(name);
    const kept = typeof stored === "object" && stored !== null && "readAt" in stored ? (stored as Kept) : undefined;
    if (kept !== undefined && this.now() - kept.readAt < FRESH) return kept.data as Answer<Operation<"get", P>>;
    try {
      const read = await (this.client as AnyGet).get(path, { anonymous: true });
      this.client.wx.setStorageSync(name, { data: read.data, readAt: this.now() });
      return read.data as Answer<Operation<"get", P>>;
    } catch (error) {
      if (kept !== undefined && error instanceof Unreachable) return kept.data as Answer<Operation<"get", P>>;
      throw error;
    }
  }
}

/** 三个路径的参数一样，回答的类型由 P 决定。 */
type AnyGet = { get(path: string, options: { anonymous: boolean }): Promise<{ data: unknown }> };
