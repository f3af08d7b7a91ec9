"""The story: screening, three applications from sign-in to paid, refusals, an appeal, a return, a race, a retry, a
stranger, and a policy that changes without changing what was decided."""

from datetime import UTC, datetime
from typing import Any

from app.demo import articles, batches, households, money, on_paper, policies, posts, wechat
from app.demo.appeals import appealed
from app.demo.meetings import large_amount
from app.demo.notices import objected_to
from app.demo.payments import not_payable, paid_together
from app.demo.pieces import (
    Cast,
    act,
    consent,
    hospital_stay,
    new_application,
    notice,
    race,
    retried_submit,
    stranger,
    submit,
    synthetic_number,
    tell_decision,
)
from app.demo.plans import plan_first
from app.demo.reconciliations import reconciled
from app.demo.reuses import reused
from app.demo.stage import Person, Stage
from app.demo.supervision import supervised
from app.demo.supplements import refused_and_undone, supplemented, tell_changes
from app.kernel.business_time import academic_year, business_date

UNIT = "440507-S01-U01"


def tell(stage: Stage) -> None:
    """The whole story. Raises StoryFailed at the first step that is not as it should be."""
    stage.scene("登录：每个人用自己的微信（模拟器）登录")
    cast = {name: stage.enter(name) for name in CAST}
    stage.check(f"{len(cast)} 人登录成功", len(cast) == len(CAST))
    wechat.messages_allowed(stage, cast)
    policies.screening(stage, cast)
    waiting = [told(stage, cast) for told in (hardship_aid, golden_autumn, secondary_medical)]
    paid_together(stage, cast, waiting)
    large_amount(stage, cast, UNIT)
    batches.together(stage, cast)
    reused(stage, cast)
    policies.refusals(stage, cast)
    appealed(stage, cast)
    policies.enrolment(stage, cast)
    new_household(stage, cast)
    on_paper.helped(stage, cast)
    policies.new_version(stage, cast, str(waiting[0]["id"]))
    policies.replayed(stage)
    reconciled(stage, cast)
    supervised(stage, cast, str(waiting[0]["id"]))
    who_looked(stage, cast)
    posts.appointed(stage, cast)
    wechat.messages_received(stage, cast)
    articles.published(stage, cast)


CAST = (
    "worker-chen worker-zheng worker-lin worker-huang worker-wu worker-fang "
    "clerk-longhu chair-longhu street-jinxia reviewer-longhu leader-longhu "
    "clerk-jinping chair-jinping reviewer-jinping clerk-chenghai visitor-longhu reviewer-city leader-city deputy-city "
    "vice-city mutual-aid "
    "finance-maker finance-checker auditor publicity-editor publicity-approver system-admin security-admin"
).split()


def _number(stage: Stage, worker: Person, moved: dict[str, Any]) -> str:
    return str(stage.http.get(f"/applications/{moved['id']}", headers=worker.headers).json()["number"])


def hardship_aid(stage: Stage, cast: Cast) -> dict[str, Any]:
    """Answers what is to be paid."""
    stage.scene("困难帮扶：从草稿到发放")
    worker = cast["worker-chen"]
    form: dict[str, Any] = {"item": "living", "requested_fen": 500_000}
    draft = stage.call(
        worker, "POST", "/applications", "新建草稿，先填一半", expect=201,
        json={"kind": "hardship_aid", "form": form}, show="number state version",
    ).json()  # fmt: skip
    for warning in draft["warnings"]:
        stage.say(f"还缺：{warning['pointer']} {warning['message']}")
    stage.call(worker, "POST", "/applications", "误点再建一份", expect=409, json={"kind": "hardship_aid", "form": form})
    form |= {"reason": "丈夫重病，家庭收入不够生活"}
    draft = stage.call(
        worker, "PUT", f"/applications/{draft['id']}", "补全后保存", json={"form": form}, version=draft["version"],
        show="number version warnings",
    ).json()  # fmt: skip
    decision = stage.call(
        worker, "POST", f"/applications/{draft['id']}/preview", "预览能得到多少", show="outcome amount_fen"
    ).json()
    tell_decision(stage, decision)
    moved = retried_submit(stage, worker, draft)
    stranger(stage, cast, moved["id"])
    moved = act(stage, cast["clerk-longhu"], moved, "accept", "受理")
    moved = act(stage, cast["chair-longhu"], moved, "approve", "单位审核通过")
    moved = race(stage, cast, moved)
    moved = act(stage, cast["leader-city"], moved, "approve", "市总工会批准，进入公示")
    not_payable(stage, cast, _number(stage, worker, moved), "公示期内想先付款")
    moved = notice(stage, cast, moved)
    plan_first(stage, cast, moved)
    money.two_sources(stage, cast, str(moved["id"]))
    return moved


