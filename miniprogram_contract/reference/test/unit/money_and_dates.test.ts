import { strict as assert } from "node:assert";
import { test } from "node:test";
import { academicYear, day, dayOr, moment, todayOf } from "../../miniprogram/logic/dates";
import { fenOf, typed, yuan, yuanOr } from "../../miniprogram/logic/money";

test("money is shown in yuan, with every fen", () => {
  assert.deepEqual([0, 5, 100, 123_456, 123_456_789, 1_000_000_000_000, -5, -100_000].map(yuan), [
    "0.00元", "0.05元", "1.00元", "1,234.56元", "1,234,567.89元", "10,000,000,000.00元", "-0.05元", "-1,000.00元",
  ]);
  assert.equal(yuanOr(null, "金额待定"), "金额待定");
  assert.equal(yuanOr(0, "金额待定"), "0.00元");
});

test("what is typed becomes whole fen, and what is no amount becomes nothing", () => {
  assert.deepEqual(["6850", "6850.5", "6,850.55", " 12元 ", "0.07", "1.10"].map(fenOf), [685_000, 685_050, 685_055, 1_200, 7, 110]);
  assert.deepEqual(["", "-1", "1.234", "1e3", "一百", "12.", ".5", "12345678901"].map(fenOf), Array(8).fill(undefined));
});

test("what is typed and shown again is the same", () => {
  for (const fen of [0, 1, 10, 99, 100, 101, 685_000, 999_999_999_999]) assert.equal(fenOf(typed(fen)), fen);
  assert.equal(typed(null), "");
});

test("days and moments are those of the answer, wherever the phone is", () => {
  assert.equal(day("2026-03-02"), "2026年3月2日");
  assert.equal(moment("2026-12-31T23:59:59+08:00"), "2026年12月31日 23:59");
  assert.equal(moment("2026-12-31"), "2026年12月31日");
  assert.equal(day("不是日期"), "不是日期");
  assert.equal(dayOr(null, "没有时限"), "没有时限");
});

test("a school year begins in September, in Shantou", () => {
  assert.deepEqual(["2026-08-31", "2026-09-01", "2027-07-01"].map(academicYear), [2025, 2026, 2026]);
  assert.equal(todayOf(Date.parse("2026-08-31T16:00:00Z")), "2026-09-01");
});
