import type { Schemas } from "shantou-aid-contract";
import { type Loose, type Shown, fieldsOf, shownFields, withValue } from "../../logic/fields";
import { BASIC, type Filled, attempt, dataset, say, showing } from "../../page";
import { services } from "../../services";

const who = fieldsOf<Schemas["IdentityRequest"]>();
const bank = fieldsOf<Schemas["BankCardRequest"]>();
const IDENTITY = [who.text("name", { label: "姓名" }), who.text("id_number", { label: "身份证号" })];
const CARD = [
  bank.text("holder", { label: "开户人", hint: "必须是本人" }),
  bank.text("number", { label: "卡号" }),
  bank.text("bank_name", { label: "开户银行" }),
  bank.text("branch", { label: "支行", hint: "可以不填" }),
];
const SEARCH = [{ at: "q", as: "text", label: "换一个工会", hint: "输入单位或工会名称", choices: [] }] as const;

Component({
  data: {
    ...BASIC,
    verified: false,
    name: "",
    phone: "",
    organisation: "",
    cards: [] as string[],
    form: {} as Loose,
    identity: shownFields(IDENTITY, {}),
    cardForm: {} as Loose,
    card: shownFields(CARD, {}),
    wanted: shownFields(SEARCH, {})[0] as Shown,
    found: [] as { code: string; name: string }[],
  },
  methods: {
    async onLoad(): Promise<void> {
      await this.load();
    },
    onShow(): void {
      showing(this);
    },
    async load(): Promise<void> {
      await attempt(this, async () => this.show((await services().client.get("/api/v1/me")).data));
    },
    show(me: Schemas["MeView"]): void {
      this.setData({
        verified: me.verified,
        name: me.name_masked ?? "",
        phone: me.phone_masked ?? "",
        organisation: me.organisation_name ?? "",
        cards: me.bank_cards.map((each) => `${each.bank_name} ${each.number_masked}`),
      });
    },
    fill(event: WechatMiniprogram.CustomEvent<Filled>): void {
      this.setData({ form: withValue(this.data.form, event.detail.at, event.detail.value) });
    },
    async verify(): Promise<void> {
      const body = this.data.form as unknown as Schemas["IdentityRequest"];
      await attempt(this, async () => this.show((await services().client.put("/api/v1/me/identity", { body })).data));
      this.setData({ identity: shownFields(IDENTITY, this.data.form, this.data.trouble?.fields) });
    },
    /** code 只能用一次，与登录的不同；用户不给就没有。 */
    async phone(event: WechatMiniprogram.CustomEvent<{ code?: string }>): Promise<void> {
      const { code } = event.detail;
      if (code === undefined) return;
      await attempt(this, async () => this.show((await services().client.put("/api/v1/me/phone", { body: { code } })).data));
    },
    name(event: WechatMiniprogram.CustomEvent<Filled>): void {
      this.setData({ wanted: shownFields(SEARCH, { q: event.detail.value })[0] as Shown });
    },
    async search(): Promise<void> {
      const q = this.data.wanted.value;
      await attempt(this, async () => {
        const { data } = await services().client.get("/api/v1/organisations", { query: { q, limit: 10 }, anonymous: true });
        this.setData({ found: data.items.map(({ code, name }) => ({ code, name })) });
      });
    },
    async choose(event: WechatMiniprogram.TouchEvent): Promise<void> {
      const organisation_code = dataset(event, "code");
      await attempt(this, async () => {
        this.show((await services().client.put("/api/v1/me/organisation", { body: { organisation_code } })).data);
        this.setData({ found: [] });
      });
    },
    fillCard(event: WechatMiniprogram.CustomEvent<Filled>): void {
      this.setData({ cardForm: withValue(this.data.cardForm, event.detail.at, event.detail.value) });
    },
    async bindCard(): Promise<void> {
      const body = this.data.cardForm as unknown as Schemas["BankCardRequest"];
      const done = await attempt(this, async () => this.show((await services().client.put("/api/v1/me/bank_card", { body })).data));
      if (done) say("已绑定");
      this.setData({ card: shownFields(CARD, done ? {} : this.data.cardForm, this.data.trouble?.fields) });
    },
  },
});
