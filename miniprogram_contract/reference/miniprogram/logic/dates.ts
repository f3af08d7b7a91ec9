// 日期和时刻：服务器给的都是北京时间，照着写出来，不按手机的时区换算。

/** “2026-03-02”或“2026-03-02T09:05:00+08:00” → “2026年3月2日” */
export function day(text: string): string {
  const match = /^(\d{4})-(\d{2})-(\d{2})/.exec(text);
  if (match === null) return text;
  const [, year, month, date] = match;
  return `${year}年${Number(month)}月${Number(date)}日`;
}

/** “2026-03-02T09:05:00+08:00” → “2026年3月2日 09:05” */
export function moment(text: string): string {
  const clock = /T(\d{2}:\d{2})/.exec(text);
  return clock === null ? day(text) : `${day(text)} ${clock[1]}`;
}

export function dayOr(text: string | null | undefined, otherwise: string): string {
  return text === null || text === undefined ? otherwise : day(text);
}

/** 现在的学年：九月开始。`today` 是 YYYY-MM-DD。 */
export function academicYear(today: string): number {
  const year = Number(today.slice(0, 4));
  return Number(today.slice(5, 7)) >= 9 ? year : year - 1;
}

/** 北京时间的今天，YYYY-MM-DD。 */
export function todayOf(now: number): string {
  return new Date(now + 8 * 3_600_000).toISOString().slice(0, 10);
}
