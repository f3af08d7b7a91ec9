// 金额：程序里一律是整数分，只在显示和输入时换成元。不用小数计算。

/** 123456 → “1,234.56元”；测算过程里减去的是负数。 */
export function yuan(fen: number): string {
  const { whole, cents } = parts(Math.abs(fen));
  return `${fen < 0 ? "-" : ""}${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${cents}元`;
}

/** 没有金额时给一句话，不显示 0。 */
export function yuanOr(fen: number | null | undefined, otherwise: string): string {
  return fen === null || fen === undefined ? otherwise : yuan(fen);
}

/** 输入框里的样子：123400 → “1234”，123456 → “1234.56” */
export function typed(fen: number | null | undefined): string {
  if (fen === null || fen === undefined) return "";
  const { whole, cents } = parts(fen);
  return cents === "00" ? whole : `${whole}.${cents}`;
}

/** 输入的元换成分；不是金额的是 undefined。 */
export function fenOf(text: string): number | undefined {
  const match = /^(\d{1,10})(?:\.(\d{1,2}))?$/.exec(text.trim().replace(/[,，]/g, "").replace(/元$/, ""));
  if (match === null) return undefined;
  const [, whole = "", cents = ""] = match;
  return Number(whole) * 100 + Number(cents.padEnd(2, "0"));
}

function parts(fen: number): { whole: string; cents: string } {
  const digits = String(fen).padStart(3, "0");
  return { whole: digits.slice(0, -2), cents: digits.slice(-2) };
}
