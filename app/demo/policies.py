"""The scenes about rules: asking before applying, refusals, a unit's list, a new version of a policy, and replay."""

import json
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from app.demo.pieces import (
    Cast,
    check_refusal,
    new_application,
    submit,
    synthetic_number,
    tell_decision,
    tell_reason,
    until,
)
from app.demo.stage import Person, Stage
from app.kernel.business_time import business_date
from app.seed.personas import personas

UNIT = "440511-S01-U01"
STAFF_COUNT = 60
POLICIES = "/staff/policies"
LIKELY = {"yes": "可能", "no": "不可能", "unknown": "还不能判断"}


def screening(stage: Stage, cast: Cast) -> None:
    stage.scene("先测后填：一组回答，三种帮扶都测算，再从测算好的表单开始申请")
    worker = cast["worker-lin"]
    household = {
        "file_active": True,
        "income_fen_yearly": 4_200_000,
        "rigid_spending_fen": 1_560_000,
        "members": 4,
        "primary_cause": "child_schooling",
    }
    student = {"stage": "undergraduate", "school_public": True, "tuition_fen": 600_000}
    asked: dict[str, Any] = {"household": household, "student": student}
    first = screen(stage, worker, asked, "只回答了家庭和孩子上学")
    stage.check("没有回答住院情况的，不猜", first["secondary_medical"]["likely"] == "unknown")
    found = screen(stage, worker, asked | {"claim": {"form": _stay(), "cover": None}}, "再回答住院情况（没有参保）")
    likely = {kind: item["likely"] for kind, item in found.items()}
    stage.check(
        "困难帮扶、金秋助学可能得到，二次医保没有参保",
        likely == {"hardship_aid": "yes", "golden_autumn": "yes", "secondary_medical": "no"},
    )
    stage.check("没有保存任何内容", stage.http.get("/applications", headers=worker.headers).json()["items"] == [])
    prefilled = found["golden_autumn"]["form"]
    draft = new_application(stage, worker, "golden_autumn", prefilled, "用测算好的表单新建申请")
    for warning in draft["warnings"]:
        stage.say(f"还缺：{warning['pointer']} {warning['message']}")
    stage.check("回答过的都已填好，只缺姓名和学校", draft["form"] == prefilled and 0 < len(draft["warnings"]) <= 3)


def screen(stage: Stage, worker: Person, asked: dict[str, Any], does: str) -> dict[str, Any]:
    """One set of answers: what each kind of aid says, by kind."""
    answer = stage.call(worker, "POST", "/screening", f"资格自测：{does}", json=asked, show="decided_on").json()
    for item in answer["items"]:
        most = f"，最多 {item['amount_fen_max'] / 100:,.2f} 元" if item["amount_fen_max"] else ""
        stage.say(f"{item['kind']}：{LIKELY[item['likely']]}{most}")
        for reason in item["reasons"]:
            if reason["met"] is not True:
                tell_reason(stage, reason)
    dibao = answer["dibao"]
    stage.say(f"低保提示：{dibao['text']}（{dibao['source']}）")
    stage.check("三种帮扶和低保都有回答", len(answer["items"]) == len(LIKELY) and bool(dibao["text"]))
    return {item["kind"]: item for item in answer["items"]}


def _stay() -> dict[str, Any]:
    """A hospital stay of twelve days that ended last week, as the settlement sheet has it."""
    today = business_date(datetime.now(UTC))
    admitted, discharged = today - timedelta(days=20), today - timedelta(days=8)
    return {
        "stay": {
            "hospital_code": "H44051100001",
            "hospital_name": "汕头市第二人民医院",
            "cause": "illness",
            "admitted_on": str(admitted),
            "discharged_on": str(discharged),
            "diagnosis": "急性胆囊炎",
        },
        "settlement": {
            "number": f"S{uuid4().hex[:12].upper()}",
            "settled_at": f"{discharged}T10:30:00+08:00",
            "medfee_sumamt_fen": 2_000_000,
            "fulamt_ownpay_amt_fen": 100_000,
            "overlmt_selfpay_fen": 0,
            "preselfpay_amt_fen": 50_000,
            "inscp_scp_amt_fen": 1_850_000,
            "act_pay_dedc_fen": 100_000,
            "hifp_pay_fen": 1_400_000,
            "hifob_pay_fen": 0,
            "cvlserv_pay_fen": 0,
            "maf_pay_fen": 0,
            "acct_pay_fen": 50_000,
            "psn_cash_pay_fen": 550_000,
        },
    }


