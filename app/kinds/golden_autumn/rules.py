"""How much Golden Autumn grant (金秋助学) a student gets for an academic year. Pure; amounts in fen.

Months of the minimum living standard by stage and class of hardship, less what others give for the same year. The
household is the parent's, the student one of its members, the grant one per student and academic year.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from app.households.rules import (
    CATEGORY_NAMES,
    ByCategory,
    CategoryPolicy,
    Classification,
    HouseholdFacts,
    standing,
)
from app.kernel.money import Fen, yuan
from app.policy.decision import Decision, Finding, TraceStep, cite, decide, finding
from app.policy.fields import Frozen
from app.policy.versions import Version
from app.policy.wording import day_text

KIND: Final = "golden_autumn"

Stage = Literal["senior_high", "secondary_vocational", "junior_college", "undergraduate", "postgraduate"]
Enrolment = Literal["new", "continuing"]

_STAGE_NAMES: Final[dict[Stage, str]] = {
    "senior_high": "普通高中",
    "secondary_vocational": "中等职业学校",
    "junior_college": "大专（高职）",
    "undergraduate": "本科",
    "postgraduate": "研究生",
}


class MonthDay(Frozen):
    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=31)]

    @model_validator(mode="after")
    def falls_in_every_year(self) -> Self:
        self.of(2001)
        return self

    def of(self, year: int) -> date:
        return date(year, self.month, self.day)


class StageTable(Frozen):
    """Months of the standard for each class of hardship; the tuition above which a private school is out."""

    months: ByCategory
    high_fee_above_fen: Annotated[int, Field(ge=0)]


class Stages(Frozen):
    senior_high: StageTable
    secondary_vocational: StageTable
    junior_college: StageTable
    undergraduate: StageTable
    postgraduate: StageTable

    def of(self, stage: Stage) -> StageTable:
        table: StageTable = getattr(self, stage)
        return table


class Policy(Version):
    """Applications for academic year Y are taken from `opens` of Y to `closes_next_year` of Y+1, both included."""

    opens: MonthDay
    closes_next_year: MonthDay
    window_source: str
    grants_source: str
    high_fee_source: str
    stages: Stages


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules may know. None: not known.

    `student_is_member`: the student's number is among the household's members. `granted_for_this_year`: this student
    was granted, or has under way, a grant for the same academic year, whichever parent applied. `other_grants_fen`:
    what others give for the same year.
    """

    applied_on: date
    household: HouseholdFacts
    student_is_member: bool | None
    stage: Stage
    school_public: bool | None
    enrolment: Enrolment
    academic_year: int
    tuition_fen: Fen | None
    admitted_on: date | None
    granted_for_this_year: bool | None
    other_grants_fen: tuple[Fen, ...]


def assess(facts: Facts, policy: Policy, categories: CategoryPolicy, *, decided_on: date) -> Decision:
    """How much grant, or why none. `categories`: the household criteria in force on `facts.applied_on`."""
    household = standing(facts.household, categories)
    table_fen = _table_amount(facts, policy, household)
    others_fen = sum(facts.other_grants_fen)
    findings = [
        *household.findings,
        _member(facts, policy),
        _window(facts, policy),
        _one_grant(facts, policy),
        _school(facts, policy),
        *_admission(facts, policy),
        *(() if table_fen is None else (_left(table_fen, others_fen, policy),)),
    ]
    trace = [*household.trace, *_trace(facts, policy, household, table_fen)]
    return decide(cite(KIND, policy), findings, trace, (table_fen or 0) - others_fen, decided_on)


def _table_amount(facts: Facts, policy: Policy, household: Classification) -> Fen | None:
    """Months × standard, or None where the class or the standard is not known."""
    category, standard = household.hardship, facts.household.minimum_living_standard_fen
    if category is None or standard is None:
        return None
    return policy.stages.of(facts.stage).months.of(category) * standard


def _member(facts: Facts, policy: Policy) -> Finding:
    return finding(
        "student_in_household",
        facts.student_is_member,
        "学生是家庭档案中登记的家庭成员",
        needed="学生登记在家庭档案的成员中",
        given={True: "已登记", False: "没有登记", None: "暂时查不到"}[facts.student_is_member],
        source=policy.source,
        change="请先把学生补登到家庭档案的成员中，再申请",
        can_change=True,
    )


