import { type BatchLine, type Task, actionText, counted, previewOf, taskOf } from "../../logic/cases";
import { BASIC, attempt, dataset, go, showing } from "../../page";
import { services } from "../../services";

type Action = "accept" | "approve";

interface Preview {
  headline: string;
  lines: BatchLine[];
  action: string;
  token: string;
}

Component({
  data: {
    ...BASIC,
    count: "",
    overdue: false,
    items: [] as Task[],
    cursor: "",
    loaded: false,
    picked: 0,
    preview: null as Preview | null,
    results: [] as BatchLine[],
  },
  methods: {
    onShow(): void {
      showing(this);
      void this.load();
      void services().subscriptions.prepare();
    },
    async load(): Promise<void> {
      await attempt(this, () => this.read());
    },
    async read(): Promise<void> {
      const { client } = services();
      const query = this.data.overdue ? { overdue: true } : {};
      const [tasks, { data }] = await Promise.all([
        client.get("/api/v1/staff/tasks", { query }),
        client.get("/api/v1/staff/tasks/count", { query }),
      ]);
      this.put(tasks.data.items.map(taskOf));
      this.setData({ cursor: tasks.data.next_cursor ?? "", count: counted(data.count, 10_000), loaded: true });
    },
    async more(): Promise<void> {
      const { cursor, overdue } = this.data;
      await attempt(this, async () => {
        const { data } = await services().client.get("/api/v1/staff/tasks", { query: overdue ? { cursor, overdue } : { cursor } });
        this.put([...this.data.items, ...data.items.map(taskOf)]);
        this.setData({ cursor: data.next_cursor ?? "" });
      });
    },
    async toggle(): Promise<void> {
      void services().subscriptions.ask("work");
      this.setData({ overdue: !this.data.overdue });
      await this.load();
    },
    pick(event: WechatMiniprogram.TouchEvent): void {
      const id = dataset(event, "id");
      this.put(this.data.items.map((each) => (each.id === id ? { ...each, picked: !each.picked } : each)));
    },
    put(items: Task[]): void {
      this.setData({ items, picked: items.filter((each) => each.picked).length });
    },
    open(event: WechatMiniprogram.TouchEvent): void {
      go(`/staff/case/case?id=${dataset(event, "id")}`);
    },
    /** 先看会怎样：能办几件、共多少钱、哪几件不能办、为什么。 */
    async look(event: WechatMiniprogram.TouchEvent): Promise<void> {
      const action = dataset(event, "action") as Action;
      const items = this.data.items.filter((each) => each.picked).map(({ id, version }) => ({ application_id: id, version }));
      await attempt(this, async () => {
        const { data } = await services().client.post("/api/v1/staff/batch_actions/preview", { body: { action, items } });
        this.setData({ results: [], preview: { ...previewOf(data), action: actionText(action), token: data.token } });
      });
    },
    cancel(): void {
      this.setData({ preview: null });
    },
    async run(): Promise<void> {
      const { preview } = this.data;
      if (preview === null) return;
      await attempt(this, async () => {
        const { data } = await services().client.post("/api/v1/staff/batch_actions", { body: { token: preview.token } });
        const numbers = new Map(preview.lines.map(({ id, number }) => [id, number]));
        const results = data.items.map(({ application_id: id, result, message }) => {
          const number = numbers.get(id) ?? "";
          return { id, number, text: `${number}：${result === "done" ? "办好了" : (message ?? "没有办")}` };
        });
        this.setData({ results, preview: null });
        await this.read();
      });
    },
  },
});
