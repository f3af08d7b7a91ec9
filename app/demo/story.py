"""The story: three applications from sign-in to paid, a refusal, a return, a race, a retry, and a stranger."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from app.demo.stage import Person, Stage, StoryFailed, shown_of
from app.kernel.business_time import academic_year, business_date

WAIT_SECONDS = 30.0
Cast = dict[str, Person]


def tell(stage: Stage) -> None:
    """The whole story. Raises StoryFailed at the first step that is not as it should be."""
    stage.scene("登录：每个人用自己的微信（模拟器）登录")
    cast = {name: stage.enter(name) for name in CAST}
    stage.check(f"{len(cast)} 人登录成功", len(cast) == len(CAST))
    hardship_aid(stage, cast)
    golden_autumn(stage, cast)
    secondary_medical(stage, cast)
    refusal(stage, cast)
    new_household(stage, cast)
    who_looked(stage, cast)


CAST = (
    "worker-chen worker-wu worker-fang clerk-longhu chair-longhu reviewer-longhu leader-longhu leader-city mutual-aid "
    "finance-maker finance-checker clerk-chenghai auditor"
).split()


def hardship_aid(stage: Stage, cast: Cast) -> None:
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
    moved = notice(stage, cast, moved)
    pay(stage, cast, moved)


def golden_autumn(stage: Stage, cast: Cast) -> None:
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
    moved = act(stage, cast["clerk-longhu"], moved, "accept", "再次受理")
    moved = act(stage, cast["chair-longhu"], moved, "approve", "单位审核通过")
    moved = act(stage, cast["leader-longhu"], moved, "approve", "区总工会审核通过")
    moved = act(stage, cast["leader-city"], moved, "approve", "市总工会批准，进入公示")
    pay(stage, cast, notice(stage, cast, moved))


def secondary_medical(stage: Stage, cast: Cast) -> None:
    stage.scene("住院二次医保：按结算单给付，不公示")
    today = business_date(datetime.now(UTC))
    form = {
        "stay": {
            "hospital_code": "H44050700001",
            "hospital_name": "汕头市中心医院",
            "cause": "illness",
            "admitted_on": str(today - timedelta(days=30)),
            "discharged_on": str(today - timedelta(days=18)),
            "diagnosis": "肺炎",
        },
        "settlement": {
            "number": f"S{uuid4().hex[:12].upper()}",
            "settled_at": f"{today - timedelta(days=18)}T10:30:00+08:00",
            "medfee_sumamt_fen": 4_000_000,
            "fulamt_ownpay_amt_fen": 200_000,
            "overlmt_selfpay_fen": 0,
            "preselfpay_amt_fen": 100_000,
            "inscp_scp_amt_fen": 3_700_000,
            "act_pay_dedc_fen": 100_000,
            "hifp_pay_fen": 3_100_000,
            "hifob_pay_fen": 0,
            "cvlserv_pay_fen": 0,
            "maf_pay_fen": 0,
            "acct_pay_fen": 100_000,
            "psn_cash_pay_fen": 800_000,
        },
    }
    draft = new_application(stage, cast["worker-chen"], "secondary_medical", form)
    moved = submit(stage, cast["worker-chen"], draft)
    tell_decision(stage, moved["decision"])
    moved = act(stage, cast["clerk-longhu"], moved, "accept", "受理")
    moved = act(stage, cast["chair-longhu"], moved, "approve", "单位审核通过")
    moved = act(stage, cast["reviewer-longhu"], moved, "approve", "区总工会审核通过")
    moved = act(stage, cast["mutual-aid"], moved, "approve", "互助保障办核定")
    stage.check("不经公示，直接进入待发放", moved["state"] == "approved")
    pay(stage, cast, moved)


def refusal(stage: Stage, cast: Cast) -> None:
    stage.scene("不符合条件：每一条理由，以及怎样才会不同")
    worker = cast["worker-wu"]
    form = {"item": "living", "requested_fen": 300_000, "reason": "想申请生活救助"}
    draft = new_application(stage, worker, "hardship_aid", form)
    moved = submit(stage, worker, draft, state="rejected")
    tell_decision(stage, moved["decision"])
    failed = [reason for reason in moved["decision"]["reasons"] if reason["met"] is not True]
    stage.check("不予通过，理由齐全", moved["state"] == "rejected" and bool(failed))


def new_household(stage: Stage, cast: Cast) -> None:
    stage.scene("先建档、后帮扶：新职工填写家庭档案")
    worker = cast["worker-fang"]
    form = {"item": "living", "requested_fen": 100_000, "reason": "刚失业"}
    stage.call(
        worker, "POST", "/applications", "还没有实名就来申请", expect=409, json={"kind": "hardship_aid", "form": form}
    )
    stage.call(worker, "GET", "/me/household", "还没有家庭档案", expect=404)
    saved = stage.call(
        worker, "PUT", "/me/household", "在手机上填了两项先保存",
        json={"address": "龙湖区金霞街道", "members": []}, show="number state version",
    ).json()  # fmt: skip
    stage.say(f"还有 {len(saved['warnings'])} 处待填，草稿已保存")


def who_looked(stage: Stage, cast: Cast) -> None:
    stage.scene("谁看过我的信息")
    looks = stage.call(cast["worker-chen"], "GET", "/me/access_log?limit=100", "查看访问记录").json()["items"]
    opened = [look for look in looks if look["action"] == "application.opened"]
    stage.check(f"办理人员每次打开案件都有记录（{len(opened)} 次）", len(opened) > 0)


# ---- the pieces ----


def new_application(stage: Stage, worker: Person, kind: str, form: dict[str, Any]) -> dict[str, Any]:
    body = {"kind": kind, "form": form}
    draft: dict[str, Any] = stage.call(
        worker, "POST", "/applications", "填写申请", expect=201, json=body, show="number state version warnings"
    ).json()
    return draft


def submit(
    stage: Stage, worker: Person, draft: dict[str, Any], does: str = "提交申请", state: str = "submitted"
) -> dict[str, Any]:
    path = f"/applications/{draft['id']}/submit"
    moved: dict[str, Any] = stage.call(
        worker, "POST", path, does, version=draft["version"], show="state version"
    ).json()
    if moved["state"] != state:
        raise StoryFailed(f"expected {state}, got {moved['state']}: {moved['decision']['reasons']}")
    return moved


def retried_submit(stage: Stage, worker: Person, draft: dict[str, Any]) -> dict[str, Any]:
    """The answer was lost on the way, so the phone sends the same again."""
    key, path = str(uuid4()), f"/applications/{draft['id']}/submit"
    first = stage.call(worker, "POST", path, "提交申请", version=draft["version"], key=key, show="state version")
    again = stage.call(
        worker, "POST", path, "网络中断，手机自动重发同一请求", version=draft["version"], key=key, show="state version"
    )
    stage.check("得到第一次的回答，没有第二次提交", again.headers.get("idempotency-replayed") == "true")
    stage.check("两次回答完全相同", first.content == again.content)
    mine = stage.call(worker, "GET", "/applications", "我的申请列表").json()["items"]
    stage.check("只有一份申请", sum(item["id"] == draft["id"] for item in mine) == 1 == len(mine))
    moved: dict[str, Any] = first.json()
    return moved


def stranger(stage: Stage, cast: Cast, application_id: str) -> None:
    """A clerk of another district learns nothing, not even that it exists."""
    path = f"/staff/applications/{application_id}"
    stage.call(cast["clerk-chenghai"], "GET", path, "另一个区的经办人想打开这个案件", expect=404)
    tasks = stage.call(cast["clerk-chenghai"], "GET", "/staff/tasks", "看自己的待办").json()["items"]
    stage.check("待办里没有别的区的案件", tasks == [])


def race(stage: Stage, cast: Cast, moved: dict[str, Any]) -> dict[str, Any]:
    """Two approvers press at the same moment: one wins, the other is told."""
    approvers = [cast["reviewer-longhu"], cast["leader-longhu"]]
    for approver in approvers:
        stage.call(approver, "GET", f"/staff/applications/{moved['id']}", "打开案件", show="number state version")

    def press(approver: Person) -> httpx.Response:
        headers = approver.headers | {"Idempotency-Key": str(uuid4()), "If-Match": f'"{moved["version"]}"'}
        return stage.http.post(
            f"/staff/applications/{moved['id']}/actions", json={"action": "approve"}, headers=headers
        )

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(press, approvers))
    for approver, answer in sorted(zip(approvers, answers, strict=True), key=lambda pair: pair[1].status_code):
        stage.tell(approver, "与另一位同时点“通过”", answer, answer.status_code, "state version")
    statuses = sorted(answer.status_code for answer in answers)
    stage.check("只有一人成功，另一人被告知", statuses[0] == 200 and statuses[1] in (409, 412))
    winner: dict[str, Any] = next(answer for answer in answers if answer.status_code == 200).json()
    return winner


def act(
    stage: Stage, by: Person, moved: dict[str, Any], action: str, does: str, *, note: str | None = None
) -> dict[str, Any]:
    path = f"/staff/applications/{moved['id']}"
    case = stage.http.get(path, headers=by.headers)
    if action not in case.json().get("open_actions", ()):
        raise StoryFailed(f"{by.name} may not {action}: {shown_of(case, 'state open_actions')}")
    body = {"action": action} | ({"note": note} if note else {})
    done: dict[str, Any] = stage.call(
        by, "POST", f"{path}/actions", does, json=body, version=moved["version"], show="state version"
    ).json()
    return done


def notice(stage: Stage, cast: Cast, moved: dict[str, Any]) -> dict[str, Any]:
    """The public notice: masked, and no money before it has ended."""
    stage.call(
        cast["finance-maker"], "POST", f"/staff/applications/{moved['id']}/actions", "公示期内想先付款",
        expect=409, json={"action": "start_payment"}, version=moved["version"],
    )  # fmt: skip
    mine = stage.http.get(f"/applications/{moved['id']}", headers=cast["worker-chen"].headers).json()
    line = _until(lambda: _notice_of(stage, mine["number"]), "the notice was not published")
    stage.say(f"公示：{line['name_masked']} {line['organisation']} {line['amount_fen'] / 100:,.2f} 元")
    stage.say(f"正式环境公示 {line['working_days']} 个工作日；演示环境缩短为几秒")
    shown: dict[str, Any] = _until(lambda: _if_state(stage, cast, moved["id"], "approved"), "the notice did not end")
    stage.check("公示期满，自动进入待发放", shown["state"] == "approved")
    stage.check("期满后公示已撤下", _notice_of(stage, mine["number"]) is None)
    return shown


def _notice_of(stage: Stage, number: str) -> dict[str, Any] | None:
    items = stage.http.get("/public/notices?limit=100").json()["items"]
    return next((item for item in items if item["number"] == number), None)


def _if_state(stage: Stage, cast: Cast, application_id: str, state: str) -> dict[str, Any] | None:
    shown: dict[str, Any] = stage.http.get(
        f"/applications/{application_id}", headers=cast["worker-chen"].headers
    ).json()
    return shown if shown["state"] == state else None


def _until(found: Any, otherwise: str) -> Any:
    give_up = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < give_up:
        result = found()
        if result is not None:
            return result
        time.sleep(0.2)
    raise StoryFailed(otherwise)


def pay(stage: Stage, cast: Cast, moved: dict[str, Any]) -> None:
    moved = act(stage, cast["finance-maker"], moved, "start_payment", "制单付款")
    moved = act(stage, cast["finance-checker"], moved, "confirm_payment", "复核，确认已付")
    shown = stage.call(
        cast["worker-chen"], "GET", f"/applications/{moved['id']}", "看到钱已发放", show="number state amount_fen"
    ).json()
    stage.check("状态为已发放", shown["state"] == "paid")


def tell_decision(stage: Stage, decision: dict[str, Any]) -> None:
    for reason in decision["reasons"]:
        mark = {True: "符合", False: "不符合", None: "无法判断"}[reason["met"]]
        stage.say(f"{mark}：{reason['text']}（要求：{reason['needed']}；您的情况：{reason['given']}）")
    for change in decision["changes"]:
        stage.say(f"可以改变：{change['text']}" if change["can_change"] else f"不能改变：{change['text']}")
    stage.say(
        f"结果 {decision['outcome']}，{decision['amount_fen'] / 100:,.2f} 元，依据 {decision['policy']['source']}"
    )
