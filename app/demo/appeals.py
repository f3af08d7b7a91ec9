"""An appeal: the city refuses, the worker appeals, somebody of the city who had no part in it decides anew, and it is
paid."""

from datetime import UTC, datetime
from typing import Any

from app.demo.payments import pay
from app.demo.pieces import Cast, act, if_state, submit, until
from app.demo.plans import take_on
from app.demo.stage import Person, Stage
from app.kernel.business_time import academic_year, business_date

WORKER = "worker-lin"


def appealed(stage: Stage, cast: Cast) -> None:
    stage.scene("申诉：被拒绝的职工申诉，由没有参与原决定的人复核")
    worker = cast[WORKER]
    filed = _filed(stage, worker)
    granted_fen = filed["decision"]["amount_fen"]
    moved = act(stage, cast["clerk-jinping"], filed, "accept", "受理")
    moved = act(stage, cast["chair-jinping"], moved, "approve", "单位审核通过")
    moved = act(stage, cast["reviewer-jinping"], moved, "approve", "区总工会审核通过")
    moved = act(
        stage, cast["leader-city"], moved, "reject", "市总工会不予通过", note="没有提供学校的收费证明。",
        reason="documents_not_valid",
    )  # fmt: skip
    path = f"/applications/{moved['id']}"
    shown = stage.call(worker, "GET", path, "职工看到不予通过的原因", show="number state").json()
    stage.say(f"原因：{shown['timeline'][-1]['reason_text']}；{shown['timeline'][-1]['note']}")
    appeal = _lodged(stage, worker, path, moved["version"])
    _decided_by_another(stage, cast, appeal)
    shown = stage.call(worker, "GET", path, "职工看到决定已变更", show="number state amount_fen").json()
    answer = stage.call(worker, "GET", f"{path}/appeals", "看申诉的答复").json()["items"][0]
    stage.say(f"{answer['decided_by_organisation']}答复：{answer['reply']}")
    stage.check(
        f"原来 0 元，现在 {granted_fen / 100:,.2f} 元", appeal["before_fen"] == 0 < granted_fen == answer["amount_fen"]
    )
    stage.check("原来的签字作废，重新公示，期满才付款", shown["state"] == "public_notice")
    over: dict[str, Any] = until(
        lambda: if_state(stage, cast, moved["id"], "approved", WORKER), "the notice did not end"
    )
    _measure_running(stage, worker, cast["clerk-jinping"])
    pay(stage, cast, over, WORKER)


def _filed(stage: Stage, worker: Person) -> dict[str, Any]:
    """The draft that was begun with the answers to the screening, filled in and submitted."""
    mine = stage.call(worker, "GET", "/applications", "我的申请列表").json()["items"]
    draft = next(item for item in mine if (item["kind"], item["state"]) == ("golden_autumn", "draft"))
    file = stage.call(worker, "GET", "/me/household", "打开家庭档案", show="number state").json()
    student = next(member for member in file["form"]["members"] if member.get("schooling") == "undergraduate")
    form = {
        "student": {"name": student["name"], "id_number": student["id_number"], "relation": student["relation"]},
        "stage": "undergraduate",
        "school": "广东工业大学",
        "school_public": True,
        "enrolment": "continuing",
        "academic_year": academic_year(business_date(datetime.now(UTC))),
        "tuition_fen": 600_000,
        "other_grants": [],
    }
    filled = stage.call(
        worker, "PUT", f"/applications/{draft['id']}", "把测算时新建的草稿填完", json={"form": form},
        version=draft["version"], show="number state warnings",
    ).json()  # fmt: skip
    return submit(stage, worker, filled)


def _lodged(stage: Stage, worker: Person, path: str, version: int) -> dict[str, Any]:
    body = {"reason": "学校收费证明在提交时已上传，请再看一次。"}
    appeal: dict[str, Any] = stage.call(
        worker,
        "POST",
        f"{path}/appeals",
        "提出申诉",
        expect=201,
        json=body,
        version=version,
        show="ground state due_at",
    ).json()
    again = stage.call(worker, "POST", f"{path}/appeals", "再点一次申诉", expect=409, json=body, version=version + 1)
    stage.check("同一个决定只能申诉一次", again.json()["code"] == "not_allowed_now")
    return appeal


def _decided_by_another(stage: Stage, cast: Cast, appeal: dict[str, Any]) -> None:
    path = f"/staff/appeals/{appeal['id']}"
    body = {"action": "change", "note": "收费证明完整，原决定有误，按政策测算的金额发放。"}
    near = stage.call(
        cast["leader-city"], "POST", f"{path}/actions", "拒绝过这份申请的人想自己复核", expect=403,
        json=body | {"action": "uphold"}, version=appeal["version"],
    ).json()  # fmt: skip
    stage.check("办理过这份申请的人不能复核", near["code"] == "near_the_case")
    apart = cast["deputy-city"]
    waiting = stage.call(apart, "GET", "/staff/appeals", "等我复核的申诉").json()["items"]
    stage.check("没有参与原决定的人看得到", any(item["id"] == appeal["id"] for item in waiting))
    case = stage.call(apart, "GET", path, "打开申诉", show="ground state version").json()
    stage.call(
        apart, "POST", f"{path}/actions", "变更原决定，写明理由", json=body, version=case["version"], show="state"
    )


def _measure_running(stage: Stage, worker: Person, clerk: Person) -> None:
    """What is paid is paid under a measure that somebody has taken on."""
    household_id = stage.http.get("/me/household", headers=worker.headers).json()["id"]
    plans = stage.call(clerk, "GET", f"/staff/households/{household_id}/plans", "打开这户的帮扶计划").json()["items"]
    for measure in plans[0]["measures"]:
        if (measure["kind"], measure["state"]) == ("schooling", "proposed"):
            take_on(stage, clerk, measure)
