"""A chair with a phone and little time: several claims looked at together, and approved together."""

from typing import Any

from app.demo.pieces import Cast, hospital_stay, new_application, submit
from app.demo.stage import Person, Stage

PREVIEW, RUN = "/staff/batch_actions/preview", "/staff/batch_actions"
STAYS = ((75, 70), (66, 60), (55, 50))


def together(stage: Stage, cast: Cast) -> None:
    stage.scene("批量办理：先预览，再一次办完")
    worker, clerk, chair = cast["worker-chen"], cast["clerk-longhu"], cast["chair-longhu"]
    claims = [
        submit(stage, worker, new_application(stage, worker, "secondary_medical", hospital_stay(*days), "又一次住院"))
        for days in STAYS
    ]
    accepted = _run(stage, clerk, _previewed(stage, clerk, "accept", claims, "预览批量受理"), "一次受理")
    stage.check("三份都已受理", accepted["totals"]["done"] == len(claims))
    waiting = [claim | {"version": item["version"]} for claim, item in zip(claims, accepted["items"], strict=True)]
    shown = _previewed(stage, chair, "approve", waiting, "在手机上预览批量审核")
    totals = shown["totals"]
    stage.say(f"可办 {totals['allowed']} 份，合计 {totals['amount_fen'] / 100:,.2f} 元；每份的版本都记在 token 里")
    stage.call(
        worker, "POST", f"/applications/{waiting[1]['id']}/withdraw", "这时职工撤回了其中一份",
        version=waiting[1]["version"], show="state version",
    )  # fmt: skip
    result = _run(stage, chair, shown, "按预览一次办理")
    stage.check(
        "撤回的那份跳过，其余两份办成", [item["result"] for item in result["items"]] == ["done", "skipped", "done"]
    )
    stage.say(f"跳过的原因：{result['items'][1]['message']}")
    stage.check("同一个 token 再问，结果一字不差", _run(stage, chair, shown, "网络不好，再按一次") == result)
    body = {"action": "reject", "items": _items(waiting), "note": "不符合", "reason_code": "not_in_hardship"}
    stage.call(chair, "POST", PREVIEW, "想批量不予通过：每位申请人应有各自的理由", expect=409, json=body)


def _items(claims: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"application_id": claim["id"], "version": claim["version"]} for claim in claims]


def _previewed(stage: Stage, by: Person, action: str, claims: list[dict[str, Any]], does: str) -> dict[str, Any]:
    body = {"action": action, "items": _items(claims)}
    shown: dict[str, Any] = stage.call(by, "POST", PREVIEW, does, json=body, show="action expires_at totals").json()
    return shown


def _run(stage: Stage, by: Person, shown: dict[str, Any], does: str) -> dict[str, Any]:
    result: dict[str, Any] = stage.call(by, "POST", RUN, does, json={"token": shown["token"]}, show="totals").json()
    return result
