"""Where the money comes from: one payment from two funds, and a case that waits until a budget is raised."""

from datetime import UTC, datetime
from typing import Any

from app.demo.pieces import Cast, if_state, until
from app.demo.stage import Stage
from app.kernel.business_time import business_date


def two_sources(stage: Stage, cast: Cast, application_id: str) -> None:
    stage.scene("资金从哪里来：一笔款由两项资金支付")
    shown = stage.call(
        cast["worker-chen"], "GET", f"/applications/{application_id}", "看看钱从哪里来", show="state amount_fen"
    ).json()
    for part in shown["funding"]:
        stage.say(f"{part['fund']}：{part['amount_fen'] / 100:,.2f} 元")
    stage.check("先用财政配套，不够的用工会经费", len(shown["funding"]) == 2)
    stage.check("两项合计分文不差", sum(part["amount_fen"] for part in shown["funding"]) == shown["amount_fen"])


def waits_for_money(stage: Stage, cast: Cast, moved: dict[str, Any]) -> dict[str, Any]:
    """Golden Autumn has no budget yet: the approval waits, and goes on by itself when there is one."""
    place = moved.get("waiting", {})
    stage.check("没有预算，进入待拨付名单", (moved["state"], place.get("place")) == ("waiting_funds", 1))
    stage.say(place["text"])
    maker, checker = cast["finance-maker"], cast["finance-checker"]
    funds = stage.call(maker, "GET", "/staff/funds", "看各项资金还有多少没有分配").json()["items"]
    fund = next(each for each in funds if each["source"] == "union")
    stage.say(f"{fund['name']}：未分配 {fund['unallocated_fen'] / 100:,.2f} 元")
    wanted = {
        "fund_id": fund["id"], "kind": "golden_autumn", "year": business_date(datetime.now(UTC)).year,
        "to_organisation_code": _city(stage), "amount_fen": 20_000_000, "reason": "秋季学期助学",
    }  # fmt: skip
    proposed = stage.call(
        maker, "POST", "/staff/allocations", "提出安排金秋助学预算", expect=201, json=wanted, show="state version"
    ).json()
    path, version = f"/staff/allocations/{proposed['id']}/actions", proposed["version"]
    stage.call(maker, "POST", path, "想自己批准", expect=403, json={"action": "approve"}, version=version)
    stage.call(checker, "POST", path, "由另一个人批准", json={"action": "approve"}, version=version, show="state")
    shown: dict[str, Any] = until(
        lambda: if_state(stage, cast, moved["id"], "public_notice"), "nobody was funded by the budget"
    )
    stage.check("资金到位，自动进入公示", shown["waiting"] is None and shown["funding"][0]["fund"] == fund["name"])
    return shown


def _city(stage: Stage) -> str:
    code: str = next(union["code"] for union in stage.world["organisations"] if union["level"] == "city")
    return code
