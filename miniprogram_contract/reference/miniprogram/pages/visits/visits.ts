import { STATES, type Schemas, said } from "shantou-aid-contract";
import { day } from "../../logic/dates";
import { BASIC, asked, attempt, dataset, say, showing } from "../../page";
import { services } from "../../services";

interface Visited {
  id: string;
  version: number;
  day: string;
  state: string;
  visitors: string;
  answers: { text: string; shown: string }[];
  findings: string;
  objection: string;
  canConfirm: boolean;
}

Component({
  data: { ...BASIC, items: [] as Visited[], cursor: "", loaded: false },
  methods: {
    onShow(): void {
      showing(this);
      void this.load();
    },
    async load(): Promise<void> {
      await attempt(this, () => this.read());
    },
    async read(): Promise<void> {
      const { data } = await services().client.get("/api/v1/me/visits");
      this.setData({ items: data.items.map(visitedOf), cursor: data.next_cursor ?? "", loaded: true });
    },
    async more(): Promise<void> {
      await attempt(this, async () => {
        const { data } = await services().client.get("/api/v1/me/visits", { query: { cursor: this.data.cursor } });
        this.setData({ items: [...this.data.items, ...data.items.map(visitedOf)], cursor: data.next_cursor ?? "" });
      });
    },
    async agree(event: WechatMiniprogram.TouchEvent): Promise<void> {
      await this.confirm(event, { agrees: true });
    },
    async object(event: WechatMiniprogram.TouchEvent): Promise<void> {
      const text = await asked("有不属实的地方", "写明哪里不属实");
      if (text !== undefined) await this.confirm(event, { agrees: false, text });
    },
    async confirm(event: WechatMiniprogram.TouchEvent, body: Schemas["VisitConfirmation"]): Promise<void> {
      const done = await attempt(this, async () => {
        await services().client.post("/api/v1/me/visits/{visit_id}/confirm", {
          path: { visit_id: dataset(event, "id") },
          version: Number(dataset(event, "version")),
          body,
        });
        await this.read();
      });
      if (done) say("已记下");
    },
  },
});

function visitedOf(each: Schemas["OwnVisit"]): Visited {
  return {
    id: each.id,
    version: each.version,
    day: day(each.planned_on),
    state: said(STATES.visit, each.state),
    visitors: each.visitors.map(({ name_masked, union }) => `${name_masked}（${union}）`).join("、"),
    answers: each.answers.map(({ text, shown }) => ({ text, shown })),
    findings: each.findings ?? "",
    objection: each.objection ?? "",
    canConfirm: each.open_actions.includes("confirm"),
  };
}
