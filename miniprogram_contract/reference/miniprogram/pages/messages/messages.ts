import type { Schemas } from "shantou-aid-contract";
import { moment } from "../../logic/dates";
import { BASIC, attempt, dataset, go, showing } from "../../page";
import { services } from "../../services";

interface Message {
  id: string;
  title: string;
  text: string;
  at: string;
  read: boolean;
  url: string;
}

/** 消息说的事在哪一页；不认识的只标为已读。 */
const PAGES: Readonly<Record<string, (id: string) => string>> = {
  application: (id) => `/pages/application/application?id=${id}`,
  household: () => "/pages/household/household",
  visit: () => "/pages/visits/visits",
};

Component({
  data: { ...BASIC, items: [] as Message[], cursor: "", loaded: false },
  methods: {
    onShow(): void {
      showing(this);
      void this.load();
    },
    async load(): Promise<void> {
      await attempt(this, async () => {
        const { data } = await services().client.get("/api/v1/me/messages");
        this.setData({ items: data.items.map(messageOf), cursor: data.next_cursor ?? "", loaded: true });
      });
    },
    async more(): Promise<void> {
      await attempt(this, async () => {
        const { data } = await services().client.get("/api/v1/me/messages", { query: { cursor: this.data.cursor } });
        this.setData({ items: [...this.data.items, ...data.items.map(messageOf)], cursor: data.next_cursor ?? "" });
      });
    },
    async open(event: WechatMiniprogram.TouchEvent): Promise<void> {
      const message_id = dataset(event, "id");
      const url = dataset(event, "url");
      await attempt(this, async () => {
        if (this.data.items.find((each) => each.id === message_id)?.read === true) return;
        const { data } = await services().client.post("/api/v1/me/messages/{message_id}/read", { path: { message_id } });
        this.setData({ items: this.data.items.map((each) => (each.id === message_id ? messageOf(data) : each)) });
      });
      if (url !== "") go(url);
    },
  },
});

function messageOf({ id, title, text, created_at, read_at, subject_kind, subject_id }: Schemas["MessageView"]): Message {
  return { id, title, text, at: moment(created_at), read: read_at !== null, url: PAGES[subject_kind]?.(subject_id) ?? "" };
}
