"""A large amount: the way that it goes, an approver who grants less, and the meeting that decides."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.demo.apart import stood_in
from app.demo.pieces import Cast, act, new_application, submit
from app.demo.stage import Stage
from app.demo.visits import uploaded
from app.kernel.business_time import business_date

VOTES = {"leader-city": ("for", "赞成"), "deputy-city": ("for", "赞成"), "vice-city": ("abstain", "弃权")}


def large_amount(stage: Stage, cast: Cast, unit: str) -> None:
    stage.scene("大额帮扶：会议集体决定")
    worker = cast["worker-zheng"]
    settled_on = str(business_date(datetime.now(UTC)) - timedelta(days=9))
    paid = {"self_paid_fen": 3_600_000, "mutual_aid_paid_fen": 0, "settled_on": settled_on}
    form = {"item": "medical", "requested_fen": 3_000_000, "reason": "妻子住院手术，自付较多", "medical": paid}
    moved = submit(stage, worker, new_application(stage, worker, "hardship_aid", form))
    shown = stage.call(worker, "GET", f"/applications/{moved['id']}", "看看要经过哪些环节", show="state route").json()
    stage.check("金额较大，市总审批以后还要会议决定", shown["route"][-1] == "meeting")
    moved = act(stage, cast["clerk-longhu"], moved, "accept", "受理")
    moved = stood_in(stage, cast, moved, unit)
    stage.scene("大额帮扶（续）：核减以后由会议决定")
    path = f"/staff/applications/{moved['id']}/actions"
    less = {"action": "approve", "amount_fen": 2_800_000, "note": "有2000元的票据不属于医疗费用"}
    moved = stage.call(
        cast["reviewer-longhu"], "POST", path, "区总工会核减后通过", json=less, version=moved["version"], show="state"
    ).json()
    moved = act(stage, cast["reviewer-city"], moved, "approve", "市总工会批准，提交会议")
    stage.check("核减以后仍要会议决定", moved["state"] == "meeting")
    stage.call(
        cast["reviewer-city"], "POST", path, "想不开会就通过", expect=409, json={"action": "approve"},
        version=moved["version"],
    )  # fmt: skip
    _meeting(stage, cast, moved)
    shown = stage.call(worker, "GET", f"/applications/{moved['id']}", "看到结果", show="state amount_fen").json()
    stage.check(
        "会议通过，进入公示，按核减后的金额", (shown["state"], shown["amount_fen"]) == ("public_notice", 2_800_000)
    )


def _meeting(stage: Stage, cast: Cast, moved: dict[str, Any]) -> None:
    secretary = cast["reviewer-city"]
    able = stage.call(
        secretary, "GET", f"/staff/applications/{moved['id']}/meeting_candidates", "查看可以参加表决的人"
    ).json()["items"]
    stage.say(f"可以列名的人：{'、'.join(each['name'] for each in able)}；审批过这份申请的人不在其中")
    body = {"application_id": moved["id"], "member_ids": [each["person_id"] for each in able]}
    meeting = stage.call(
        secretary, "POST", "/staff/meetings", "召开会议", expect=201, json=body, version=moved["version"],
        show="state members quorum",
    ).json()  # fmt: skip
    path = f"/staff/meetings/{meeting['id']}"
    for name, (choice, said) in VOTES.items():
        stage.call(cast[name], "POST", f"{path}/votes", f"表决：{said}", json={"choice": choice}, show="version")
    stage.call(cast["vice-city"], "POST", f"{path}/votes", "想改成赞成", expect=409, json={"choice": "for"})
    seen = stage.call(secretary, "GET", path, "看表决到了几人", show="votes_cast quorum").json()
    stage.call(
        secretary, "POST", f"{path}/conclude", "没有会议记录就想结束", expect=409, json={}, version=seen["version"]
    )
    minutes = {"file_id": uploaded(stage, secretary, "拍照上传会议记录")["id"]}
    seen = stage.call(
        secretary, "POST", f"{path}/minutes", "附上会议记录", json=minutes, version=seen["version"], show="state"
    ).json()
    stage.call(
        secretary,
        "POST",
        f"{path}/conclude",
        "结束会议，按票数得出结果",
        json={},
        version=seen["version"],
        show="state",
    )
