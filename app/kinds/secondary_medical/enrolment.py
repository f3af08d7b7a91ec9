"""Whether a unit may enrol a list of its people, and for which days. Pure.

The scheme says who (age, share of the staff, everybody in a small unit, a least number) and how long. What people
enrolled earlier in the same unit counts towards the share.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from app.kernel.money import WHOLE_BP
from app.kinds.secondary_medical.scheme import Enrolment, Policy, UniformTerm, UniformTerms, YearFromStart
from app.policy.decision import Reason
from app.policy.periods import months_after
from app.policy.wording import day_text, percent_text

_MESSAGES: Final = {
    "duplicate": "名单中有重复的身份证号。",
    "too_young": "参保之日未满{years}周岁。",
    "too_old": "参保之日已超过{years}周岁。",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitList:
    """What a unit asks: its staff, how many of them are covered on that day already, and who is to be added.

    `people`: the birth date of each, in the order of the list; `repeated`: the places of those listed before.
    """

    applied_on: date
    starts_on: date
    staff_count: int
    covered_before: int
    people: tuple[date, ...]
    repeated: frozenset[int] = frozenset()


class Unfit(NamedTuple):
    """One person of the list who cannot be enrolled: the place in the list, a stable code, plain Chinese."""

    place: int
    code: str
    text: str


class Answer(NamedTuple):
    """Accepted exactly when every reason is met and nobody is unfit. `ends_on` None: no term can begin so."""

    reasons: tuple[Reason, ...]
    unfit: tuple[Unfit, ...]
    ends_on: date | None

    @property
    def accepted(self) -> bool:
        return not self.unfit and all(reason.met for reason in self.reasons)


def judge_unit(asked: UnitList, policy: Policy) -> Answer:
    """Every rule of enrolment, asked of a unit's list under the version in force when the cover starts."""
    ends_on = term_end(policy, asked.starts_on)
    reasons = [_term(asked, policy, ends_on), _not_before(asked, policy)]
    if isinstance(policy.term, UniformTerms):
        reasons.append(_enrolment_days(asked, policy.term))
    enrolment = policy.enrolment
    if enrolment is None:
        return Answer(tuple(reasons), tuple(_repeated(asked)), ends_on)
    reasons += _counts(asked, enrolment)
    return Answer(tuple(reasons), (*_repeated(asked), *_ages(asked, enrolment)), ends_on)


def term_end(policy: Policy, starts_on: date) -> date | None:
    """The last day of a cover that starts then; None if no term of the scheme holds that day."""
    if isinstance(policy.term, YearFromStart):
        return months_after(starts_on, policy.term.months) - timedelta(days=1)
    term = _uniform(policy.term, starts_on)
    return term.ends_on if term and term.ends_on > starts_on else None


def _uniform(terms: UniformTerms, day: date) -> UniformTerm | None:
    return next((term for term in terms.terms if term.starts_on <= day <= term.ends_on), None)


def _term(asked: UnitList, policy: Policy, ends_on: date | None) -> Reason:
    return Reason(
        "term_open",
        ends_on is not None,
        "开始日期在计划的保障期内",
        _term_text(policy),
        f"{day_text(asked.starts_on)}开始",
        policy.term.source,
    )


def _term_text(policy: Policy) -> str:
    if isinstance(policy.term, YearFromStart):
        return f"从开始之日起{policy.term.months}个月"
    return "；".join(f"{day_text(term.starts_on)}至{day_text(term.ends_on)}" for term in policy.term.terms)


def _not_before(asked: UnitList, policy: Policy) -> Reason:
    """A stay that has already happened must not be insured afterwards."""
    return Reason(
        "not_backdated",
        asked.starts_on >= asked.applied_on,
        "保障期不早于办理之日开始",
        f"{day_text(asked.applied_on)}或以后开始",
        f"{day_text(asked.starts_on)}开始",
        policy.term.source,
    )


def _enrolment_days(asked: UnitList, terms: UniformTerms) -> Reason:
    term = _uniform(terms, asked.starts_on)
    return Reason(
        "enrolment_open",
        term is not None and term.enrol_from <= asked.applied_on <= term.enrol_until,
        "在办理期限内",
        f"{day_text(term.enrol_from)}至{day_text(term.enrol_until)}办理" if term else "在计划的办理期限内",
        f"{day_text(asked.applied_on)}办理",
        terms.source,
    )


def _counts(asked: UnitList, enrolment: Enrolment) -> Iterator[Reason]:
    enrolled, staff = asked.covered_before + len(asked.people) - len(asked.repeated), asked.staff_count
    given, source = f"在职职工{staff}人，参保{enrolled}人", enrolment.source
    yield Reason("within_staff", enrolled <= staff, "参保人数不超过在职职工人数", f"不超过{staff}人", given, source)
    if enrolment.min_persons is not None:
        needed = f"不少于{enrolment.min_persons}人"
        yield Reason("enough_persons", enrolled >= enrolment.min_persons, "达到最少参保人数", needed, given, source)
    small = enrolment.all_if_below_staff
    if small is not None and staff < small:
        needed = f"在职职工少于{small}人，应全员{staff}人参保"
        yield Reason("everybody_enrolled", enrolled >= staff, "小单位全员参保", needed, given, source)
    elif enrolment.min_ratio_bp is not None:
        least = -(-staff * enrolment.min_ratio_bp // WHOLE_BP)
        needed = f"不少于在职职工的{percent_text(enrolment.min_ratio_bp)}，即{least}人"
        yield Reason("ratio_reached", enrolled >= least, "达到参保比例", needed, given, source)


def _repeated(asked: UnitList) -> Iterator[Unfit]:
    for place in sorted(asked.repeated):
        yield Unfit(place, "duplicate", _MESSAGES["duplicate"])


def _ages(asked: UnitList, enrolment: Enrolment) -> Iterator[Unfit]:
    for place, born in enumerate(asked.people):
        age = _age(born, asked.starts_on)
        if enrolment.min_age_years is not None and age < enrolment.min_age_years:
            yield Unfit(place, "too_young", _MESSAGES["too_young"].format(years=enrolment.min_age_years))
        elif enrolment.max_age_years is not None and age > enrolment.max_age_years:
            yield Unfit(place, "too_old", _MESSAGES["too_old"].format(years=enrolment.max_age_years))


def _age(born: date, on: date) -> int:
    """Completed years (周岁)."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
