"""Reconciling in the story: what was paid against what a bank says of it, to the fen; the bank pays one twice, which is
found, and mended once the bank has put it right."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from app.demo.payments import BATCHES, CITY
from app.demo.pieces import Cast, until
from app.demo.stage import Person, Stage
from app.kernel.business_time import business_date

PLACE = "/staff/reconciliations"
OUT, BACK = "支出", "收入"
Movement = tuple[str, str, int, str]
"""The bank's own number, its direction, fen, and the reference of ours."""


def reconciled(stage: Stage, cast: Cast) -> None:
    """Everything that the story has paid."""
    stage.scene("对账：批准、发出、银行三方和台账，按分核对")
    maker, checker = cast["finance-maker"], cast["finance-checker"]
    lines = _paid(stage, maker)
    told = [(f"DEMO{n:06d}", OUT, line["amount_fen"], line["reference"]) for n, line in enumerate(lines)]
    twice = ("DEMO-AGAIN", OUT, lines[0]["amount_fen"], lines[0]["reference"])
    first = _statement(stage, maker, [*told, twice], "导入银行流水：银行把一笔付了两次")
    stage.check("每一笔都在流水里", first["new_rows"] == len(lines) + 1)
    run = _run(stage, maker, "对账")
    stage.check("发现一条差异", run["opened"] == 1)
    (one,) = stage.call(checker, "GET", f"{PLACE}/breaks", "查看待办的差异").json()["items"]
    stage.say(f"{one['name']}：应为 {one['expected_fen'] / 100:,.2f} 元，实为 {one['found_fen'] / 100:,.2f} 元")
    stage.say(f"怎么办：{one['remedy']}")
    stage.check("正是付了两次的那一笔", (one["kind"], one["subject_id"]) == ("paid_twice", lines[0]["id"]))
    put_right = ("DEMO-BACK", BACK, lines[0]["amount_fen"], lines[0]["reference"])
    second = _statement(stage, maker, [*told, twice, put_right], "银行冲正之后，再导入当日流水")
    stage.check("导入过的不重复计", second["new_rows"] == 1)
    run = _run(stage, maker, "再对一次账")
    figures = run["figures"]
    stage.check("差异自动消除", (run["opened"], run["mended"]) == (0, 1))
    for name, key in (("批准", "approved_fen"), ("付到", "paid_fen"), ("银行", "bank_fen"), ("台账", "ledger_fen")):
        stage.say(f"{name} {figures[key] / 100:,.2f} 元")
    stage.check(
        "四个数完全一致，一分不差", figures["agree"] and figures["paid_fen"] == sum(x["amount_fen"] for x in lines)
    )
    month = business_date(datetime.now(UTC)).isoformat()[:7]
    found = stage.call(
        cast["auditor"], "GET", f"{PLACE}/parity?organisation_code={CITY}&month={month}", "审计看能不能关账",
        show="may_close why",
    ).json()  # fmt: skip
    stage.check("这个月还没有过去，不能关账", not found["may_close"] and "not_over" in found["why"])
    stage.call(
        checker, "POST", f"{PLACE}/closings", "想提前关账", expect=409, json={"organisation_code": CITY, "month": month}
    )


def _paid(stage: Stage, maker: Person) -> Sequence[dict[str, Any]]:
    """Every line that a bank has paid, of all batches."""
    batches = stage.http.get(f"{BATCHES}?limit=100", headers=maker.headers).json()["items"]
    lines = [
        line
        for batch in batches
        if batch["exported_at"] is not None
        for line in stage.http.get(f"{BATCHES}/{batch['id']}/lines?limit=100", headers=maker.headers).json()["items"]
    ]
    return [line for line in lines if line["state"] == "paid"]


def _days() -> tuple[str, str]:
    """Since yesterday: the story may be told around midnight."""
    today = business_date(datetime.now(UTC))
    return (today - timedelta(days=1)).isoformat(), today.isoformat()


def _statement(stage: Stage, by: Person, told: Sequence[Movement], does: str) -> dict[str, Any]:
    first, last = _days()
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["交易日期", "流水号", "收支方向", "金额（元）", "对方账号", "摘要"])
    for number, direction, fen, reference in told:
        yuan = f"{fen // 100}.{fen % 100:02d}"
        writer.writerow([last, number, direction, yuan, "", f"困难帮扶 {reference}"])
    fields = {"organisation_code": CITY, "bank": "standard", "first_day": first, "last_day": last}
    answer = stage.http.post(
        f"{PLACE}/statements", files={"file": ("statement.csv", text.getvalue().encode("gb18030"))}, data=fields,
        headers=by.headers | {"Idempotency-Key": str(uuid4())},
    )  # fmt: skip
    stage.tell(by, does, answer, httpx.codes.CREATED, "rows new_rows out_fen in_fen")
    row: dict[str, Any] = answer.json()
    return row


def _run(stage: Stage, by: Person, does: str) -> dict[str, Any]:
    """Asked for, and done by the worker."""
    first, last = _days()
    wanted = {"organisation_code": CITY, "first_day": first, "last_day": last}
    asked = stage.call(by, "POST", PLACE, does, expect=202, json=wanted, show="state").json()

    def done() -> dict[str, Any] | None:
        row = stage.http.get(f"{PLACE}/{asked['id']}", headers=by.headers).json()
        return row if row["state"] == "done" else None

    run: dict[str, Any] = until(done, "the reconciliation was not run")
    return run
