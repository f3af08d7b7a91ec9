// 离线草稿：先存在手机上，有网时送到服务器。断在哪里都不丢、不重复；别处改过的不覆盖，交给用户选。
import type { Client } from "./client";
import { AidError, Refused, Unreachable } from "./errors";
import { newKey } from "./keys";
import type { Schemas } from "./types";

export type AidKind = Schemas["Kind"];
export type Form = Schemas["FormChange"]["form"];
export type Submitted = Schemas["SubmittedView"];

export interface Conflict {
  /** already_open：同类草稿已经有一份；changed_elsewhere：别的设备改过。 */
  reason: "already_open" | "changed_elsewhere";
  applicationId: string;
  /** 给用户看的说明。 */
  text: string;
}

export interface Draft {
  localId: string;
  kind: AidKind;
  form: Form;
  applicationId?: string;
  version?: number;
  /** 还缺什么，服务器最近一次说的。 */
  warnings: readonly Schemas["FieldProblem"][];
  conflict?: Conflict;
  /** 已经送到服务器的是不是现在这些内容。 */
  saved: boolean;
  /** 已经提交、还不知道结果：不能再改，再调用一次 submit 看结果。 */
  submitting?: { key: string; version: number };
}

interface Kept extends Draft {
  /** 已经发出、还不知道结果的新建：重发时内容和键都不能变。 */
  creating?: { key: string; form: Form };
  /** 已经发出、还不知道结果的保存。 */
  sending?: Form;
}

/** 提交发出后还不知道结果，不能再改：先等提交有结果。 */
export class SubmitPending extends AidError {
  readonly text = "这份申请已经提交，正在等待结果，请联网后再看。";
  readonly cure = "retry";
}

/** 有冲突没有选，或者提交时又改了：先处理再提交。 */
export class Unsettled extends AidError {
  readonly text = "这份草稿还有没有处理好的地方，请核对后再提交。";
  readonly cure = "reload";
}

const STORED = "aid.drafts";

export class Drafts {
  private syncing: Promise<Draft[]> | undefined;

  constructor(private readonly client: Client) {}

  all(): Draft[] {
    return this.read();
  }

  find(localId: string): Draft | undefined {
    return this.read().find((each) => each.localId === localId);
  }

  /** 存在手机上，不联网。新草稿不给 localId。 */
  save(kind: AidKind, form: Form, localId?: string): Draft {
    const before = localId === undefined ? undefined : this.kept(localId);
    if (before?.submitting !== undefined) throw new SubmitPending();
    return this.write({ localId: newKey(), warnings: [], ...before, kind, form, saved: false });
  }

  /** 被退回的，或者在别处建的：取到手机上接着填。 */
  async open(applicationId: string): Promise<Draft> {
    const { data } = await this.client.get("/api/v1/applications/{application_id}", {
      path: { application_id: applicationId },
    });
    const before = this.read().find((each) => each.applicationId === applicationId);
    if (before !== undefined && !before.saved) return before;
    return this.write({
      localId: before?.localId ?? newKey(),
      kind: data.kind,
      form: data.form as Form,
      applicationId,
      version: data.version,
      warnings: [],
      saved: true,
    });
  }

  /** 把没有送到的都送到服务器。断网不算出错：留着下次再送。 */
  sync(): Promise<Draft[]> {
    if (this.syncing === undefined) {
      this.syncing = this.synced().finally(() => {
        this.syncing = undefined;
      });
    }
    return this.syncing;
  }

  /** 送到服务器并提交。断网时抛出 Unreachable，再调用一次就接着办，不会提交两次。 */
  async submit(localId: string): Promise<Submitted> {
    const draft = this.must(localId);
    const { key, version } = draft.submitting ?? (await this.readied(draft));
    try {
      const { data } = await this.client.post("/api/v1/applications/{application_id}/submit", {
        path: { application_id: idOf(this.must(localId)) },
        version,
        key,
      });
      this.discard(localId);
      return data;
    } catch (error) {
      // 拒绝的没有留下任何东西，可以改了再交；不知道结果的，键留着。
      if (error instanceof Refused && error.cure !== "retry_later") {
        const { submitting: _, ...rest } = this.must(localId);
        this.write(rest);
      }
      throw error;
    }
  }

  /** 冲突时用手机上的：盖过别处的内容。 */
  async keepMine(localId: string): Promise<Draft> {
    const draft = this.must(localId);
    if (draft.conflict === undefined) return draft;
    const { data } = await this.client.get("/api/v1/applications/{application_id}", {
      path: { application_id: draft.conflict.applicationId },
    });
    const { conflict: _, ...rest } = draft;
    this.write({ ...rest, applicationId: data.id, version: data.version, saved: false });
    return this.sent(this.must(localId));
  }

  /** 冲突时用别处的：手机上的内容换成服务器上的。 */
  async takeTheirs(localId: string): Promise<Draft> {
    const draft = this.must(localId);
    if (draft.conflict === undefined) return draft;
    const { data } = await this.client.get("/api/v1/applications/{application_id}", {
      path: { application_id: draft.conflict.applicationId },
    });
    const { conflict: _, ...rest } = draft;
    return this.write({
      ...rest,
      applicationId: data.id,
      version: data.version,
      form: data.form as Form,
      saved: true,
    });
  }

