"""How much Golden Autumn grant (金秋助学) a student gets for an academic year. Pure; amounts in fen.

The fixed grant or the months of the minimum living standard of the stage and class of hardship, less what others give
for the same year. The household is the parent's, the student one of its members, the grant one per student and year.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any, Final, Literal

from app.households.criteria import CATEGORY_NAMES, Category, CategoryPolicy
from app.households.facts import HouseholdFacts
from app.households.rules import lifted, rests_on, review_findings, standing
from app.kernel.money import Fen, yuan
from app.kinds.golden_autumn.policy import Enrolment, Policy, ProgrammeType, Stage, StageTable
from app.policy.changes import decide
from app.policy.decision import Decision, Finding, Judged, Running, cite, finding, fulfilled
from app.policy.facts import added_later
from app.policy.wording import day_text

KIND: Final = "golden_autumn"
OfStudent = Literal["name", "schooling"]

STAGE_NAMES: Final[dict[Stage, str]] = {
    "senior_high": "普通高中",
    "secondary_vocational": "中等职业学校",
    "junior_college": "大专（高职）",
    "undergraduate": "本科",
    "postgraduate": "研究生",
}
_OF_STUDENT: Final[dict[OfStudent, str]] = {"name": "姓名", "schooling": "学业阶段"}
PROGRAMME_NAMES: Final[dict[ProgrammeType, str]] = {
    "ordinary": "普通招生",
    "military_academy": "军事院校",
    "fee_free_normal": "公费师范",
    "targeted": "定向培养",
    "sino_foreign": "中外合作办学",
    "high_fee_private": "高收费民办",
    "study_abroad": "出国留学",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules may know. None: not known.

    `student_is_member`: the student's number is among the household's members. `granted_for_this_year`: this student
    was granted, or has under way, a grant for the same academic year, whichever parent applied. `other_grants_fen`:
    what others give for the same year. `programme_type` is ordinary where the form names none. `otherwise_in_file`:
    what the file says of the student otherwise than the application does (None: not compared); it decides nothing, and
    a reviewer is told.
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
    programme_type: ProgrammeType = "ordinary"
    otherwise_in_file: tuple[OfStudent, ...] | None = added_later(None)


Asked = Finding[Facts]


def assess(facts: Facts, policy: Policy, criteria: CategoryPolicy, *, decided_on: date) -> Decision:
    """How much grant, or why none, and what would change it. `criteria`: those that govern the household's file."""
    cited = cite(KIND, policy, *rests_on(facts.household, criteria))
    return decide(cited, facts, lambda known: judge(known, policy, criteria), decided_on)


def judge(facts: Facts, policy: Policy, criteria: CategoryPolicy) -> Judged[Facts]:
    """Every rule's answer and the calculation."""
    household = standing(facts.household, criteria)
    table = policy.stages.of(facts.stage)
    findings = (
        *lifted(household.findings),
        *lifted(review_findings(facts.household)),
        _member(facts, policy),
        _window(facts, policy),
        _one_grant(facts, policy),
        *(_not_offered(policy, facts) if table is None else (_school(facts, table, policy),)),
        _programme(facts, policy),
        *(_admission(facts, policy) if facts.enrolment == "new" else ()),
    )
    category, standard = household.hardship, facts.household.minimum_living_standard_fen
    if table is None or category is None or standard is None:
        return Judged(findings)
    amount = _amount(facts, table, category, standard)
    left = _left(facts, amount.amount_fen, policy)
    _without_others(facts, amount, policy)
    return Judged((*findings, left), tuple(amount.steps), amount.amount_fen)


def _amount(facts: Facts, table: StageTable, category: Category, standard: Fen) -> Running:
    """The fixed grant within its cap, or the cap where no grant is fixed."""
    amount, months = Running(), table.cap_months.of(category)
    fixed = None if table.grant_fen is None else table.grant_fen.of(category)
    if fixed is not None:
        amount.to("stage_amount", f"{_whose(category, facts.stage)}：每学年定额", fixed)
        amount.at_most("stage_cap", f"最高不超过{months}个月低保标准", months * standard)
    else:
        amount.to("stage_amount", _months_text(category, facts.stage, months, standard), months * standard)
    return amount


@lru_cache(maxsize=256)
def _months_text(category: Category, stage: Stage, months: int, standard: Fen) -> str:
    return f"{_whose(category, stage)}：{months}个月低保标准，每月{yuan(standard)}"


