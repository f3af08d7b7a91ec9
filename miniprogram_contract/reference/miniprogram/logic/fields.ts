// 一个表单由哪些项目组成。位置（at）由约定的类型核对：约定里改了名，这里编译不过。
import { FIELDS } from "shantou-aid-contract";
import { fenOf, typed } from "./money";

export type Loose = Readonly<Record<string, unknown>>;
type Whole = string | number | boolean | readonly unknown[];

/** 表单 T 里可以填的位置：“school”“student/name”。 */
export type At<T> = {
  [K in keyof T & string]-?: NonNullable<T[K]> extends Whole ? K : `${K}/${At<NonNullable<T[K]>>}`;
}[keyof T & string];

/** 那个位置上的类型。 */
export type ValueAt<T, A extends string> = A extends `${infer K}/${infer Rest}`
  ? K extends keyof T
    ? ValueAt<NonNullable<T[K]>, Rest>
    : never
  : A extends keyof T
    ? NonNullable<T[A]>
    : never;

export type As = "text" | "long" | "whole" | "money" | "date" | "moment" | "yes_no" | "choice";

export interface Choice {
  code: string;
  text: string;
}

export interface Field {
  at: string;
  as: As;
  label: string;
  hint: string;
  choices: readonly Choice[];
  /** 什么时候要填；没有就是总要。 */
  when?: (form: Loose) => boolean;
}

export interface More {
  label?: string;
  hint?: string;
  when?: (form: Loose) => boolean;
}

type At_<T, V> = { [A in At<T>]: ValueAt<T, A> extends V ? A : never }[At<T>];

/** 给表单 T 写项目的词汇。 */
export function fieldsOf<T>() {
  const plain =
    <V>(as: As) =>
    (at: At_<T, V>, more: More = {}): Field => field(at, as, [], more);
  return {
    text: plain<string>("text"),
    long: plain<string>("long"),
    date: plain<string>("date"),
    moment: plain<string>("moment"),
    whole: plain<number>("whole"),
    money: plain<number>("money"),
    yesNo: plain<boolean>("yes_no"),
    /** 每个可以选的值都要有中文：约定里增加了，这里编译时会提醒。 */
    choice: <A extends At_<T, string>>(at: A, words: Readonly<Record<ValueAt<T, A> & string, string>>, more: More = {}): Field =>
      field(at, "choice", choicesOf(words), more),
    /** 选项来自代码表（/reference/dictionaries）。 */
    listed: (at: At_<T, string>, choices: readonly Choice[], more: More = {}): Field => field(at, "choice", choices, more),
  };
}

export function choicesOf(words: Readonly<Record<string, string>>): Choice[] {
  return Object.entries(words).map(([code, text]) => ({ code, text }));
}

function field(at: string, as: As, choices: readonly Choice[], { label, hint, when }: More): Field {
  const last = at.slice(at.lastIndexOf("/") + 1);
  const shown = { at, as, choices, label: label ?? FIELDS[last] ?? last, hint: hint ?? "" };
  return when === undefined ? shown : { ...shown, when };
}

export function valueAt(form: Loose, at: string): unknown {
  let value: unknown = form;
  for (const step of at.split("/")) {
    value = typeof value === "object" && value !== null ? (value as Loose)[step] : undefined;
  }
  return value;
}

/** 换掉一处，其余不动；undefined 是去掉这一项，去空了的一组也去掉。 */
export function withValue(form: Loose, at: string, value: unknown): Loose {
  const [first = "", ...rest] = at.split("/");
  const inner = form[first];
  const under = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? (inner as Loose) : {};
  const put = rest.length === 0 ? value : withValue(under, rest.join("/"), value);
  const { [first]: _, ...others } = form;
  const empty = put === undefined || (rest.length > 0 && Object.keys(put as Loose).length === 0);
  return empty ? others : { ...others, [first]: put };
}

/** 页面上的一项：现在的样子和要提示的话。 */
export interface Shown {
  at: string;
  as: As;
  label: string;
  hint: string;
  value: string;
  choices: readonly Choice[];
  picked: number;
  message: string;
}

export interface Told {
  pointer: string;
  message: string;
}

/** 要填的各项。`told` 是服务器说的还缺什么、哪里不对；`under` 是它的位置前面的部分，例如 /form。 */
export function shownFields(fields: readonly Field[], form: Loose, told: readonly Told[] = [], under = ""): Shown[] {
  return fields
    .filter((field) => field.when?.(form) ?? true)
    .map((field) => {
      const value = valueAt(form, field.at);
      const { at, as, label, hint, choices } = field;
      const options = as === "yes_no" ? YES_NO : choices;
      return {
        at,
        as,
        label,
        hint,
        choices: options,
        value: textOf(as, value),
        picked: options.findIndex((each) => each.code === String(value)),
        message: messageAt(told, `${under}/${at}`),
      };
    });
}

/** 不属于任何一项的提示（例如“请至少上传一份材料”），放在最上面。 */
export function otherMessages(shown: readonly Shown[], told: readonly Told[], under = ""): string[] {
  const places = new Set(shown.map((each) => `${under}/${each.at}`));
  return told.filter((each) => ![...places].some((place) => covers(each.pointer, place))).map((each) => each.message);
}

/** 输入的样子换成表单里的值；空的、不成样子的是 undefined。 */
export function valueOf(field: Pick<Shown, "as">, typedText: string): unknown {
  const text = typedText.trim();
  if (text === "") return undefined;
  if (field.as === "money") return fenOf(text);
  if (field.as === "whole") return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  if (field.as === "yes_no") return text === "true";
  if (field.as === "moment") return text.includes("T") ? text : `${text}T12:00:00+08:00`;
  return text;
}

const YES_NO: readonly Choice[] = [
  { code: "true", text: "是" },
  { code: "false", text: "否" },
];

function textOf(as: As, value: unknown): string {
  if (value === undefined || value === null) return "";
  if (as === "money") return typed(value as number);
  return as === "moment" ? String(value).slice(0, 10) : String(value);
}

function messageAt(told: readonly Told[], place: string): string {
  return told.find((each) => covers(each.pointer, place))?.message ?? "";
}

/** 说的是这一项，或者它所在的一组（“/medical 请填写”）。 */
function covers(pointer: string, place: string): boolean {
  return pointer === place || pointer.startsWith(`${place}/`) || (pointer !== "" && pointer !== "/form" && place.startsWith(`${pointer}/`));
}