  /** 只从手机上去掉。 */
  discard(localId: string): void {
    this.store(this.read().filter((each) => each.localId !== localId));
  }

  /** 退出登录、换人时：手机上不留别人的内容。 */
  clear(): void {
    this.client.wx.removeStorageSync(STORED);
  }

  /** 内容都在服务器上了，记下这一次提交的键和版本。 */
  private async readied(draft: Kept): Promise<{ key: string; version: number }> {
    const sent = await this.sent(draft);
    if (!sent.saved || sent.version === undefined) throw new Unsettled();
    const submitting = { key: newKey(), version: sent.version };
    this.write({ ...sent, submitting });
    return submitting;
  }

  private async synced(): Promise<Draft[]> {
    for (const draft of this.read()) {
      if (draft.saved || draft.conflict !== undefined || draft.submitting !== undefined) continue;
      try {
        await this.sent(draft);
      } catch (error) {
        if (error instanceof Unreachable) break;
        if (!(error instanceof Refused)) throw error;
        // 填写有误等：内容留在手机上，下次保存后再送。
      }
    }
    return this.all();
  }

  private async sent(draft: Kept): Promise<Kept> {
    if (draft.saved || draft.conflict !== undefined) return draft;
    const created = draft.applicationId === undefined ? await this.created(draft) : draft;
    return created.saved || created.conflict !== undefined ? created : this.replaced(created);
  }

  private async created(draft: Kept): Promise<Kept> {
    const creating = draft.creating ?? { key: newKey(), form: draft.form };
    this.write({ ...draft, creating });
    try {
      const { data } = await this.client.post("/api/v1/applications", {
        body: { kind: draft.kind, form: creating.form },
        key: creating.key,
      });
      const { creating: _, ...rest } = this.must(draft.localId);
      return this.write({
        ...rest,
        applicationId: data.id,
        version: data.version,
        warnings: data.warnings,
        saved: same(rest.form, creating.form),
      });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { creating: _, ...rest } = this.must(draft.localId);
      const first = error.extra("application_id");
      if (error.cure === "open_existing" && typeof first === "string") {
        return this.write({
          ...rest,
          conflict: { reason: "already_open", applicationId: first, text: error.text },
        });
      }
      this.write(error.cure === "retry_later" ? this.must(draft.localId) : rest);
      throw error;
    }
  }

  private async replaced(draft: Kept): Promise<Kept> {
    const unsure = draft.sending;
    const sending = draft.form;
    this.write({ ...draft, sending });
    try {
      const { data } = await this.client.put("/api/v1/applications/{application_id}", {
        path: { application_id: idOf(draft) },
        version: draft.version ?? 0,
        body: { form: sending },
      });
      return this.arrived(draft.localId, sending, data.version, data.warnings);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === "stale_version") return this.overtaken(draft, unsure, error);
      const { sending: _, ...rest } = this.must(draft.localId);
      this.write(rest);
      throw error;
    }
  }

  /** 版本对不上：可能就是上一次没等到回答的自己。 */
  private async overtaken(draft: Kept, unsure: Form | undefined, error: Refused): Promise<Kept> {
    const { data } = await this.client.get("/api/v1/applications/{application_id}", {
      path: { application_id: idOf(draft) },
    });
    const { sending: _, ...rest } = this.must(draft.localId);
    if (unsure !== undefined && covers(data.form, unsure)) {
      return this.sent(this.write({ ...rest, version: data.version, saved: covers(data.form, rest.form) }));
    }
    return this.write({
      ...rest,
      conflict: { reason: "changed_elsewhere", applicationId: idOf(draft), text: error.text },
    });
  }

  private arrived(localId: string, sent: Form, version: number, warnings: Draft["warnings"]): Kept {
    const { sending: _, ...rest } = this.must(localId);
    return this.write({ ...rest, version, warnings, saved: same(rest.form, sent) });
  }

  private must(localId: string): Kept {
    const found = this.kept(localId);
    if (found === undefined) throw new Error(`no draft ${localId}`);
    return found;
  }

  private kept(localId: string): Kept | undefined {
    return this.read().find((each) => each.localId === localId);
  }

  private read(): Kept[] {
    const stored: unknown = this.client.wx.getStorageSync(STORED);
    return Array.isArray(stored) ? (stored as Kept[]) : [];
  }

  private write(draft: Kept): Kept {
    const others = this.read().filter((each) => each.localId !== draft.localId);
    this.store([...others, draft]);
    return draft;
  }

  private store(drafts: Kept[]): void {
    this.client.wx.setStorageSync(STORED, drafts);
  }
}

function idOf(draft: Draft): string {
  if (draft.applicationId === undefined) throw new Error("the draft has not reached the server");
  return draft.applicationId;
}

function same(one: unknown, other: unknown): boolean {
  return covers(one, other) && covers(other, one);
}

/** `whole` 里有 `part` 的全部内容；服务器补上的空项不算不同。 */
function covers(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    return Array.isArray(whole) && whole.length === part.length && part.every((each, n) => covers(whole[n], each));
  }
  if (typeof part === "object" && part !== null) {
    return (
      typeof whole === "object" &&
      whole !== null &&
      Object.entries(part).every(([name, each]) => covers((whole as Record<string, unknown>)[name], each))
    );
  }
  return whole === part || (whole === undefined && part === null);
}
