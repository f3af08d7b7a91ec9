"""Which class of hardship a household falls in, by the criteria of the day it was filed. Pure, exact, whole numbers.

Every aid from a file asks `standing` first: the file is in force (先建档、后帮扶), a class holds, nothing excludes.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from operator import attrgetter
from typing import Any, Final, NamedTuple

from app.households.comparing import (
    compares,
    holds,
    line,
    made_to_hold,
    spending_short,
    threshold,
    with_spending,
)
from app.households.criteria import CLASS_NAMES, Category, CategoryPolicy, Criterion, HardshipClass
from app.households.exclusions import exclusions, migrant_conditions
from app.households.facts import HouseholdFacts
from app.households.upkeep import KIND as UPKEEP
from app.households.wording import criterion_text, given_text, needed_text, sources_text, standard_text
from app.kernel.money import Fen, yuan
from app.policy.book import PolicyBook
from app.policy.decision import Cited, Finding, Remedy, finding, fulfilled
from app.policy.reference import UNKNOWN
from app.policy.versions import CITY

Asked = Finding[HouseholdFacts]

KIND: Final = "household_criteria"
_FILE_TEXT: Final = "家庭已建立困难职工档案，并且档案有效"
_FILE_NEEDED: Final = "困难职工档案已经建立并且有效"
_CLASS_TEXT: Final = "家庭属于可以帮扶的困难类别"
_REVIEW_TEXT: Final = "家庭档案的年度复核没有逾期太久"


class Classification(NamedTuple):
    """The criterion that holds (None: none does, or it cannot be judged: a finding says which), and every reason."""

    criterion: Criterion | None
    findings: tuple[Asked, ...]

    @property
    def hardship(self) -> Category | None:
        """The class by which the tables of aid are read; None where no aid is given."""
        return None if self.criterion is None else self.criterion.aid_as

    @property
    def category(self) -> HardshipClass | None:
        """The class as the criteria name it."""
        return None if self.criterion is None else self.criterion.category


def criteria_of(book: PolicyBook, facts: HouseholdFacts, applied_on: date, division_code: str = CITY) -> CategoryPolicy:
    """The criteria that govern a file: those of the day it was first submitted, whatever came later.

    Files older than the first criteria were all checked against them in 2016–17, so the first govern those; who has
    no file is judged by the criteria of the day of application. Raises NoPolicyInForce if no criteria are known.
    """
    on = facts.filed_on or applied_on
    of_area = book.of(KIND, CategoryPolicy)
    first = min((each.in_force_from for each in of_area), default=on)
    return book.in_force(KIND, CategoryPolicy, max(on, first), division_code)


def rests_on(facts: HouseholdFacts, policy: CategoryPolicy) -> tuple[Cited, ...]:
    """The versions that a judgement of the household stands on."""
    beside = {"minimum_living_standard": facts.minimum_living_standard_version, UPKEEP: facts.upkeep_version}
    return (Cited(KIND, policy.version), *(Cited(kind, named) for kind, named in beside.items() if named is not None))


def standing(facts: HouseholdFacts, policy: CategoryPolicy) -> Classification:
    """The class together with whether the file is in force and nothing excludes the household.

    Without any file there are no figures to miss: then the file alone is what is wanting.
    """
    asked = _file_finding(facts, policy)
    figures = (facts.income_fen_yearly, facts.rigid_spending_fen, facts.members)
    if facts.file_active is not True and figures == (None, None, None):
        return Classification(None, (asked,))
    found = classify(facts, policy)
    conditions = (*exclusions(facts, policy), *migrant_conditions(facts, policy))
    return Classification(found.criterion, (asked, *found.findings, *conditions))


def review_findings(facts: HouseholdFacts) -> tuple[Asked, ...]:
    """Whether the yearly verification is overdue for too long for new aid. Who must not be kept waiting (an accident,
    temporary aid) is not asked; nor is anybody of whom no due date is known."""
    days = facts.review_overdue_days
    if days is None:
        return ()
    grace = facts.review_grace_days
    allowed = "规定的天数（系统中没有）" if grace is None else f"{grace}天"
    given = f"已逾期{days}天" if days else "没有逾期"
    return (
        finding(
            "household_review_overdue",
            days == 0 or (None if grace is None else days <= grace),
            _REVIEW_TEXT,
            f"年度复核按期完成，或逾期不超过{allowed}（意外救助、临时救助不受此限）",
            given,
            facts.review_source,
            "请联系所在工会完成家庭档案的年度复核（入户、数据比对或书面声明），完成后即可申请",
            True,
            lambda known: replace(known, review_overdue_days=0),
        ),
    )


def classify(facts: HouseholdFacts, policy: CategoryPolicy) -> Classification:
    """The class, and the finding that says so. What could decide and is not known leaves it unknown, by name."""
    if unknown := _always_needed(facts, policy):
        return Classification(None, unknown)
    criterion, undecided = _first(facts, policy)
    if undecided:
        return Classification(None, _undecided(undecided, facts, policy))
    return Classification(criterion, (_class_finding(criterion, facts, policy),))


def class_of(facts: HouseholdFacts, policy: CategoryPolicy) -> tuple[Criterion | None, bool]:
    """The criterion that holds, and whether that can be judged: as `classify`, without a word."""
    if _always_needed(facts, policy):
        return None, False
    criterion, undecided = _first(facts, policy)
    return criterion, not undecided


def _first(facts: HouseholdFacts, policy: CategoryPolicy) -> tuple[Criterion | None, list[Criterion]]:
    """The first criterion that holds, if none before it is undecided; otherwise those that are."""
    undecided: list[Criterion] = []
    for criterion in policy.criteria:
        answer = holds(criterion, facts, policy)
        if answer is None:
            undecided.append(criterion)
        elif answer:
            return (None if undecided else criterion), undecided
    return None, undecided


def _has_aid(facts: HouseholdFacts, policy: CategoryPolicy) -> bool:
    criterion, _ = class_of(facts, policy)
    return criterion is not None and criterion.aid_as is not None


def lifted(
    findings: tuple[Asked, ...], seen: Callable[[Any], HouseholdFacts] = attrgetter("household")
) -> tuple[Finding[Any], ...]:
    """Findings about the household as findings about a kind's facts, which have it as `household`.

    `seen`: the household as that kind shows it to the criteria.
    """
    for each in findings:
        if each.remedy is not None:
            return tuple([_lifted(each, seen) for each in findings])
    return findings


def _lifted(found: Asked, seen: Callable[[Any], HouseholdFacts]) -> Finding[Any]:
    remedy = found.remedy
    if remedy is None:
        return found

    def applied(facts: Any) -> Any:
        return replace(facts, household=remedy.apply(seen(facts)))

    return Finding(found.reason, Remedy(remedy.rule, remedy.text, remedy.can_change, applied))


def _file_finding(facts: HouseholdFacts, policy: CategoryPolicy) -> Asked:
    if facts.file_active:
        return fulfilled("household_file_active", _FILE_TEXT, _FILE_NEEDED, "档案有效", policy.source)
    return finding(
        "household_file_active",
        facts.file_active,
        _FILE_TEXT,
        _FILE_NEEDED,
        "暂时查不到档案" if facts.file_active is None else "没有有效的档案",
        policy.source,
        "请先在“家庭档案”中填写并提交建档，审核通过后再申请",
        True,
        lambda known: replace(known, file_active=True),
    )


def _always_needed(facts: HouseholdFacts, policy: CategoryPolicy) -> tuple[Asked, ...]:
    """What every class needs: income, spending, size and the standard of the day."""
    figures = (facts.income_fen_yearly, facts.rigid_spending_fen, facts.minimum_living_standard_fen)
    if facts.members and None not in figures:
        return ()
    asked: list[Asked] = []
    if facts.income_fen_yearly is None:
        asked.append(_missing("household_income_unknown", "家庭全年收入", policy, income_fen_yearly=0))
    if facts.rigid_spending_fen is None:
        asked.append(_missing("household_rigid_spending_unknown", "家庭全年必要支出", policy, rigid_spending_fen=0))
    if not facts.members:
        asked.append(_missing("household_members_unknown", "共同生活的家庭人数", policy, members=1))
    if facts.minimum_living_standard_fen is None:
        asked.append(_no_standard(facts))
    return tuple(asked)


def _undecided(criteria: Iterable[Criterion], facts: HouseholdFacts, policy: CategoryPolicy) -> tuple[Asked, ...]:
    """Everything that is not known and could decide one of these criteria, each once."""
    wanted: dict[str, Asked] = {}
    for criterion in criteria:
        for each in _wanting(criterion, facts, policy):
            wanted.setdefault(each.reason.rule, each)
    return tuple(wanted.values())


def _wanting(criterion: Criterion, facts: HouseholdFacts, policy: CategoryPolicy) -> Iterable[Asked]:
    if criterion.causes and facts.primary_cause is None and not facts.circumstances:
        yield _missing("household_cause_unknown", "主要致困原因", policy, primary_cause=criterion.causes[0])
    if criterion.receives_dibao is not None and facts.receives_dibao is None:
        yield _missing("household_dibao_unknown", "是否享受低保", policy, receives_dibao=criterion.receives_dibao)
    if criterion.months_below is not None and facts.months_below is None:
        what = "收入连续低于低保标准的月数"
        yield _missing("household_months_below_unknown", what, policy, months_below=criterion.months_below)
    for each in criterion.all_of:
        if compares(each, facts, policy) is not None:
            continue
        if line(threshold(each, facts).of, facts) is None:
            yield _no_edge_line(facts)
        if each.measure == "accident_cost_year" or each.measure.startswith("after_event"):
            yield from _missing_costs(each.measure, facts, policy)


def _missing_costs(measure: str, facts: HouseholdFacts, policy: CategoryPolicy) -> Iterable[Asked]:
    if facts.accident_cost_fen is None:
        yield _missing("household_accident_cost_unknown", "意外造成的支出", policy, accident_cost_fen=0)
    if measure.startswith("after_event") and facts.grave_illness_cost_fen is None:
        yield _missing("household_illness_cost_unknown", "重病造成的支出", policy, grave_illness_cost_fen=0)
    if measure.endswith("assets_per_head_month") and facts.financial_assets_fen is None:
        yield _missing("household_assets_unknown", "家庭金融资产（存款和投资）", policy, financial_assets_fen=0)


def _missing(rule: str, what: str, policy: CategoryPolicy, **filled: Any) -> Asked:
    return finding(
        rule,
        None,
        f"判断家庭困难类别需要知道{what}",
        f"家庭档案中填有{what}",
        "没有填写",
        policy.source,
        f"请在家庭档案中补填{what}",
        True,
        lambda known: replace(known, **filled),
    )


def _no_standard(facts: HouseholdFacts) -> Asked:
    return _missing_line(UNKNOWN, "低保标准", facts, minimum_living_standard_fen=100_000)


def _no_edge_line(facts: HouseholdFacts) -> Asked:
    above = (facts.minimum_living_standard_fen or 0) * 3 // 2
    return _missing_line("edge_line_unknown", "低保边缘线", facts, edge_line_fen=above)


def _missing_line(rule: str, what: str, facts: HouseholdFacts, **published: Any) -> Asked:
    return finding(
        rule,
        None,
        f"计算需要申请当日的{what}",
        f"申请当日公布的{what}",
        f"系统中没有当日的{what}",
        standard_text(facts.minimum_living_standard_source, facts.minimum_living_standard_from),
        f"由工会补录当日的{what}后重新计算，您不需要补交材料",
        False,
        lambda known: replace(known, **published),
    )


def _class_finding(criterion: Criterion | None, facts: HouseholdFacts, policy: CategoryPolicy) -> Asked:
    shown = policy.criteria if criterion is None else (criterion,)
    name = "不属于困难家庭" if criterion is None else CLASS_NAMES[criterion.category]
    source = sources_text(
        policy.source if criterion is None else criterion.source,
        facts.minimum_living_standard_source,
        facts.minimum_living_standard_from,
    )
    given = f"{name}。{given_text(shown, facts, policy)}"
    if criterion is not None and criterion.aid_as is not None:
        needed = criterion_text(criterion, facts)
        return fulfilled("household_category", _CLASS_TEXT, needed, given, source)
    short = _least_spending(facts, policy)
    return finding(
        "household_category",
        False,
        _CLASS_TEXT,
        needed_text((each for each in policy.criteria if each.aid_as), facts),
        given,
        source,
        _class_change(short),
        True,
        # Of the household that was judged it is known already what it is short of.
        lambda known: _as_a_class(known, policy, short if known is facts else _least_spending(known, policy)),
    )


def _class_change(short: Fen | None) -> str:
    """Names the least further yearly spending that would do, where spending alone decides."""
    if short is None:
        return "家庭收入、必要支出或人口有变化时，请更新家庭档案后再申请"
    return (
        f"如还有没有登记的医疗、残疾、就学等必要支出，请补充凭证并更新家庭档案：全年合计再有{yuan(short)}"
        "即可符合；收入或人口有变化时也请更新"
    )


def _least_spending(facts: HouseholdFacts, policy: CategoryPolicy) -> Fen | None:
    """The least further spending with which the household would be of a class with aid."""
    gaps = {gap for each in policy.criteria if each.aid_as and (gap := spending_short(each, facts, policy))}
    # The least first: what would do with more is not asked.
    return next((gap for gap in sorted(gaps) if _has_aid(with_spending(facts, gap), policy)), None)


def _as_a_class(facts: HouseholdFacts, policy: CategoryPolicy, short: Fen | None) -> HouseholdFacts:
    """The household as one of the classes with aid would have it; as it is, while its figures are not known.

    `short`: its least further spending.
    """
    if _always_needed(facts, policy) or _has_aid(facts, policy):
        return facts
    if short is not None:
        return with_spending(facts, short)
    suppositions = (made_to_hold(each, facts) for each in policy.criteria if each.aid_as)
    return next((each for each in suppositions if _has_aid(each, policy)), facts)
