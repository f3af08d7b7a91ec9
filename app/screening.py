"""Screening (资格自测): one set of answers, asked of every kind of aid, and whether 低保 itself should be applied for.

Pure, and nothing is kept. A file is not needed to ask: whoever has none is told what there would be once it is opened
(先建档、后帮扶). What was not answered is not known, and the answer is then unknown, by the name of what is missing.
"""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field

from app.applications.path import Kind
from app.households.case import HouseholdCase, household_facts
from app.households.facts import HouseholdFacts
from app.households.rules import criteria_of
from app.kernel.money import Fen, half_up, yuan
from app.kinds.golden_autumn import entitlement as golden_autumn
from app.kinds.golden_autumn import rules as golden_autumn_rules
from app.kinds.golden_autumn.policy import Enrolment, ProgrammeType, Stage
from app.kinds.golden_autumn.policy import Policy as GoldenAutumnPolicy
from app.kinds.hardship_aid import entitlement as hardship_aid
from app.kinds.hardship_aid import rules as hardship_aid_rules
from app.kinds.hardship_aid.forms import AccidentCosts, MedicalCosts
from app.kinds.hardship_aid.policy import Policy as HardshipAidPolicy
from app.kinds.secondary_medical import case as secondary_medical
from app.kinds.secondary_medical import rules as secondary_medical_rules
from app.kinds.secondary_medical.forms import SecondaryMedicalForm
from app.policy.book import PolicyBook
from app.policy.decision import Judged, Reason
from app.policy.fields import Fen as AskedFen
from app.policy.fields import Frozen, IsoDate
from app.policy.versions import CITY, NoPolicyInForce

Likely = Literal["yes", "no", "unknown"]
_MONTHS: Final = 12


class StudentAnswers(Frozen):
    """孩子上学的情况。"""

    stage: Stage = Field(description="学段")
    enrolment: Enrolment = Field(default="continuing", description="new 新生，continuing 在读")
    school_public: bool | None = Field(default=None, description="是否公办学校")
    tuition_fen: AskedFen | None = Field(default=None, description="每学年学费，单位分")
    admitted_on: IsoDate | None = Field(default=None, description="录取日期（新生）")
    programme_type: ProgrammeType = Field(default="ordinary", description="就读类型")
    other_grants_fen: AskedFen = Field(default=0, description="其他单位本学年的资助合计，单位分")


class ClaimAnswers(Frozen):
    """住院的情况。"""

    form: SecondaryMedicalForm = Field(description="住院和医保结算单，与申请表相同")
    cover: secondary_medical.CaseCover | None = Field(default=None, description="住院二次医保的保障期；没有参保不填")


class Answers(Frozen):
    """一组回答，不知道的不填。金额单位分，收入和支出为全年合计。"""

    division_code: Annotated[str, Field(pattern=r"^[0-9]{6,12}$")] = Field(default=CITY, description="行政区划代码")
    household: HouseholdCase = Field(description="家庭情况；file_active 为是否已建立有效的困难职工档案")
    medical: MedicalCosts | None = Field(default=None, description="医疗费用")
    accident: AccidentCosts | None = Field(default=None, description="意外支出")
    student: StudentAnswers | None = Field(default=None, description="孩子上学的情况")
    claim: ClaimAnswers | None = Field(default=None, description="住院的情况")


class Screened(NamedTuple):
    """What a kind of aid would say, and a form to begin an application with."""

    kind: Kind
    likely: Likely
    amount_fen_max: Fen | None
    reasons: tuple[Reason, ...]
    form: dict[str, Any]


class DibaoHint(NamedTuple):
    """Whether the household seems to be below the minimum living standard, and should ask for 低保 too."""

    likely: Likely
    text: str
    source: str


def screen(answers: Answers, book: PolicyBook, on: date) -> tuple[Screened, ...]:
    """The answer of every kind on this day."""
    household = household_facts(answers.household, on, answers.division_code, book)
    return (
        _hardship_aid(answers, household, book, on),
        _golden_autumn(answers, household, book, on),
        _secondary_medical(answers, book, on),
    )


def dibao_hint(answers: Answers, book: PolicyBook, on: date) -> DibaoHint:
    """By the income alone, before any spending: what civil affairs looks at first."""
    household = household_facts(answers.household, on, answers.division_code, book)
    income, members = household.income_fen_yearly, household.members
    standard, source = household.minimum_living_standard_fen, household.minimum_living_standard_source
    if standard is None:
        return DibaoHint("unknown", "系统中没有当日的低保标准，请向街道（镇）民政部门咨询", source)
    if income is None or not members:
        return DibaoHint("unknown", "填写家庭全年收入和共同生活人数后，可以提示是否接近低保标准", source)
    per_head = yuan(half_up(income, _MONTHS * members))
    if income < standard * _MONTHS * members:
        text = f"家庭人均月收入约{per_head}，低于低保标准{yuan(standard)}，建议同时向街道（镇）民政部门申请低保"
        return DibaoHint("yes", text, source)
    return DibaoHint("no", f"家庭人均月收入约{per_head}，不低于低保标准{yuan(standard)}", source)


