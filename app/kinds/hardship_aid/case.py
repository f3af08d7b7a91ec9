"""A case file of hardship aid (困难帮扶), to be judged without any database (`aid policy evaluate`). Pure."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from app.households.case import HouseholdCase, household_facts
from app.households.rules import criteria_of
from app.kinds.hardship_aid import rules
from app.kinds.hardship_aid.facts import Facts, Granted
from app.kinds.hardship_aid.forms import HardshipAidForm
from app.kinds.hardship_aid.policy import AidKind, Item, Policy
from app.policy.book import PolicyBook
from app.policy.decision import Decision
from app.policy.fields import Fen, Frozen, IsoDate
from app.policy.versions import CITY


class PaidBefore(Frozen):
    """本年度已发放或正在办理的一笔帮扶。"""

    kind: AidKind = Field(description="帮扶种类")
    item: Item | None = Field(default=None, description="困难帮扶的项目；其他种类填 null")
    amount_fen: Fen = Field(description="金额，分")


class Case(Frozen):
    """一件困难帮扶申请的全部事实。不知道的填 null，按不符合处理并说明原因。"""

    event_date: IsoDate = Field(description="申请日期；低保标准、救助标准和年度上限按这一天")
    area: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = Field(default=CITY, description="地区代码，6位，默认汕头市")
    form: HardshipAidForm = Field(description="申请表，与小程序提交的相同")
    household: HouseholdCase | None = Field(description="家庭档案；没有建档填 null")
    paid_before: list[PaidBefore] = Field(
        default_factory=list, description="本年度这一家庭已发放或正在办理的各项帮扶，不含本次"
    )
    temporary_paid_before_fen: Fen | None = Field(
        default=0, description="本年度申请人本人已发放或正在办理的临时救助，分；查不到填 null"
    )
    mutual_aid_found_fen: Fen | None = Field(
        default=0, description="系统查到的住院二次医保对同一次费用已付或在办的金额，分；查不到填 null"
    )
    same_bill_aided_before_fen: Fen = Field(default=0, description="同一次费用以前已得到或在办的医疗救助，分")


def facts_of(case: Case, book: PolicyBook) -> Facts:
    """What the rules may know of the case, the standard of its day looked up."""
    form = case.form
    facts = Facts(
        applied_on=case.event_date,
        household=household_facts(case.household, case.event_date, case.area, book),
        item=form.item,
        requested_fen=form.requested_fen,
        granted_this_year=tuple(Granted(kind=p.kind, item=p.item, amount_fen=p.amount_fen) for p in case.paid_before),
        temporary_granted_this_year_fen=case.temporary_paid_before_fen,
        medical_self_paid_fen=form.medical.self_paid_fen if form.medical else None,
        medical_mutual_aid_paid_fen=form.medical.mutual_aid_paid_fen if form.medical else None,
        medical_settled_on=form.medical.settled_on if form.medical else None,
        mutual_aid_found_fen=case.mutual_aid_found_fen,
        medical_aided_before_fen=case.same_bill_aided_before_fen,
        accident_caused_fen=form.accident.caused_fen if form.accident else None,
        accident_happened_on=form.accident.happened_on if form.accident else None,
    )
    return replace(facts, household=rules.household_shown(facts))


def judge_case(case: Case, policy: Policy, book: PolicyBook) -> Decision:
    """The decision by this version, with the criteria of its area. Raises NoPolicyInForce if there are none."""
    facts = facts_of(case, book)
    criteria = criteria_of(book, facts.household, case.event_date, policy.area)
    return rules.assess(facts, policy, criteria, decided_on=case.event_date)
