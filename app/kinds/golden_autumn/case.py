"""A case file of Golden Autumn (金秋助学), to be judged without any database (`aid policy evaluate`). Pure."""

from typing import Annotated

from pydantic import Field

from app.households.case import HouseholdCase, household_facts
from app.households.rules import criteria_of
from app.kinds.golden_autumn import rules
from app.kinds.golden_autumn.forms import GoldenAutumnForm
from app.kinds.golden_autumn.policy import Policy
from app.kinds.golden_autumn.rules import Facts
from app.policy.book import PolicyBook
from app.policy.decision import Decision
from app.policy.fields import Frozen, IsoDate
from app.policy.versions import CITY


class Case(Frozen):
    """一件金秋助学申请的全部事实。不知道的填 null，按不符合处理并说明原因。"""

    event_date: IsoDate = Field(description="申请日期；低保标准和助学标准按这一天")
    area: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = Field(default=CITY, description="地区代码，6位，默认汕头市")
    form: GoldenAutumnForm = Field(description="申请表，与小程序提交的相同")
    household: HouseholdCase | None = Field(description="家长的家庭档案；没有建档填 null")
    student_is_member: bool | None = Field(description="学生是否登记为家庭成员；查不到填 null")
    granted_for_this_year: bool | None = Field(
        description="该学生本学年是否已领取或正在办理（不论父母哪一方申请）；查不到填 null"
    )


def facts_of(case: Case, book: PolicyBook) -> Facts:
    """What the rules may know of the case, the standard of its day looked up."""
    form = case.form
    return Facts(
        applied_on=case.event_date,
        household=household_facts(case.household, case.event_date, case.area, book),
        student_is_member=case.student_is_member,
        stage=form.stage,
        school_public=form.school_public,
        enrolment=form.enrolment,
        academic_year=form.academic_year,
        tuition_fen=form.tuition_fen,
        admitted_on=form.admitted_on,
        granted_for_this_year=case.granted_for_this_year,
        other_grants_fen=tuple(grant.amount_fen for grant in form.other_grants),
        programme_type=form.programme_type or "ordinary",
    )


def judge_case(case: Case, policy: Policy, book: PolicyBook) -> Decision:
    """The decision by this version, with the criteria of its area. Raises NoPolicyInForce if there are none."""
    facts = facts_of(case, book)
    criteria = criteria_of(book, facts.household, case.event_date, policy.area)
    return rules.assess(facts, policy, criteria, decided_on=case.event_date)
