"""Supervision in the story: a sample that is announced, drawn, and drawn again by a script that knows nothing of the
service; where the money of one household went; the fund table; a month as a picture."""

import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.demo.pieces import Cast
from app.demo.stage import Stage
from app.kernel.business_time import business_date

CITY = "440500"
SAMPLES = "/staff/samples"
SCRIPT = Path(__file__).parents[2] / "tools" / "redraw_sample.py"
SOON = timedelta(seconds=2)


def supervised(stage: Stage, cast: Cast, application_id: str) -> None:
    stage.scene("资金监管：支付后抽查、来龙去脉、统计表和图")
    sample = _drawn(stage, cast)
    _drawn_again(stage, cast, sample)
    _checked(stage, cast, sample)
    _followed(stage, cast, application_id)
    _figures(stage, cast)


def _drawn(stage: Stage, cast: Cast) -> dict[str, Any]:
    auditor, now = cast["auditor"], datetime.now(UTC)
    body = {
        "organisation_code": CITY, "since": (now - timedelta(days=1)).isoformat(), "until": (now + SOON).isoformat(),
        "size": 3,
    }  # fmt: skip
    announced = stage.call(
        auditor,
        "POST",
        SAMPLES,
        "登记抽查，只公布种子的校验码",
        expect=201,
        json=body,
        show="state seed_sha256",
    ).json()
    path = f"{SAMPLES}/{announced['id']}/draw"
    stage.call(auditor, "POST", path, "期间没有结束就想抽", expect=409, version=announced["version"])
    time.sleep(max(0.0, (now + SOON - datetime.now(UTC)).total_seconds()) + 0.05)
    sample: dict[str, Any] = stage.call(
        auditor, "POST", path, "期间结束后抽取：名单冻结，种子公布", version=announced["version"],
        show="lines fen population_sha256",
    ).json()  # fmt: skip
    return sample


def _drawn_again(stage: Stage, cast: Cast, sample: dict[str, Any]) -> None:
    auditor = cast["auditor"]
    found = stage.http.get(f"{SAMPLES}/{sample['id']}/population", headers=auditor.headers)
    stage.tell(auditor, "下载名单，没有个人信息", found, 200)
    items = stage.http.get(f"{SAMPLES}/{sample['id']}/checks?limit=100", headers=auditor.headers).json()["items"]
    told = (sample["population_sha256"], sample["seed"], sample["seed_sha256"], str(sample["size"]))
    with tempfile.TemporaryDirectory(prefix="aid-demo-") as folder:
        path = Path(folder) / "list.csv"
        path.write_bytes(found.content)
        command = [sys.executable, "-I", str(SCRIPT), str(path), *told]
        again = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
        path.write_bytes(found.content.replace(b"00\n", b"01\n", 1))
        spoilt = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    stage.check("二十行脚本离线重抽，一笔不差", again.stdout.split() == [item["line_id"] for item in items])
    stage.check("名单改动一分钱，脚本就不抽", spoilt.returncode != 0 and not spoilt.stdout)


def _checked(stage: Stage, cast: Cast, sample: dict[str, Any]) -> None:
    auditor = cast["auditor"]
    item = stage.call(auditor, "GET", f"{SAMPLES}/{sample['id']}/checks", "看抽到了哪几笔").json()["items"][0]
    answers = {"action": "close", "reached": "yes", "arrived": "yes", "amount": "right", "papers": "complete"}
    stage.call(
        auditor, "POST", f"{SAMPLES}/{sample['id']}/checks/{item['id']}/actions", "打电话核实，写下结果", json=answers,
        version=item["version"], show="number result",
    )  # fmt: skip
    shown = stage.call(auditor, "GET", f"{SAMPLES}/{sample['id']}", "看抽查汇总").json()["summary"]
    stage.check("一笔核实，没有差错", shown["share"]["checked"] == 1 and shown["share"]["errors"] == 0)


def _followed(stage: Stage, cast: Cast, application_id: str) -> None:
    path = f"/staff/applications/{application_id}/money_trail"
    trail = stage.call(cast["auditor"], "GET", path, "一户所得的来龙去脉", show="applications paid_fen").json()
    for event in trail["items"]:
        if event["application_id"] == application_id and event["kind"] in ("reservation", "batch", "line", "payment"):
            stage.say(event["text"])
    funds = stage.http.get("/staff/funds", headers=cast["auditor"].headers).json()["items"]
    followed = stage.call(
        cast["auditor"], "GET", f"/staff/funds/{funds[-1]['id']}/trail?limit=100", "一项资金的来龙去脉"
    ).json()
    last = followed["items"][-1]
    stage.check("最后的余额与预算一致", last["granted_fen"] == followed["now"]["spent_fen"])


def _figures(stage: Stage, cast: Cast) -> None:
    reader, today = cast["leader-city"], business_date(datetime.now(UTC))
    query = f"organisation_code={CITY}"
    table = stage.call(reader, "GET", f"/staff/fund_table?{query}&year={today.year}", "看资金使用情况统计表").json()
    total = sum(row["net_fen"] for row in table["rows"])
    stage.say(f"{table['period']}：{len(table['rows'])} 行，实际支出 {total / 100:,.2f} 元")
    stage.check("各行之和等于台账的支出，分文不差", total == table["flow_total"]["spent_fen"])
    drawn = stage.call(reader, "GET", f"/staff/fund_picture?{query}&month={today:%Y-%m}", "本月的资金图（SVG）")
    stage.check("图里写着数字，读屏软件能读", "<desc" in drawn.text and "困难帮扶" in drawn.text)