def _hardship_aid(answers: Answers, household: HouseholdFacts, book: PolicyBook, on: date) -> Screened:
    medical, accident = answers.medical, answers.accident
    form: dict[str, Any] = {}
    if medical is not None:
        form["medical"] = medical.model_dump(mode="json")
    if accident is not None:
        form["accident"] = accident.model_dump(mode="json")
    try:
        policy = book.in_force("hardship_aid", HardshipAidPolicy, on)
        criteria = criteria_of(book, household, on)
    except NoPolicyInForce:
        return _no_policy(Kind.HARDSHIP_AID, form)
    costs = (
        hardship_aid.Cost(max(medical.self_paid_fen - medical.mutual_aid_paid_fen, 0), medical.settled_on)
        if medical
        else None,
        hardship_aid.Cost(accident.caused_fen, accident.happened_on) if accident else None,
    )
    best: tuple[str, Judged[Any]] | None = None
    for asked in hardship_aid.questions(household, policy, on, *costs):
        # Temporary aid is for those without a file: it alone is asked of the household as it is.
        facts = asked if asked.item == "temporary" else replace(asked, household=_filed(household))
        judged = hardship_aid_rules.judge(facts, policy, criteria)
        if best is None or _rank(judged) > _rank(best[1]):
            best = asked.item, judged
    if best is None:
        return _no_policy(Kind.HARDSHIP_AID, form)
    item, judged = best
    needs_file = item != "temporary"
    screened = _screened(Kind.HARDSHIP_AID, judged, household if needs_file else None, {"item": item} | form)
    if screened.amount_fen_max:
        screened.form["requested_fen"] = screened.amount_fen_max
    return screened


def _golden_autumn(answers: Answers, household: HouseholdFacts, book: PolicyBook, on: date) -> Screened:
    told = answers.student
    if told is None:
        return _not_told(Kind.GOLDEN_AUTUMN, "孩子的学段和学校", "回答孩子上学的情况后，可以测算金秋助学")
    form = told.model_dump(mode="json", exclude={"other_grants_fen"}, exclude_none=True)
    try:
        policy = book.in_force("golden_autumn", GoldenAutumnPolicy, on)
        criteria = criteria_of(book, household, on)
    except NoPolicyInForce:
        return _no_policy(Kind.GOLDEN_AUTUMN, form)
    student = golden_autumn.Student(**{name: getattr(told, name) for name in golden_autumn.Student._fields})
    facts = golden_autumn.question(_filed(household), student, policy, on)
    judged = golden_autumn_rules.judge(facts, policy, criteria)
    return _screened(Kind.GOLDEN_AUTUMN, judged, household, form | {"academic_year": facts.academic_year})


def _secondary_medical(answers: Answers, book: PolicyBook, on: date) -> Screened:
    told = answers.claim
    if told is None:
        return _not_told(Kind.SECONDARY_MEDICAL, "住院和医保结算单", "回答住院的情况后，可以测算住院二次医保")
    form = told.form.model_dump(mode="json", exclude_none=True)
    case = secondary_medical.Case(
        event_date=on, area=f"{answers.division_code[:4]}00", form=told.form, cover=told.cover
    )
    try:
        policy = secondary_medical.policy_of(case, book)
    except NoPolicyInForce:
        return _no_policy(Kind.SECONDARY_MEDICAL, form)
    judged = secondary_medical_rules.judge(secondary_medical.facts_of(case, book), policy)
    return _screened(Kind.SECONDARY_MEDICAL, judged, None, form)


def _filed(household: HouseholdFacts) -> HouseholdFacts:
    """The household with a file in force, as it could be by the time that it applies."""
    return replace(household, file_active=True)


def _rank(judged: Judged[Any]) -> tuple[int, Fen]:
    """The most that there is; then what cannot be answered yet, in the order of the policy; then a refusal."""
    likely = _likely(judged)
    return (2, judged.amount_fen) if likely == "yes" else (1 if likely == "unknown" else 0, 0)


def _likely(judged: Judged[Any]) -> Likely:
    wanting = [each.reason.met for each in judged.findings if each.remedy]
    if not wanting:
        return "yes"
    return "no" if False in wanting else "unknown"


def _screened(kind: Kind, judged: Judged[Any], household: HouseholdFacts | None, form: dict[str, Any]) -> Screened:
    """`household`: as it is, where a file has to be opened first."""
    likely = _likely(judged)
    reasons = tuple(each.reason for each in judged.findings)
    if household is not None and household.file_active is not True:
        reasons = tuple(_to_be_filed(each) if each.rule == "household_file_active" else each for each in reasons)
    return Screened(kind, likely, judged.amount_fen if likely == "yes" else None, reasons, form)


def _to_be_filed(reason: Reason) -> Reason:
    return reason._replace(met=None, given="还没有有效的档案，申请前请先建档")


def _not_told(kind: Kind, what: str, text: str) -> Screened:
    reason = Reason("not_answered", None, text, what, "没有回答", "资格自测")
    return Screened(kind, "unknown", None, (reason,), {})


def _no_policy(kind: Kind, form: dict[str, Any]) -> Screened:
    text = "这一天还没有生效的政策，暂时不能测算"
    reason = Reason("policy_in_force", None, text, "有生效的政策", "没有", "资格自测")
    return Screened(kind, "unknown", None, (reason,), form)
