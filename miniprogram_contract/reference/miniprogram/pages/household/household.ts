import { Refused, STATES, type Schemas, Unreachable, said } from "shantou-aid-contract";
import { type Field, type Loose, type Shown, type Told, otherMessages, shownFields, withValue } from "../../logic/fields";
import { type HouseholdForm, type Lists, householdFields, listsOf, memberFields, replaced, spendingFields } from "../../logic/household";
import { BASIC, type Filled, attempt, confirmed, dataset, say, showing } from "../../page";
import { services } from "../../services";

interface Part {
  at: string;
  fields: Shown[];
}

/** 还没有保存到服务器的，先在手机上。 */
const STORED = "aid.household";
const NEW: HouseholdForm = { members: [], rigid_spending: [], secondary_causes: [], demands: [], file_ids: [] };

Component({
  data: {
    ...BASIC,
    form: NEW,
    /** 第一次保存以前没有版本。 */
    version: undefined as number | undefined,
    lists: {} as Lists,
    state: "",
    number: "",
    status: "",
    fields: [] as Shown[],
    members: [] as Part[],
    spending: [] as Part[],
    others: [] as string[],
    told: [] as Told[],
    canEdit: true,
    canSubmit: false,
    canWithdraw: false,
    /** 工会代填的，等本人确认。 */
    canConfirm: false,
  },
  methods: {
    async onLoad(): Promise<void> {
      await this.load();
    },
    onShow(): void {
      showing(this);
    },
    async load(): Promise<void> {
      await attempt(this, async () => {
        const { items } = await services().reference.get("/api/v1/reference/dictionaries");
        this.setData({ lists: listsOf(items) });
        await this.read();
      });
      this.draw();
    },
    /** 还没有档案的从头填；断网时接着填手机上的。 */
    async read(): Promise<void> {
      try {
        const { data } = await services().client.get("/api/v1/me/household");
        this.show(data);
      } catch (error) {
        if (error instanceof Refused && error.code === "household_not_found") this.resume("还没有建档，请填写后提交");
        else if (error instanceof Unreachable) this.resume(error.text);
        else throw error;
      }
    },
    show(view: Schemas["HouseholdView"]): void {
      const { state, number, version, open_actions } = view;
      const canEdit = open_actions.includes("submit");
      this.setData({
        form: view.form as HouseholdForm,
        version,
        state: said(STATES.household, state),
        number: number ?? "",
        told: canEdit ? [...view.warnings, ...view.gaps] : [],
        status: canEdit ? "已保存到服务器" : "",
        canEdit,
        canSubmit: canEdit,
        canWithdraw: open_actions.includes("withdraw"),
        canConfirm: open_actions.includes("confirm_proxy"),
      });
      if (canEdit) this.resume("");
      else wx.removeStorageSync(STORED);
    },
    /** 手机上有没保存完的，用手机上的。 */
    resume(status: string): void {
      const kept: unknown = wx.getStorageSync(STORED);
      if (typeof kept === "object" && kept !== null) this.setData({ form: kept as HouseholdForm, status: "还没有保存到服务器" });
      else if (status !== "") this.setData({ status });
    },
    fill(event: WechatMiniprogram.CustomEvent<Filled>): void {
      this.change(withValue(this.data.form, event.detail.at, event.detail.value));
    },
    fillMember(event: WechatMiniprogram.CustomEvent<Filled>): void {
      const members = this.data.form.members ?? [];
      this.change({ ...this.data.form, members: filledIn(members, Number(dataset(event, "n")), event.detail) });
    },
    fillSpending(event: WechatMiniprogram.CustomEvent<Filled>): void {
      const rigid_spending = this.data.form.rigid_spending ?? [];
      this.change({ ...this.data.form, rigid_spending: filledIn(rigid_spending, Number(dataset(event, "n")), event.detail) });
    },
    addMember(): void {
      this.change({ ...this.data.form, members: [...(this.data.form.members ?? []), {}] });
    },
    dropMember(event: WechatMiniprogram.TouchEvent): void {
      const n = Number(dataset(event, "n"));
      this.change({ ...this.data.form, members: (this.data.form.members ?? []).filter((_, at) => at !== n) });
    },
    addSpending(): void {
      this.change({ ...this.data.form, rigid_spending: [...(this.data.form.rigid_spending ?? []), {}] });
    },
    change(form: Loose): void {
      wx.setStorageSync(STORED, form);
      this.setData({ form: form as HouseholdForm, status: "还没有保存到服务器" });
      this.draw();
    },
    async save(): Promise<void> {
      if (await attempt(this, () => this.sent())) say("已保存");
      this.draw();
    },
    async sent(): Promise<void> {
      const { form, version } = this.data;
      const { data } = await services().client.put("/api/v1/me/household", {
        body: form,
        ...(version === undefined ? {} : { version }),
      });
      wx.removeStorageSync(STORED);
      this.show(data);
    },
    async submit(): Promise<void> {
      const asked = services().subscriptions.ask("progress");
      const done = await attempt(this, async () => {
        await asked;
        await this.sent();
        await services().client.post("/api/v1/me/household/submit", { version: this.data.version ?? 0 });
        await this.read();
      });
      if (done) say("已提交，等待工会审核");
      this.draw();
    },
    async confirm(): Promise<void> {
      const done = await attempt(this, async () => {
        await services().client.post("/api/v1/me/household/confirm_proxy", { version: this.data.version ?? 0 });
        await this.read();
      });
      if (done) say("已确认并提交");
      this.draw();
    },
    async withdraw(): Promise<void> {
      if (!(await confirmed("撤回档案", "撤回后可以修改再提交。"))) return;
      await attempt(this, async () => {
        await services().client.post("/api/v1/me/household/withdraw", { version: this.data.version ?? 0 });
        await this.read();
      });
      this.draw();
    },
    draw(): void {
      const { form, lists, trouble } = this.data;
      const told: Told[] = [...(trouble?.fields ?? []), ...this.data.told];
      const parts = <T extends object>(name: string, items: readonly T[] | null | undefined, fields: readonly Field[]): Part[] =>
        (items ?? []).map((each, n) => ({ at: `/${name}/${n}`, fields: shownFields(fields, each as Loose, told, `/${name}/${n}`) }));
      const fields = shownFields(householdFields(lists), form, told);
      const members = parts("members", form.members, memberFields(lists));
      const spending = parts("rigid_spending", form.rigid_spending, spendingFields(lists));
      const others = otherMessages(fields, told.filter(({ pointer }) => !/^\/(members|rigid_spending)\/\d/.test(pointer)));
      this.setData({ fields, members, spending, others });
    },
  },
});

function filledIn<T extends object>(items: readonly T[], n: number, { at, value }: Filled): T[] {
  return replaced(items, n, withValue((items[n] ?? {}) as Loose, at, value) as T);
}
