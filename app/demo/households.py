"""A family's file from the unit's desk to in force, out of it again, and back."""

from typing import Any

from app.demo import visits
from app.demo.pieces import Cast, notice_of, until
from app.demo.stage import Person, Stage

REGISTER: dict[str, Any] = {
    "head": {
        "ethnicity": "01", "sex": "male", "political_status": "masses", "birth_date": "1985-06-07",
        "model_worker": "none", "marital_status": "single", "hukou_kind": "non_agricultural",
        "hukou_division_code": "440507", "mobile": "19900000077", "other_contact": "邻居",
        "medical_insurance": "employee", "work_status": "laid_off", "work_began_on": "2005-07-01",
        "worker_identity": "worker", "monthly_income_fen": 75_000,
    },
    "non_wage_income_fen_yearly": 0,
}  # fmt: skip


def act(stage: Stage, by: Person, moved: dict[str, Any], action: str, does: str, **more: Any) -> dict[str, Any]:
    path = f"/staff/households/{moved['id']}/actions"
    done: dict[str, Any] = stage.call(
        by, "POST", path, does, json={"action": action, **more}, version=moved["version"], show="state version"
    ).json()
    return done


def put(stage: Stage, by: Person, moved: dict[str, Any], what: str, does: str, **body: Any) -> dict[str, Any]:
    path = f"/staff/households/{moved['id']}/{what}"
    done: dict[str, Any] = stage.call(
        by, "PUT", path, does, json=body, version=moved["version"], show="state version"
    ).json()
    return done


def opened(stage: Stage, cast: Cast, moved: dict[str, Any]) -> dict[str, Any]:
    """Accepted, reviewed, visited, reviewed again, matched, published, approved."""
    clerk, district = cast["clerk-longhu"], cast["reviewer-longhu"]
    stage.call(clerk, "GET", f"/staff/households/{moved['id']}", "查看家庭档案（已脱敏）", show="number state")
    moved = act(stage, clerk, moved, "accept", "受理")
    moved = act(stage, cast["chair-longhu"], moved, "approve", "单位审核家庭档案")
    stage.call(
        clerk, "POST", f"/staff/households/{moved['id']}/actions", "还没入户就想上报", expect=409,
        json={"action": "report"}, version=moved["version"],
    )  # fmt: skip
    unclear = visits.visited(stage, cast, moved)
    early = stage.call(
        clerk, "POST", f"/staff/households/{moved['id']}/actions", "登记表没填完就想上报", expect=409,
        json={"action": "report"}, version=moved["version"],
    ).json()  # fmt: skip
    stage.say(f"登记表还缺 {len(early['errors'])} 项：{early['errors'][0]['message']}")
    moved = put(stage, clerk, moved, "form", "入户时补齐登记表", form=REGISTER, reason="入户调查时由本人补充")
    moved = act(stage, clerk, moved, "report", "入户调查完毕，上报")
    moved = act(stage, district, moved, "approve", "区总工会审核通过，进入信息核对")
    moved = put(stage, district, moved, "class", "确定困难类别和档案级别", category="deep", archive_level="national")
    visits.cleared_up(stage, cast, moved, unclear)
    moved = act(stage, district, moved, "conclude", "核对完毕，进入公示")
    moved = published(stage, cast, moved, "city_approval")
    moved = act(stage, cast["leader-city"], moved, "approve", "市总工会批准建档")
    stage.check("一户一档案已建立", moved["state"] == "active")
    return moved


def left_and_back(
    stage: Stage, cast: Cast, moved: dict[str, Any], form: dict[str, Any], waiting: dict[str, Any]
) -> None:
    """Lifted after months above the line, once nothing is `waiting`; and back in need later, in a new file that knows
    the old."""
    stage.scene("脱困与返困：一户人家退出档案，后来又回来")
    clerk, old = cast["clerk-longhu"], moved["id"]
    proof = visits.uploaded(stage, clerk, "上传就业和收入证明")
    proposal = {
        "kind": "lifted", "file_ids": [proof["id"]], "income_fen_yearly": 3_600_000, "rigid_spending_fen": 0,
        "months_above": 4,
    }  # fmt: skip
    early = stage.call(
        clerk, "POST", f"/staff/households/{old}/actions", "只满四个月就想办脱困", expect=409,
        json={"action": "propose_exit", "note": "已就业", "exit": proposal}, version=moved["version"],
    ).json()  # fmt: skip
    stage.say(early["errors"][0]["message"])
    exit_told = proposal | {"months_above": 7}
    stage.call(
        clerk, "POST", f"/staff/households/{old}/actions", "还有没办结的申请，不能退出", expect=409,
        json={"action": "propose_exit", "note": "已就业", "exit": exit_told}, version=moved["version"],
    )  # fmt: skip
    stage.call(
        cast["worker-fang"], "POST", f"/applications/{waiting['id']}/withdraw", "本人撤回申请",
        version=waiting["version"], show="state",
    )  # fmt: skip
    moved = act(stage, clerk, moved, "propose_exit", "满七个月，提出脱困", note="已稳定就业", exit=exit_told)
    moved = act(stage, cast["reviewer-longhu"], moved, "approve", "区总工会同意，退出公示")
    moved = published(stage, cast, moved, "lifted")
    stage.check("已脱困，档案退出", moved["state"] == "lifted")
    worker = cast["worker-fang"]
    stage.call(worker, "GET", "/me/household", "档案已退出", expect=404)
    again = stage.call(worker, "PUT", "/me/household", "又失业了，重新填写档案", json=form, show="number state").json()
    stage.check("返困：新档案与原档案相连", again["previous_id"] == old)


def published(stage: Stage, cast: Cast, moved: dict[str, Any], state: str) -> dict[str, Any]:
    """The notice of a file, as everyone may read it, until it is over."""
    path, by = f"/staff/households/{moved['id']}", cast["reviewer-longhu"]
    number = stage.http.get(path, headers=by.headers).json()["number"]
    line = until(lambda: notice_of(stage, number), "the notice of the file was not published")
    stage.say(f"公示：{line['name_masked']} {line['organisation']}（不含家庭情况）")
    shown: dict[str, Any] = until(lambda: _if(stage, by, path, state), "the notice of the file did not end")
    return {"id": shown["id"], "state": shown["state"], "version": shown["version"]}


def _if(stage: Stage, by: Person, path: str, state: str) -> dict[str, Any] | None:
    shown: dict[str, Any] = stage.http.get(path, headers=by.headers).json()
    return shown if shown["state"] == state else None
