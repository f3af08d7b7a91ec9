"""A supplement in the story: the district misses a paper, asks for it, and goes on where the case stands; and a refusal
that the level above takes back."""

from typing import Any

from app.demo.pieces import Cast, act
from app.demo.stage import Stage
from app.demo.visits import uploaded


def supplemented(stage: Stage, cast: Cast, moved: dict[str, Any]) -> dict[str, Any]:
    """At the district, after the unit has approved. Answers the case as it stands then."""
    stage.scene("补充材料：缺一样材料，不退回，也不拒绝")
    reviewer, worker, path = cast["reviewer-longhu"], cast["worker-chen"], f"/applications/{moved['id']}"
    stage.call(
        reviewer, "POST", f"/staff{path}/supplements", "要一样清单里没有的材料", expect=422,
        json={"documents": ["passport"]}, version=moved["version"],
    )  # fmt: skip
    wanted = {"documents": ["discharge_summary"], "text": "请说明住院前在哪里就诊。"}
    asked = stage.call(
        reviewer, "POST", f"/staff{path}/supplements", "缺出院小结，请申请人补充", expect=201, json=wanted,
        version=moved["version"], show="state version",
    ).json()  # fmt: skip
    stage.check("案件留在区级审核", asked["state"] == moved["state"])
    stage.call(
        reviewer, "POST", f"/staff{path}/actions", "等待期间想先通过", expect=409, json={"action": "approve"},
        version=asked["version"],
    )  # fmt: skip
    mine = stage.call(worker, "GET", path, "职工看到要补什么、到哪一天", show="state supplement deadline").json()
    stage.say(mine["clock"]["text"])
    stage.say("要补充：" + "、".join(item["name"] for item in mine["supplements"][-1]["items"]))
    paper = uploaded(stage, worker, "拍下出院小结上传")
    given = {
        "answers": [{"item": "discharge_summary", "file_ids": [paper["id"]]}],
        "note": "住院前在社区卫生站看过两次。",
    }
    brought = stage.call(
        worker, "POST", f"{path}/supplement", "补充", json=given, version=mine["version"], show="state version"
    ).json()
    case = stage.call(reviewer, "GET", f"/staff{path}", "审核人打开案件", show="state supplement").json()
    stage.check("没有缺项，排队位置不变", not case["supplements"][-1]["missing"] and case["supplement"] == "answered")
    stage.check("单位的审核意见仍然有效", case["timeline"][-3]["action"] == "approve")
    return dict(brought)


def refused_and_undone(stage: Stage, cast: Cast, moved: dict[str, Any]) -> dict[str, Any]:
    """Refused at the district by mistake, and taken back by its leader. Answers the case as it stands then."""
    stage.scene("撤销决定：误点了不予通过，由另一位负责人撤销")
    path = f"/staff/applications/{moved['id']}"
    reasons = stage.call(cast["reviewer-longhu"], "GET", path, "打开案件").json()["reasons"]
    reason = next(each for each in reasons if each["action"] == "reject")
    stage.say(f"可选原因：{reason['text']}；{reason['cure']}")
    body = {"action": "reject", "note": "看错了一份材料", "reason_code": reason["code"]}
    refused = stage.call(
        cast["reviewer-longhu"], "POST", f"{path}/actions", "误点不予通过", json=body, version=moved["version"],
        show="state version",
    ).json()  # fmt: skip
    undo = {"action": "undo", "note": "复查：材料齐全，原决定有误"}
    stage.call(
        cast["reviewer-longhu"], "POST", f"{path}/actions", "自己想撤销", expect=403, json=undo,
        version=refused["version"],
    )  # fmt: skip
    back = act(stage, cast["leader-longhu"], refused, "undo", "区总工会负责人撤销", note=undo["note"])
    stage.check("回到区级审核，另起一轮", back["state"] == "district_review")
    return back


def tell_changes(stage: Stage, cast: Cast, moved: dict[str, Any]) -> None:
    """What a resubmission has changed, as the clerk reads it."""
    path = f"/staff/applications/{moved['id']}"
    changes = stage.call(cast["clerk-longhu"], "GET", path, "看再次提交改了什么").json()["changes"]
    for change in changes["fields"]:
        stage.say(f"{change['label']}：{change['before']} → {change['after']}")
    before, after = changes["amount_before_fen"], changes["amount_after_fen"]
    stage.check("改动逐项列出，金额变化也在其中", len(changes["fields"]) == 2 and before != after)
