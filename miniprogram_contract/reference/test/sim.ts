// 官方组件模拟器（miniprogram-simulate、j-component、官方 wcc 编译器）里的一个页面：打开、看、点、填。
import { JSDOM } from "jsdom";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(__dirname, "..", "miniprogram");

interface Node_ {
  dom: { textContent: string; className: string; getAttribute(name: string): string | null };
  data: Record<string, unknown>;
  instance: Record<string, unknown>;
  querySelectorAll(selector: string): Node_[];
  dispatchEvent(name: string, options?: object): void;
}

interface Simulate {
  load(path: string, options: object): string;
  render(id: string): Node_ & { attach(parent: unknown): void; detach(): void };
}

function simulator(): Simulate {
  const { window } = new JSDOM("<!DOCTYPE html><html><head></head><body></body></html>", { pretendToBeVisual: true });
  const names = ["document", "Element", "Node", "HTMLElement", "Event", "CustomEvent", "MutationObserver"];
  Object.assign(globalThis, { window }, Object.fromEntries(names.map((name) => [name, window[name as keyof typeof window]])));
  return require("miniprogram-simulate") as Simulate;
}

const simulate = simulator();
const { usingComponents } = JSON.parse(readFileSync(join(ROOT, "app.json"), "utf8")) as { usingComponents: object };

export class Screen {
  private constructor(
    readonly page: ReturnType<Simulate["render"]>,
    private readonly idle: () => boolean,
  ) {}

  /** `idle`：没有请求还在路上。 */
  static async open(path: string, query: Readonly<Record<string, string>>, idle: () => boolean): Promise<Screen> {
    const id = simulate.load(join(ROOT, path), { rootPath: ROOT, usingComponents });
    const page = simulate.render(id);
    page.attach((globalThis as unknown as { document: { body: unknown } }).document.body);
    const screen = new Screen(page, idle);
    await screen.call("onLoad", query);
    await screen.call("onShow");
    return screen;
  }

  get text(): string {
    return this.page.dom.textContent;
  }

  get data(): Record<string, unknown> {
    return this.page.data;
  }

  /** 生命周期或事件，页面没有的就算了。 */
  async call(method: string, argument?: unknown): Promise<void> {
    (this.page.instance[method] as ((argument?: unknown) => unknown) | undefined)?.call(this.page.instance, argument);
    await this.settled();
  }

  /** 点写着这几个字的按钮；有几个就点第一个。 */
  async tap(words: string): Promise<void> {
    const found = this.every(".button, .tap").find((each) => each.dom.textContent.includes(words));
    if (found === undefined) throw new Error(`no button says ${words}: ${this.text}`);
    found.dispatchEvent("tap");
    await this.settled();
  }

  /** 填一项：写进去，或者从选项里选。 */
  async fill(label: string, value: string): Promise<void> {
    const field = this.every(".of-field").find((each) => (each.data["field"] as { label: string }).label === label);
    if (field === undefined) throw new Error(`no field is called ${label}: ${this.text}`);
    const { choices } = field.data["field"] as { choices: { text: string }[] };
    if (choices.length === 0) (field.instance["fill"] as (value: string) => void)(value);
    else (field.instance["picked"] as (event: object) => void)({ detail: { value: choices.findIndex((each) => each.text === value) } });
    await this.settled();
  }

  /** 给一个组件发事件，例如选好了材料。 */
  async tell(selector: string, event: string, detail: object): Promise<void> {
    const [component] = this.every(selector);
    if (component === undefined) throw new Error(`nothing is ${selector}`);
    component.dispatchEvent(event, { bubbles: true, detail });
    await this.settled();
  }

  close(): void {
    this.page.detach();
  }

  /** 页面里的，和它的组件里的。 */
  private every(selector: string): Node_[] {
    const own = this.page.querySelectorAll(selector);
    const inside = [".of-trouble", ".of-papers", ".of-field", ".of-decision"].flatMap((component) =>
      this.page.querySelectorAll(component).flatMap((each) => each.querySelectorAll(selector)),
    );
    return [...own, ...inside];
  }

  /** 没有请求在路上，页面也没有在办什么（等着重发也算在办）。 */
  private async settled(): Promise<void> {
    for (let quiet = 0; quiet < 4; quiet = this.idle() && this.page.data["busy"] !== true ? quiet + 1 : 0) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
}
