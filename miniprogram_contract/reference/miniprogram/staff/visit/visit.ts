import { STATES, type Schemas, said } from "shantou-aid-contract";
import { type Shown, type Told, shownFields } from "../../logic/fields";
import { type Kept, findingsOf, photosOf, positionOf, questionsOf } from "../../logic/visits";
import { BASIC, type Filled, attempt, dataset, say, showing } from "../../page";
import { type Paper, photographed, uploaded } from "../../papers";
import { services } from "../../services";

type Action = Schemas["VisitAction"];

interface Choice {
  id: string;
  text: string;
  mine: string;
  theirs: string;
  version: number;
}

Component({
  data: {
    ...BASIC,
    id: "",
    version: 0,
    head: "",
    state: "",
    address: "",
    status: "",
    questions: [] as Shown[],
    findings: found(""),
    conflicts: [] as Choice[],
    photos: 0,
    photosRequired: 0,
    papers: [] as Paper[],
    unsent: false,
    started: false,
    canStart: false,
    canEnd: false,
    canSign: false,
  },
  methods: {
    async onLoad(query: { id: string }): Promise<void> {
      this.setData({ id: query.id });
      await this.load();
    },
    onShow(): void {
      showing(this);
    },
    onHide(): void {
      void this.sync();
    },
    async load(): Promise<void> {
      await attempt(this, async () => this.show(await services().visits.open(this.data.id)));
    },
    /** 在没有信号的地方也能填：只写手机。 */
    fill(event: WechatMiniprogram.CustomEvent<Filled>): void {
      const { at, value } = event.detail;
      this.show(services().visits.fill(this.data.id, at, (value ?? null) as string | number | boolean | null));
    },
    async sync(): Promise<void> {
      if (!this.data.started) return;
      await attempt(this, async () => this.show(await services().visits.sync(this.data.id)));
    },
    async photograph(): Promise<void> {
      this.setData({ papers: [...this.data.papers, ...(await photographed())] });
      await this.send();
    },
    /** 传好一张记一张；没有信号的留着，有信号再传。 */
    async send(): Promise<void> {
      const tell = (papers: Paper[]): void => this.setData({ papers, unsent: papers.some((each) => each.id === "") });
      await attempt(this, async () => void (await uploaded(this.data.papers, "visit", tell)));
      for (const { id, sha256 } of this.data.papers.filter((each) => each.id !== "")) {
        this.show(services().visits.fill(this.data.id, `/photos/${id}`, sha256));
      }
      this.setData({ papers: this.data.papers.filter((each) => each.id === "") });
    },
    async choose(event: WechatMiniprogram.TouchEvent): Promise<void> {
      const operation_id = dataset(event, "id");
      await attempt(this, async () => {
        await services().client.post("/api/v1/staff/visits/{visit_id}/conflicts/{operation_id}", {
          path: { visit_id: this.data.id, operation_id },
          body: { choose: dataset(event, "choose") === "mine" ? "mine" : "theirs", theirs_version: Number(dataset(event, "version")) },
        });
        this.show(await services().visits.open(this.data.id));
      });
    },
    async start(): Promise<void> {
      await this.act({ action: "start" });
    },
    /** 只在本人同意时记录；定位不成也照样开始。 */
    async startHere(): Promise<void> {
      await this.act({ action: "start", position_agreed: true, position: await located() });
    },
    async end(): Promise<void> {
      await this.act({ action: "end" });
    },
    async sign(): Promise<void> {
      await this.act({ action: "sign" });
    },
    /** 没送出的先送出，再办。 */
    async act(body: Action): Promise<void> {
      const { visits, client } = services();
      const { id } = this.data;
      const done = await attempt(this, async () => {
        this.show(await visits.sync(id));
        await client.post("/api/v1/staff/visits/{visit_id}/actions", { path: { visit_id: id }, version: this.data.version, body });
        this.show(await visits.open(id));
      });
      if (done) say("办好了");
      else this.show(visits.kept(id));
    },
    show(kept: Kept): void {
      const { visit, waiting } = kept;
      const told: readonly Told[] = this.data.trouble?.fields ?? [];
      const words = new Map(visit.questions.map(({ field, text }) => [field, text]));
      const can = (action: string): boolean => visit.open_actions.includes(action);
      this.setData({
        version: visit.version,
        head: visit.head_masked,
        state: said(STATES.visit, visit.state),
        address: visit.address,
        status: waiting.length > 0 ? `有${waiting.length}处还没有送到服务器` : "都在服务器上了",
        questions: questionsOf(kept, told),
        findings: found(findingsOf(kept)),
        photos: photosOf(kept),
        photosRequired: visit.photos_required,
        started: visit.state === "started",
        canStart: can("start"),
        canEnd: can("end"),
        canSign: can("sign"),
        conflicts: visit.conflicts.map(({ operation_id, field, mine, theirs, theirs_version }) => ({
          id: operation_id,
          text: words.get(field) ?? "这一项",
          mine: said_(mine),
          theirs: said_(theirs),
          version: theirs_version,
        })),
      });
    },
  },
});

function found(value: string): Shown {
  return shownFields([{ at: "findings", as: "long", label: "走访情况", hint: "", choices: [] }], { findings: value }).map((each) => ({ ...each, at: "/findings" }))[0] as Shown;
}

function said_(value: string | number | boolean | null): string {
  if (value === null) return "没有填";
  return typeof value === "boolean" ? (value ? "是" : "否") : String(value);
}

function located(): Promise<Schemas["PositionIn"] | null> {
  return new Promise((resolve) => {
    wx.getLocation({ type: "gcj02", success: (place) => resolve(positionOf(place)), fail: () => resolve(null) });
  });
}
