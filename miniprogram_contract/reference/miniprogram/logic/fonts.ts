// 字号：跟随微信的字号设置，还可以在这里再放大。页面的字都用 rem，由 page-meta 的 root-font-size 决定大小。

export const SCALES = [
  { code: "normal", text: "标准", by: 1 },
  { code: "large", text: "大", by: 1.2 },
  { code: "largest", text: "特大", by: 1.4 },
] as const;

export type Scale = (typeof SCALES)[number]["code"];

const STANDARD = 17;
const LARGEST = 32;

/** `setting`：wx.getAppBaseInfo().fontSizeSetting，微信里用户选的字号（像素，标准是 17）。 */
export function rootSize(scale: string, setting: number | undefined): string {
  const by = SCALES.find((each) => each.code === scale)?.by ?? 1;
  const base = Math.max(setting ?? STANDARD, STANDARD);
  return `${Math.min(Math.round(base * by), LARGEST)}px`;
}
