import { STATES, type Schemas, said } from "shantou-aid-contract";
import { day } from "../../logic/dates";
import { BASIC, attempt, dataset, go, showing } from "../../page";
import { services } from "../../services";

interface Line {
  id: string;
  who: string;
  state: string;
  day: string;
  organisation: string;
  visitors: string;
}

Component({
  data: { ...BASIC, items: [] as Line[], cursor: "", loaded: false },
  methods: {
    onShow(): void {
      showing(this);
      void this.load();
    },
    async load(): Promise<void> {
      await attempt(this, async () => {
        const { data } = await services().client.get("/api/v1/staff/visits", { query: { mine: true } });
        this.setData({ items: data.items.map(lineOf), cursor: data.next_cursor ?? "", loaded: true });
      });
    },
    async more(): Promise<void> {
      await attempt(this, async () => {
        const { data } = await services().client.get("/api/v1/staff/visits", { query: { mine: true, cursor: this.data.cursor } });
        this.setData({ items: [...this.data.items, ...data.items.map(lineOf)], cursor: data.next_cursor ?? "" });
      });
    },
    open(event: WechatMiniprogram.TouchEvent): void {
      go(`/staff/visit/visit?id=${dataset(event, "id")}`);
    },
  },
});

function lineOf({ id, head_masked, state, planned_on, organisation, visitors }: Schemas["VisitSummary"]): Line {
  return {
    id,
    organisation,
    who: head_masked,
    state: said(STATES.visit, state),
    day: day(planned_on),
    visitors: visitors.map((each) => `${each.name_masked}（${each.union}）`).join("、"),
  };
}
