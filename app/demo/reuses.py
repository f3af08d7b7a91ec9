"""One bill, two people, two districts: the second claim asks its reviewers to look, and nobody passes it before."""

from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid4

from app.demo.pieces import Cast, act, new_application, submit, until
from app.demo.stage import Person, Stage
from app.kernel.business_time import business_date
from app.seed.bills import Bill, bill, drawn, photographed, retyped, scanned


def reused(stage: Stage, cast: Cast) -> None:
    stage.scene("一票多用：换个角度拍同一张票据，改一位号码，在另一个区再报一次")
    random = Random(uuid4().int)  # noqa: S311 - an invented bill
    paper = bill(random, business_date(datetime.now(UTC)))
    first = _claim(stage, cast["worker-chen"], paper, scanned(drawn(paper), random), "扫描票据")
    stage.call(
        cast["worker-chen"], "GET", f"/applications/{first['id']}", "先报的人照常办理", show="number state amount_fen"
    )
    second = _claim(
        stage, cast["worker-huang"], retyped(paper, random), photographed(drawn(paper), random), "手机拍同一张票据"
    )
    path, reviewer = f"/staff/applications/{second['id']}", cast["reviewer-jinping"]
    case = until(lambda: _hinted(stage, reviewer, path), "the reused bill was not found")
    _tell(stage, case["reuses"][0])
    moved = act(stage, cast["clerk-jinping"], case, "accept", "受理")
    moved = act(stage, cast["chair-jinping"], moved, "approve", "单位审核通过")
    stage.call(
        reviewer, "POST", f"{path}/actions", "区级没有核实就想通过", expect=409, json={"action": "approve"},
        version=moved["version"],
    )  # fmt: skip
    hint = next(
        each
        for each in stage.call(reviewer, "GET", "/staff/reuses", "看一票多用提示").json()["items"]
        if each["this"]["application_id"] == second["id"]
    )
    stage.check("另一区的申请只有编号和工会", hint["other"]["application_id"] is None)
    stage.call(
        reviewer, "POST", f"/staff/reuses/{hint['id']}/actions", "对照原件：是同一张票据",
        json={"action": "same", "note": "与龙湖区的申请核对原件，是同一张票据，号码改了一位"}, version=hint["version"],
        show="state version",
    )  # fmt: skip
    case = stage.call(reviewer, "GET", path, "再看案件", show="state reuse").json()
    stage.check("认定之后不能通过", "approve" not in case["open_actions"])
    reason = next(each["code"] for each in case["reasons"] if each["action"] == "reject")
    act(stage, reviewer, case, "reject", "不予通过", note="与另一份申请用了同一张票据", reason=reason)


def _claim(stage: Stage, worker: Person, said: Bill, paper: bytes, does: str) -> dict[str, Any]:
    answer = stage.http.post(
        "/files",
        files={"file": ("bill.jpg", paper, "image/jpeg")},
        data={"purpose": "medical"},
        headers=worker.headers | {"Idempotency-Key": str(uuid4())},
    )
    stage.tell(worker, does, answer, 201, "media_type size state")
    form = {"stay": said.stay(), "settlement": said.sheet(), "file_ids": [answer.json()["id"]]}
    return submit(stage, worker, new_application(stage, worker, "secondary_medical", form))


def _hinted(stage: Stage, reviewer: Person, path: str) -> dict[str, Any] | None:
    case: dict[str, Any] = stage.http.get(path, headers=reviewer.headers).json()
    return case if case.get("reuse") == "open" else None


def _tell(stage: Stage, hint: dict[str, Any]) -> None:
    stage.say(f"提示（{hint['score']} 分）：与 {hint['organisation']} 的 {hint['number']} 有相同之处")
    for each in hint["evidence"]:
        stage.say(f"  相同：{each['text']}")
    stage.say("  不同：" + "、".join(hint["differs"]))
    stage.check("图片和号码都说明了", {"picture", "number_near"} <= {each["code"] for each in hint["evidence"]})