def refusals(stage: Stage, cast: Cast) -> None:
    stage.scene("不符合条件：哪一条没有做到，要求是什么，出自哪里，怎样才会不同")
    form: dict[str, Any] = {"item": "living", "requested_fen": 300_000, "reason": "想申请生活救助"}
    draft = new_application(stage, cast["worker-wu"], "hardship_aid", form)
    can = submit(stage, cast["worker-wu"], draft, state="rejected")["decision"]
    tell_decision(stage, can)
    check_refusal(stage, can)
    draft = new_application(stage, cast["worker-lin"], "secondary_medical", _stay())
    cannot = submit(stage, cast["worker-lin"], draft, state="rejected")["decision"]
    tell_decision(stage, cannot)
    check_refusal(stage, cannot)
    changeable = {change["can_change"] for decision in (can, cannot) for change in decision["changes"]}
    stage.check("前者能改变，后者不能：住院时没有参保，事后不能补", changeable == {True, False})


def enrolment(stage: Stage, cast: Cast) -> None:
    stage.scene("单位集体参保：整份名单要么全部登记，要么逐项说明原因")
    clerk, today = cast["clerk-jinping"], business_date(datetime.now(UTC))
    lin = next(who.id_number for who in personas() if who.sim_name == "worker-lin")
    listed = [lin, *(synthetic_number("990051", f"19{60 + n}0315", n) for n in range(30, 40))]
    body: dict[str, Any] = {"organisation_code": UNIT, "staff_count": STAFF_COUNT, "starts_on": str(today)}
    child = synthetic_number("990051", f"{today.year - 12}0315", 1)
    path = "/staff/covers/enrolments"
    refused = stage.call(
        clerk, "POST", path, "名单不足八成，还有一个未成年人", expect=422, json=body | {"id_numbers": [*listed, child]}
    ).json()
    for error in refused["errors"]:
        stage.say(f"{error['pointer']} {error['message']}")
    stage.check("逐项说明原因", {e["code"] for e in refused["errors"]} == {"ratio_reached", "too_young"})
    listed += [synthetic_number("990051", f"19{70 + n % 30}0720", 100 + n) for n in range(39)]
    done = stage.call(
        clerk, "POST", path, f"补齐名单，{len(listed)} 人一次登记", expect=201, json=body | {"id_numbers": listed},
        show="count starts_on ends_on policy_version",
    ).json()  # fmt: skip
    stage.check("名单上的人全部参保一年", done["count"] == len(listed) and done["ends_on"] > str(today))
    stage.call(clerk, "POST", path, "误把林少芬再登记一次", expect=409, json=body | {"id_numbers": [lin]})


def new_version(stage: Stage, cast: Cast, decided_id: str) -> None:
    stage.scene("政策变化：提出新版本，比较，预演，由另一人发布；以前的决定不变")
    reviewer, leader = cast["deputy-city"], cast["leader-city"]
    mine = f"/applications/{decided_id}"
    before = stage.http.get(mine, headers=cast["worker-chen"].headers).json()["decision"]
    proposal = _propose(stage, reviewer)
    path = f"{POLICIES}/{proposal['id']}"
    seen = stage.call(leader, "GET", path, "核对：与现行版本逐处比较", show="name in_force_from state").json()
    for difference in seen["diff"]:
        stage.say(f"{difference['label'] or difference['pointer']}：{difference['old']} → {difference['new']}")
    stage.check("改动的每一处都列出来了", len(seen["diff"]) == CHANGED)
    _rehearse(stage, reviewer, path)
    refused = stage.call(
        reviewer, "POST", f"{path}/publish", "想自己发布", expect=403, version=proposal["version"]
    ).json()
    stage.check("兼任负责人的，也不能发布自己提出的版本", refused["code"] == "same_person")
    stage.call(leader, "POST", f"{path}/publish", "核对后发布", version=proposal["version"], show="state version")
    stage.call(reviewer, "POST", f"{path}/withdraw", "发布后想撤回", expect=409, version=proposal["version"] + 1)
    after = stage.call(cast["worker-chen"], "GET", mine, "再看以前的决定", show="number state amount_fen").json()
    stage.check("以前的决定一字未变", after["decision"] == before)