def _whose(category: Category, stage: Stage) -> str:
    return f"{CATEGORY_NAMES[category]}家庭，{STAGE_NAMES[stage]}资助标准"


def _without_others(facts: Facts, amount: Running, policy: Policy) -> None:
    others_fen = sum(facts.other_grants_fen)
    if others_fen:
        left = max(amount.amount_fen - others_fen, 0) if policy.other_grants.rule == "deduct" else 0
        amount.to("other_grants", "减去其他单位的资助", left)


def _member(facts: Facts, policy: Policy) -> Asked:
    text, needed = "学生是家庭档案中登记的家庭成员", "学生登记在家庭档案的成员中"
    if facts.student_is_member:
        return fulfilled("student_in_household", text, needed, _registered(facts.otherwise_in_file), policy.source)
    unknown = facts.student_is_member is None
    return finding(
        "student_in_household",
        facts.student_is_member,
        text,
        needed,
        "暂时查不到" if unknown else "没有登记",
        policy.source,
        "由工会查核家庭档案的成员后重新计算" if unknown else "请先把学生补登到家庭档案的成员中，再申请",
        not unknown,
        lambda known: replace(known, student_is_member=True),
    )


def _registered(otherwise: tuple[OfStudent, ...] | None) -> str:
    if not otherwise:
        return "已登记"
    return f"已登记；档案中的{'、'.join([_OF_STUDENT[each] for each in otherwise])}与申请不同，请审核时核对"


def otherwise_in_file(
    name: str, stage: Stage, enrolment: Enrolment, in_file: Mapping[str, Any]
) -> tuple[OfStudent, ...]:
    """Where a member of the household, as the file has them, is otherwise than the application says.

    Who has just been admitted is still in the file at the stage before; what the file leaves open contradicts nothing.
    """
    found: list[OfStudent] = [] if in_file["name"] == name else ["name"]
    if enrolment == "continuing" and in_file.get("schooling") not in (None, stage):
        found.append("schooling")
    return tuple(found)


def _window(facts: Facts, policy: Policy) -> Asked:
    year, applied_on = facts.academic_year, facts.applied_on
    window = policy.windows.of(facts.enrolment)
    opens, closes = window.first(year), window.last(year)
    text, needed = _window_texts(year, opens, closes)
    given, source = f"申请日{day_text(applied_on)}", policy.windows.source
    too_early = applied_on < opens
    if not too_early and applied_on <= closes:
        return fulfilled("academic_year_window", text, needed, given, source)
    change = f"请从{day_text(opens)}起申请" if too_early else f"{year}学年的申请已经截止，请核对学年是否填错"
    return finding(
        "academic_year_window",
        False,
        text,
        needed,
        given,
        source,
        change,
        too_early,
        lambda known: _timely(known, policy),
    )


@lru_cache(maxsize=256)
def _window_texts(year: int, opens: date, closes: date) -> tuple[str, str]:
    return f"在{year}学年的受理时间内申请", f"{day_text(opens)}到{day_text(closes)}申请"


def _timely(facts: Facts, policy: Policy) -> Facts:
    window = policy.windows.of(facts.enrolment)
    latest = min(facts.applied_on, window.last(facts.academic_year))
    return replace(facts, applied_on=max(latest, window.first(facts.academic_year)))


def _one_grant(facts: Facts, policy: Policy) -> Asked:
    granted = facts.granted_for_this_year
    text = "同一名学生每学年只资助一次"
    needed = f"{facts.academic_year}学年还没有领取或正在办理金秋助学"
    if granted is False:
        return fulfilled("one_grant_per_academic_year", text, needed, "没有", policy.source)
    unknown = granted is None
    return finding(
        "one_grant_per_academic_year",
        None if unknown else False,
        text,
        needed,
        "暂时查不到" if unknown else "已经领取或正在办理",
        policy.source,
        "由工会查核后重新计算" if unknown else "本学年不能再申请，下一学年可以为下一学年另行申请",
        False,
        lambda known: replace(known, granted_for_this_year=False),
    )


def _not_offered(policy: Policy, facts: Facts) -> Iterable[Asked]:
    offered = policy.stages.offered()
    yield finding(
        "stage_offered",
        False,
        "申请的学段在资助范围内",
        "、".join(STAGE_NAMES[each] for each in offered),
        STAGE_NAMES[facts.stage],
        policy.stages.source,
        "这个学段不在本标准的资助范围内；如学段填写有误，请对照录取通知书核对后修改",
        False,
        lambda known: replace(known, stage=offered[-1]),
    )