def _window(facts: Facts, policy: Policy) -> Finding:
    year = facts.academic_year
    opens, closes = policy.opens.of(year), policy.closes_next_year.of(year + 1)
    too_early = facts.applied_on < opens
    return finding(
        "academic_year_window",
        opens <= facts.applied_on <= closes,
        f"在{year}学年的受理时间内申请",
        needed=f"{day_text(opens)}到{day_text(closes)}申请",
        given=f"申请日{day_text(facts.applied_on)}",
        source=policy.window_source,
        change=f"请从{day_text(opens)}起申请" if too_early else f"{year}学年的申请已经截止，请核对学年是否填错",
        can_change=too_early,
    )


def _one_grant(facts: Facts, policy: Policy) -> Finding:
    granted = facts.granted_for_this_year
    return finding(
        "one_grant_per_academic_year",
        None if granted is None else not granted,
        "同一名学生每学年只资助一次",
        needed=f"{facts.academic_year}学年还没有领取或正在办理金秋助学",
        given={True: "已经领取或正在办理", False: "没有", None: "暂时查不到"}[granted],
        source=policy.source,
        change="由工会查核后重新计算" if granted is None else "本学年不能再申请，下一学年可以为下一学年另行申请",
    )


def _school(facts: Facts, policy: Policy) -> Finding:
    """Public, or private and not dear. Either fact missing is no answer, unless the other one settles it."""
    line = policy.stages.of(facts.stage).high_fee_above_fen
    dear = None if facts.tuition_fen is None else facts.tuition_fen > line
    met: bool | None = True if facts.school_public or dear is False else None
    if facts.school_public is False and dear:
        met = False
    kind = {True: "公办学校", False: "民办学校", None: "没有填写公办或民办"}[facts.school_public]
    fee = "没有填写学费" if facts.tuition_fen is None else f"学费每学年{yuan(facts.tuition_fen)}"
    return finding(
        "school_not_high_fee",
        met,
        "就读公办学校，或收费不高的民办学校",
        needed=f"公办学校，或学费每学年不超过{yuan(line)}的民办学校",
        given=f"{kind}，{fee}",
        source=policy.high_fee_source,
        change="请补填学校性质和学费"
        if met is None
        else "高收费民办学校不在资助范围；如学校性质或学费填写有误，请核对后修改",
        can_change=met is None,
    )


def _admission(facts: Facts, policy: Policy) -> Iterable[Finding]:
    """Asked only of new students."""
    if facts.enrolment != "new":
        return
    admitted_on = facts.admitted_on
    yield finding(
        "admission_given",
        True if admitted_on else None,
        "新生已经收到录取通知",
        needed="填写录取日期并上传录取通知书",
        given=day_text(admitted_on) if admitted_on else "没有填写录取日期",
        source=policy.source,
        change="请补填录取日期并上传录取通知书",
        can_change=True,
    )


def _left(table_fen: Fen, others_fen: Fen, policy: Policy) -> Finding:
    return finding(
        "grant_left_after_others",
        others_fen < table_fen,
        "其他单位的资助没有超过本项资助标准",
        needed=f"其他资助合计少于{yuan(table_fen)}",
        given=f"其他资助合计{yuan(others_fen)}",
        source=policy.grants_source,
        change="其他单位的资助已经达到标准，不重复资助；如填写有误，请核对后修改",
    )


def _trace(facts: Facts, policy: Policy, household: Classification, table_fen: Fen | None) -> tuple[TraceStep, ...]:
    category = household.hardship
    if table_fen is None or category is None:
        return ()
    months = policy.stages.of(facts.stage).months.of(category)
    text = f"{CATEGORY_NAMES[category]}家庭，{_STAGE_NAMES[facts.stage]}资助标准：{months}个月低保标准"
    return (
        TraceStep(step="stage_amount", text=text, amount_fen=table_fen),
        TraceStep(step="other_grants", text="减去其他单位的资助", amount_fen=-sum(facts.other_grants_fen)),
    )