CHANGED = 5
"""Places of the document that `_propose` changes: name, first day, source, and both parts of the line of relative
hardship."""


def _propose(stage: Stage, reviewer: Person) -> dict[str, Any]:
    """A version of the criteria whose relative hardship looks at the income before spending: some gain, some lose."""
    today = business_date(datetime.now(UTC))
    query = "kind=household_criteria&state=published&area=440500"
    versions = stage.call(reviewer, "GET", f"{POLICIES}?{query}", "现行的困难家庭认定口径").json()["items"]
    newest = max(versions, key=lambda version: version["in_force_from"])
    document = deepcopy(stage.http.get(f"{POLICIES}/{newest['id']}", headers=reviewer.headers).json()["document"])
    document |= {"version": f"演示-{today.year + 1}", "source": "演示用的认定口径（虚构）"}
    line = document["criteria"][1]["all_of"][0]
    line |= {"measure": "gross_per_head_month", "percent": 300}
    stage.say("相对困难：由“扣除支出后低于低保的200%”改为“不扣除支出，低于低保的300%”")
    body = {"kind": "household_criteria", "area": "440500", "document": document}
    operator, line["operator"] = line["operator"], "below"
    wrong = stage.call(reviewer, "POST", POLICIES, "“低于”写错了", expect=422, json=body).json()["errors"]
    stage.say(f"{wrong[0]['pointer']} {wrong[0]['message']}")
    line["operator"] = operator
    past = stage.call(reviewer, "POST", POLICIES, "忘了改生效日期", expect=422, json=body).json()
    stage.check("已经开始的日子不能改用新的政策", past["code"] == "policy_dated_in_past")
    document["in_force_from"] = str(date(today.year + 1, 1, 1))
    proposed: dict[str, Any] = stage.call(
        reviewer, "POST", POLICIES, "提出明年起的新版本", expect=201, json=body, show="state version"
    ).json()
    return proposed


def _rehearse(stage: Stage, reviewer: Person, path: str) -> None:
    asked = stage.call(
        reviewer, "POST", f"{path}/rehearsals", "预演：全市现有档案按新版本试算", expect=202, show="state percent"
    ).json()
    here = f"{path}/rehearsals/{asked['id']}"
    percents: list[int] = []

    def ended() -> dict[str, Any] | None:
        shown: dict[str, Any] = stage.http.get(here, headers=reviewer.headers).json()
        percents.append(shown["percent"])
        return shown if shown["state"] in ("done", "failed") else None

    until(ended, "the rehearsal did not end")
    done = stage.call(reviewer, "GET", here, "查看预演结果", show="state percent evaluated unevaluable").json()
    stage.say(f"进度：{' → '.join(f'{percent}%' for percent in dict.fromkeys(percents))}")
    stage.say(f"得到 {done['gains']}，失去 {done['loses']}，增加 {done['more']}，减少 {done['less']}（户×项目）")
    stage.say(f"合计 {done['before_fen'] / 100:,.2f} 元 → {done['after_fen'] / 100:,.2f} 元")
    for kind in sorted({cell["kind"] for cell in done["money"]}):
        sums = [
            sum(cell[part] for cell in done["money"] if cell["kind"] == kind) for part in ("before_fen", "after_fen")
        ]
        stage.say(f"  {kind}：{sums[0] / 100:,.2f} 元 → {sums[1] / 100:,.2f} 元")
    stage.check("预演完成", done["state"] == "done" and done["percent"] == 100)
    stage.check("有的户会得到，有的户会失去，发布之前就看得到", done["gains"] > 0 and done["loses"] > 0)
    lost = stage.call(reviewer, "GET", f"{here}/lines?effect=loses&limit=100", "失去的是哪些户").json()["items"]
    for line in lost[:2]:
        stage.say(f"档案 {line['household_id']} {line['item']}：{line['before_fen'] / 100:,.2f} 元 → 0.00 元")
    stage.check("逐户可查，与计数一致，没有个人信息", len(lost) == min(done["loses"], 100))


def replayed(stage: Stage) -> None:
    stage.scene("重新计算：每一份决定都用当时的事实和当时的版本再算一遍")
    counts = json.loads(stage.run("重新计算数据库里的全部决定", "replay"))
    stage.check(
        f"{counts['replayed']} 份决定，0 份不同", counts["different"] == 0 and counts["replayed"] == counts["same"] > 0
    )