def golden_autumn(stage: Stage, cast: Cast) -> dict[str, Any]:
    stage.scene("金秋助学：退回补正，再次提交")
    worker = cast["worker-chen"]
    file = stage.call(worker, "GET", "/me/household", "打开家庭档案", show="number state").json()
    student = next(m for m in file["form"]["members"] if m.get("schooling") == "undergraduate")
    form = {
        "student": {"name": student["name"], "id_number": student["id_number"], "relation": student["relation"]},
        "stage": "undergraduate",
        "school": "汕头大学",
        "school_public": True,
        "enrolment": "continuing",
        "academic_year": academic_year(business_date(datetime.now(UTC))),
        "tuition_fen": 685_000,
        "other_grants": [],
    }
    draft = new_application(stage, worker, "golden_autumn", form)
    moved = submit(stage, worker, draft)
    moved = act(stage, cast["clerk-longhu"], moved, "accept", "受理")
    moved = act(stage, cast["chair-longhu"], moved, "return", "退回补正", note="请写学校全称，并补充其他资助情况。")
    shown = stage.call(worker, "GET", f"/applications/{moved['id']}", "查看为什么退回", show="state version").json()
    stage.say(f"退回意见：{shown['timeline'][-1]['note']}")
    form |= {"school": "汕头大学（本科）", "other_grants": [{"giver": "街道慈善会", "amount_fen": 100_000}]}
    draft = stage.call(
        worker, "PUT", f"/applications/{moved['id']}", "改好表单", json={"form": form}, version=shown["version"],
        show="state version",
    ).json()  # fmt: skip
    moved = submit(stage, worker, draft, "再次提交")
    stage.say(f"其他资助已扣除，本次 {moved['decision']['amount_fen'] / 100:,.2f} 元")
    tell_changes(stage, cast, moved)
    moved = act(stage, cast["clerk-longhu"], moved, "accept", "再次受理")
    moved = act(stage, cast["chair-longhu"], moved, "approve", "单位审核通过")
    moved = act(stage, cast["leader-longhu"], moved, "approve", "区总工会审核通过")
    moved = act(stage, cast["leader-city"], moved, "approve", "市总工会批准，但还没有金秋助学的预算")
    moved = money.waits_for_money(stage, cast, moved)
    return objected_to(stage, cast, moved, "reviewer-longhu")


def secondary_medical(stage: Stage, cast: Cast) -> dict[str, Any]:
    stage.scene("住院二次医保：按结算单给付，不公示")
    draft = new_application(stage, cast["worker-chen"], "secondary_medical", hospital_stay(30, 18))
    moved = submit(stage, cast["worker-chen"], draft)
    tell_decision(stage, moved["decision"])
    moved = act(stage, cast["clerk-longhu"], moved, "accept", "受理")
    moved = act(stage, cast["chair-longhu"], moved, "approve", "单位审核通过")
    moved = refused_and_undone(stage, cast, supplemented(stage, cast, moved))
    moved = act(stage, cast["reviewer-longhu"], moved, "approve", "区总工会审核通过")
    moved = act(stage, cast["mutual-aid"], moved, "approve", "互助保障办核定")
    stage.check("不经公示，直接进入待发放", moved["state"] == "approved")
    return moved | {"kind": "secondary_medical"}


def new_household(stage: Stage, cast: Cast) -> None:
    stage.scene("先建档、后帮扶：新职工填写家庭档案")
    worker = cast["worker-fang"]
    household = {"file_active": False, "income_fen_yearly": 900_000, "rigid_spending_fen": 0, "members": 1}
    found = policies.screen(stage, worker, {"household": household}, "还没有档案，先问一问")
    form = found["hardship_aid"]["form"] | {"requested_fen": 100_000, "reason": "刚失业"}
    stage.call(
        worker, "POST", "/applications", "还没有实名就来申请", expect=409, json={"kind": "hardship_aid", "form": form}
    )
    number = synthetic_number("990001", "19850607", 2)
    stage.call(
        worker, "PUT", "/me/identity", "实名认证", json={"name": worker.name, "id_number": number},
        show="name_masked verified",
    )  # fmt: skip
    consent(stage, worker, ("privacy_policy", "sensitive_finance", "public_notice"))
    stage.call(worker, "GET", "/me/household", "还没有家庭档案", expect=404)
    file: dict[str, Any] = {"address": "龙湖区金霞街道", "members": []}
    saved = stage.call(
        worker, "PUT", "/me/household", "在手机上填了两项先保存", json=file, show="number state version"
    ).json()
    stage.say(f"还有 {len(saved['warnings'])} 处待填，草稿已保存")
    file |= {
        "head": {"name": worker.name, "id_number": number, "health": "healthy", "organisation_code": UNIT},
        "division_code": "440507",
        "housing": "private_rental",
        "income_fen_yearly": 900_000,
        "rigid_spending": [],
        "primary_cause": "laid_off",
    }
    saved = stage.call(
        worker, "PUT", "/me/household", "补全", json=file, version=saved["version"], show="number state warnings"
    ).json()
    moved = stage.call(
        worker, "POST", "/me/household/submit", "提交建档", version=saved["version"], show="state version"
    ).json()
    moved = households.opened(stage, cast, moved)
    waiting = submit(stage, worker, new_application(stage, worker, "hardship_aid", form))
    households.left_and_back(stage, cast, moved, file, waiting)


def who_looked(stage: Stage, cast: Cast) -> None:
    stage.scene("谁看过我的信息")
    looks = stage.call(cast["worker-chen"], "GET", "/me/access_log?limit=100", "查看访问记录").json()["items"]
    opened = [look for look in looks if look["action"] == "application.opened"]
    stage.check(f"办理人员每次打开案件都有记录（{len(opened)} 次）", len(opened) > 0)
