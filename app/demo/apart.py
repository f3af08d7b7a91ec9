"""A post that somebody else holds for some days, and what they still may not do with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.demo.pieces import Cast, act, until
from app.demo.stage import Stage
from app.kernel.business_time import business_date


def stood_in(stage: Stage, cast: Cast, moved: dict[str, Any], unit: str) -> dict[str, Any]:
    """The chair of a unit is away; somebody of the district approves for them, and does not approve again."""
    stage.scene("委托代办：主席外出，委托上级工会代为审核")
    chair, delegate = cast["chair-longhu"], cast["leader-longhu"]
    path, post = f"/staff/applications/{moved['id']}", {"role": "unit_chair", "organisation_code": unit}
    query = f"/staff/delegates?role={post['role']}&organisation_code={unit}"
    offered = stage.call(chair, "GET", query, "看可以委托给谁").json()["items"]
    to = next(each for each in offered if each["name"] == delegate.name)
    today = business_date(datetime.now(UTC))
    wanted: dict[str, Any] = post | {
        "to_person_id": to["person_id"], "starts_on": str(today), "kinds": ["hardship_aid"], "reason": "外出培训",
    }  # fmt: skip
    stage.call(
        chair, "POST", "/staff/delegations", "想委托两个月", expect=422,
        json=wanted | {"ends_on": str(today + timedelta(days=60))},
    )  # fmt: skip
    delegation = stage.call(
        chair, "POST", "/staff/delegations", "委托一周，只委托困难帮扶", expect=201,
        json=wanted | {"ends_on": str(today + timedelta(days=6))}, show="from_masked to_masked state",
    ).json()  # fmt: skip
    until(lambda: _may_approve(stage, delegate.headers, path), "the delegated post did not arrive")
    moved = act(stage, delegate, moved, "approve", "代主席审核通过")
    shown = stage.call(cast["worker-zheng"], "GET", f"/applications/{moved['id']}", "看是谁审核的", show="state").json()
    stage.say(f"办理过程写明：{shown['timeline'][-1]['by']['said']}")
    stage.call(
        delegate, "POST", f"{path}/actions", "接着想以自己的岗位再审一次", expect=403, json={"action": "approve"},
        version=moved["version"], show="code",
    )  # fmt: skip
    stage.call(chair, "POST", f"/staff/delegations/{delegation['id']}/end", "提前回来，结束委托", show="state")
    return moved


def _may_approve(stage: Stage, headers: dict[str, str], path: str) -> bool | None:
    return "approve" in stage.http.get(path, headers=headers).json().get("open_actions", ()) or None