def _school(facts: Facts, table: StageTable, policy: Policy) -> Asked:
    """Public, or private and not dear. Either fact missing is no answer, unless the other one settles it."""
    line, tuition, public = table.high_fee_above_fen, facts.tuition_fen, facts.school_public
    dear = None if tuition is None else tuition > line
    met = True if public or dear is False else False if public is False and dear else None
    text, needed = "就读公办学校，或收费不高的民办学校", _school_needed(line)
    kind = "公办学校" if public else "没有填写公办或民办" if public is None else "民办学校"
    given = f"{kind}，没有填写学费" if tuition is None else f"{kind}，学费每学年{yuan(tuition)}"
    source = policy.stages.high_fee_source
    if met:
        return fulfilled("school_not_high_fee", text, needed, given, source)
    change = (
        "请补填学校性质和学费" if met is None else "高收费民办学校不在资助范围；如学校性质或学费填写有误，请核对后修改"
    )
    return finding(
        "school_not_high_fee",
        met,
        text,
        needed,
        given,
        source,
        change,
        met is None,
        lambda known: replace(known, school_public=True),
    )


@lru_cache(maxsize=64)
def _school_needed(line_fen: Fen) -> str:
    return f"公办学校，或学费每学年不超过{yuan(line_fen)}的民办学校"


def _programme(facts: Facts, policy: Policy) -> Asked:
    excluded, given = policy.excluded_programmes, PROGRAMME_NAMES[facts.programme_type]
    text, needed = "就读类型在资助范围内", _programme_needed(excluded.types)
    if facts.programme_type not in excluded.types:
        return fulfilled("programme_not_excluded", text, needed, given, excluded.source)
    return finding(
        "programme_not_excluded",
        False,
        text,
        needed,
        given,
        excluded.source,
        f"{given}不在资助范围；如就读类型填写有误，请核对后修改",
        False,
        lambda known: replace(known, programme_type="ordinary"),
    )


@lru_cache(maxsize=64)
def _programme_needed(types: tuple[ProgrammeType, ...]) -> str:
    return f"不属于：{'、'.join(PROGRAMME_NAMES[each] for each in types)}" if types else "就读类型不限"


def _admission(facts: Facts, policy: Policy) -> Iterable[Asked]:
    """Asked only of new students: the stage and the year follow from the admission notice, never from age."""
    earliest, admitted_on = policy.admission.dated_from.of(facts.academic_year), facts.admitted_on
    met = None if admitted_on is None else earliest <= admitted_on <= facts.applied_on
    text, needed = "新生已经收到本学年的录取通知", _admission_needed(facts.academic_year, earliest)
    given = "没有填写录取日期" if admitted_on is None else f"录取日期{day_text(admitted_on)}"
    source = policy.admission.source
    if met:
        yield fulfilled("admission_given", text, needed, given, source)
        return
    yield finding(
        "admission_given",
        met,
        text,
        needed,
        given,
        source,
        "请补填录取日期并上传录取通知书" if met is None else "请对照录取通知书核对录取日期和学年后修改",
        True,
        lambda known: _admitted(known, policy),
    )


@lru_cache(maxsize=64)
def _admission_needed(year: int, earliest: date) -> str:
    return f"{year}学年的录取通知书，日期不早于{day_text(earliest)}、不晚于申请日"


def _admitted(facts: Facts, policy: Policy) -> Facts:
    earliest = policy.admission.dated_from.of(facts.academic_year)
    applied_on = max(facts.applied_on, earliest)
    return replace(facts, applied_on=applied_on, admitted_on=earliest)


def _left(facts: Facts, standard_fen: Fen, policy: Policy) -> Asked:
    others_fen, rule = sum(facts.other_grants_fen), policy.other_grants
    text = "其他单位的资助没有超过本项资助标准"
    needed = f"其他资助合计少于{yuan(standard_fen)}" if rule.rule == "deduct" else "没有其他单位的资助"
    given = f"其他资助合计{yuan(others_fen)}"
    if others_fen == 0 or (rule.rule == "deduct" and others_fen < standard_fen):
        return fulfilled("grant_left_after_others", text, needed, given, rule.source)
    return finding(
        "grant_left_after_others",
        False,
        text,
        needed,
        given,
        rule.source,
        "其他单位的资助已经达到标准，不重复资助；如填写有误，请核对后修改",
        False,
        lambda known: replace(known, other_grants_fen=()),
    )
