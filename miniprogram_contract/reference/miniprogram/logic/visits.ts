// 入户走访：问卷离线填写，有网时一起送出。每一次填写有自己的编号，送几次都只算一次。
import { Refused, Unreachable, type Client, type Schemas } from "shantou-aid-contract";
import type { Shown, Told } from "./fields";
import { shownFields } from "./fields";

export type Visit = Schemas["VisitView"];
export type Operation = Schemas["OperationIn"];
type Value = Operation["value"];

const AS = { yes_no: "yes_no", choice: "choice", number: "whole", money: "money", text: "long" } as const;
const MOST = 100;

/** 手机上的一次走访：最近读到的样子和还没送出的填写。 */
export interface Kept {
  visit: Visit;
  waiting: Operation[];
}

export class VisitBook {
  constructor(private readonly client: Client) {}

  /** 断网时用上一次读到的。 */
  async open(visitId: string): Promise<Kept> {
    const kept = this.read(visitId);
    try {
      const { data } = await this.client.get("/api/v1/staff/visits/{visit_id}", { path: { visit_id: visitId } });
      return this.write({ visit: data, waiting: kept?.waiting ?? [] });
    } catch (error) {
      if (error instanceof Unreachable && kept !== undefined) return kept;
      throw error;
    }
  }

  /** 填一项：只写手机。同一项再填，以后一次为准。 */
  fill(visitId: string, field: string, value: Value): Kept {
    const kept = this.kept(visitId);
    const operation = { operation_id: uuid(), field, value, base_version: kept.visit.version };
    return this.write({ ...kept, waiting: [...kept.waiting.filter((each) => each.field !== field), operation] });
  }

  /**
   * 送出还没送的，再读一次。409 也是收下了：其余的已经填上，有冲突的两份都留着，读到的 conflicts 里逐处选定。
   * 断网时抛出 Unreachable，填写都还在。
   */
  async sync(visitId: string): Promise<Kept> {
    for (let batch = this.kept(visitId).waiting.slice(0, MOST); batch.length > 0; batch = this.kept(visitId).waiting.slice(0, MOST)) {
      await this.sent(visitId, batch);
      const gone = new Set(batch.map((each) => each.operation_id));
      const kept = this.kept(visitId);
      this.write({ ...kept, waiting: kept.waiting.filter((each) => !gone.has(each.operation_id)) });
    }
    return this.open(visitId);
  }

  private async sent(visitId: string, operations: Operation[]): Promise<void> {
    try {
      await this.client.post("/api/v1/staff/visits/{visit_id}/operations", {
        path: { visit_id: visitId },
        body: { operations },
      });
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "operation_conflict") throw error;
    }
  }

  /** 手机上的样子，不联网。 */
  kept(visitId: string): Kept {
    const kept = this.read(visitId);
    if (kept === undefined) throw new Error(`no visit ${visitId} on this phone`);
    return kept;
  }

  private read(visitId: string): Kept | undefined {
    const stored: unknown = this.client.wx.getStorageSync(nameOf(visitId));
    return typeof stored === "object" && stored !== null && "visit" in stored ? (stored as Kept) : undefined;
  }

  private write(kept: Kept): Kept {
    this.client.wx.setStorageSync(nameOf(kept.visit.id), kept);
    return kept;
  }
}

/** 问卷各项现在的样子：服务器上的，加上手机上还没送出的。 */
export function questionsOf({ visit, waiting }: Kept, told: readonly Told[] = []): Shown[] {
  const filled = new Map<string, Value>(visit.filled.map(({ field, value }) => [field, value]));
  for (const { field, value } of waiting) filled.set(field, value);
  return visit.questions.flatMap(({ field, kind, text, required, choices }) =>
    shownFields(
      [{ at: "value", as: AS[kind], label: text, hint: required ? "" : "可以不填", choices: choices.map((c) => ({ code: c.value, text: c.text })) }],
      { value: filled.get(field) },
      told.filter((each) => each.pointer === field).map(({ message }) => ({ pointer: "/value", message })),
    ).map((each) => ({ ...each, at: field })),
  );
}

export function photosOf({ visit, waiting }: Kept): number {
  const names = [...visit.filled, ...waiting].filter(({ field }) => field.startsWith("/photos/"));
  return new Set(names.map(({ field }) => field)).size;
}

export function findingsOf({ visit, waiting }: Kept): string {
  const last = waiting.find(({ field }) => field === "/findings") ?? visit.filled.find(({ field }) => field === "/findings");
  return typeof last?.value === "string" ? last.value : "";
}

/** 百万分之一度，wx.getLocation 给的是小数。 */
export function positionOf(found: { latitude: number; longitude: number }): Schemas["PositionIn"] {
  return { latitude_e6: Math.round(found.latitude * 1e6), longitude_e6: Math.round(found.longitude * 1e6) };
}

function nameOf(visitId: string): string {
  return `aid.visit.${visitId}`;
}

/** 第 4 版 UUID。 */
export function uuid(): string {
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () => Math.floor(Math.random() * 16).toString(16));
}
