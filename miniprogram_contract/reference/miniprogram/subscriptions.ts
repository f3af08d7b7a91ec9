// 订阅消息：模板事先读好，点击时才能立刻弹出。问不问得成，都不影响要办的事（运营规范 5.21）。
import { AidError, type Client, type Schemas, requestSubscribe } from "shantou-aid-contract";

type Subscription = Schemas["SubscriptionView"];

export class Subscriptions {
  private known: readonly Subscription[] = [];

  constructor(private readonly client: Client) {}

  /** 页面打开时读一次。没有读到就不问。 */
  async prepare(): Promise<void> {
    if (this.known.length > 0) return;
    await quietly(async () => {
      this.known = (await this.client.get("/api/v1/me/subscriptions")).data.items;
    });
  }

  /** 必须直接写在点击事件里，前面不能有 await。 */
  async ask(...keys: readonly string[]): Promise<void> {
    const wanted = this.known.filter((each) => keys.includes(each.key) && each.template_id !== "");
    if (wanted.length === 0) return;
    const told = await requestSubscribe(wanted.map((each) => each.template_id));
    const results: Record<string, string> = {};
    for (const { key, template_id } of wanted) {
      const result = told.results[template_id];
      if (result !== undefined) results[key] = result;
    }
    if (Object.keys(results).length === 0) return;
    await quietly(async () => {
      this.known = (await this.client.put("/api/v1/me/subscriptions", { body: { results } })).data.items;
    });
  }

  forget(): void {
    this.known = [];
  }
}

/** 登记不成就算了：站内消息照样会到。 */
async function quietly(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof AidError)) throw error;
  }
}
