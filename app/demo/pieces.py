"""What several scenes of the story do in the same way."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from app.demo.stage import Person, Stage, StoryFailed, shown_of
from app.kernel.business_time import business_date
from app.kernel.identifiers import check_digit

WAIT_SECONDS = 30.0
Cast = dict[str, Person]


def new_application(
    stage: Stage, worker: Person, kind: str, form: dict[str, Any], does: str = "填写申请"
) -> dict[str, Any]:
    body = {"kind": kind, "form": form}
    draft: dict[str, Any] = stage.call(
        worker, "POST", "/applications", does, expect=201, json=body, show="number state version"
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
    stage: Stage,
    by: Person,
    moved: dict[str, Any],
    action: str,
    does: str,
    *,
    note: str | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    path = f"/staff/applications/{moved['id']}"
    case = stage.http.get(path, headers=by.headers)
    if action not in case.json().get("open_actions", ()):
        raise StoryFailed(f"{by.name} may not {action}: {shown_of(case, 'state open_actions')}")
    body = {"action": action} | ({"note": note} if note else {}) | ({"reason_code": reason} if reason else {})
    done: dict[str, Any] = stage.call(
        by, "POST", f"{path}/actions", does, json=body, version=moved["version"], show="state version"
    ).json()
    return done


def notice(stage: Stage, cast: Cast, moved: dict[str, Any]) -> dict[str, Any]:
    """The public notice, masked, until it has ended."""
    mine = stage.http.get(f"/applications/{moved['id']}", headers=cast["worker-chen"].headers).json()
    line = until(lambda: notice_of(stage, mine["number"]), "the notice was not published")
    stage.say(f"公示：{line['name_masked']} {line['organisation']} {line['amount_fen'] / 100:,.2f} 元")
    stage.say(f"正式环境公示 {line['working_days']} 个工作日；演示环境缩短为几秒")
    shown: dict[str, Any] = until(lambda: if_state(stage, cast, moved["id"], "approved"), "the notice did not end")
    stage.check("公示期满，自动进入待发放", shown["state"] == "approved")
    stage.check("期满后公示已撤下", notice_of(stage, mine["number"]) is None)
    return shown


def notice_of(stage: Stage, number: str) -> dict[str, Any] | None:
    items = stage.http.get("/public/notices?limit=100").json()["items"]
    return next((item for item in items if item["number"] == number), None)


def if_state(
    stage: Stage, cast: Cast, application_id: str, state: str, worker: str = "worker-chen"
) -> dict[str, Any] | None:
    shown: dict[str, Any] = stage.http.get(f"/applications/{application_id}", headers=cast[worker].headers).json()
    return shown if shown["state"] == state else None


def until(found: Any, otherwise: str) -> Any:
    give_up = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < give_up:
        result = found()
        if result is not None:
            return result
        time.sleep(0.2)
    raise StoryFailed(otherwise)


def tell_decision(stage: Stage, decision: dict[str, Any]) -> None:
    """What is met in a line each; what is not with what was needed, what was given and where the figure is from."""
    for reason in decision["reasons"]:
        tell_reason(stage, reason)
    if decision["changes"]:
        stage.say("要使结果改变，以下各项缺一不可：")
    for change in decision["changes"]:
        stage.say(f"  可以改变：{change['text']}" if change["can_change"] else f"  不能改变：{change['text']}")
    amount = f"{decision['amount_fen'] / 100:,.2f} 元"
    stage.say(f"结果 {decision['outcome']}，{amount}，依据 {decision['policy']['source']}")


def tell_reason(stage: Stage, reason: dict[str, Any]) -> None:
    if reason["met"]:
        stage.say(f"符合：{reason['text']}（要求：{reason['needed']}；您的情况：{reason['given']}）")
        return
    stage.say(f"{'无法判断' if reason['met'] is None else '不符合'}：{reason['text']}（规则 {reason['rule']}）")
    for label, told in (("要求", "needed"), ("您的情况", "given"), ("依据", "source")):
        stage.say(f"  {label}：{reason[told]}")


def check_refusal(stage: Stage, decision: dict[str, Any]) -> None:
    """A refusal says of every rule that failed what was needed, given and by what text, and what would turn it."""
    failed = [reason for reason in decision["reasons"] if reason["met"] is not True]
    explained = all(reason[part] for reason in failed for part in ("text", "needed", "given", "source"))
    stage.check("没有做到的规则都写明了要求、实际情况和出处", bool(failed) and explained)
    changes = decision["changes"]
    stage.check(
        "写明了怎样才会不同，以及哪些能改变、哪些不能",
        bool(changes) and all(change["text"] and isinstance(change["can_change"], bool) for change in changes),
    )


def consent(stage: Stage, worker: Person, purposes: tuple[str, ...]) -> None:
    """Read each text, then agree to exactly that text."""
    texts = {text["purpose"]: text for text in stage.http.get("/consents").json()["items"]}
    for purpose in purposes:
        body = {"purpose": purpose, "sha256": texts[purpose]["sha256"]}
        stage.call(worker, "POST", "/me/consents", f"阅读并同意 {purpose}", expect=201, json=body, show="given_at")


def synthetic_number(region: str, birth: str, serial: int) -> str:
    """An identity number of nobody: regions from 99 on do not exist."""
    first17 = f"{region}{birth}{serial:03d}"
    return first17 + check_digit(first17)


def hospital_stay(admitted: int, discharged: int) -> dict[str, Any]:
    """A claim for a stay in hospital from so many days ago to so many, with a settlement of its own."""
    today = business_date(datetime.now(UTC))
    left = today - timedelta(days=discharged)
    return {
        "stay": {
            "hospital_code": "H44050700001",
            "hospital_name": "汕头市中心医院",
            "cause": "illness",
            "admitted_on": str(today - timedelta(days=admitted)),
            "discharged_on": str(left),
            "diagnosis": "肺炎",
        },
        "settlement": {
            "number": f"S{uuid4().hex[:12].upper()}",
            "settled_at": f"{left}T10:30:00+08:00",
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
