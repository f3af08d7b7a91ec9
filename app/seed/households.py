"""Invented households by the hundred: who lives there, what they earn, why they are poor. Pure.

All comes from one generator with a given seed, household by household: the first hundred of three hundred are the
hundred. Incomes are drawn around the minimum living standard of 2025, so that about 60 % are in hardship (in one
prefecture, 313 of 522 applications were archived).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from random import Random
from typing import Literal, TypeVar

from app.households.forms import Cause, Head, Health, HouseholdForm, Relation, Schooling, Spending
from app.seed.invented import (
    Covered,
    File,
    FileState,
    Hardship,
    Housing,
    Invented,
    Relative,
    Sex,
    household_form,
    id_number,
)
from app.seed.names import RARE_NAMES, full_name, surname
from app.seed.organisations import Union, units

MOST = 8_999
FIRST_NUMBER = 10_000
RARE_EVERY = 12
SCHOOL_YEAR = 2026
"""Ages and stages are of the school year that begins in September of this year."""

T = TypeVar("T")
Band = Literal["deep", "relative", "none"]
_BANDS: dict[Band, tuple[int, int]] = {"deep": (120, 850), "relative": (890, 1_720), "none": (1_780, 4_500)}
"""Net income per head and month, in yuan, clear of the lines at 872 and twice that."""
_BAND_WEIGHTS: dict[Band, int] = {"deep": 24, "relative": 36, "none": 40}
_STATES: dict[FileState, int] = {
    "active": 70, "submitted": 4, "unit_review": 2, "home_visit": 2, "district_review": 3, "means_check": 2,
    "city_approval": 1, "annual_review": 2, "relieved": 3, "lifted": 3, "cancelled": 2, "returned": 3, "draft": 3,
}  # fmt: skip
_STANDING = ("active", "annual_review")
_LEFT = ("lifted", "cancelled")
_COVERED: dict[Covered, int] = {"no": 55, "renewed": 35, "first_term": 10}
_HOUSING: dict[Housing, int] = {
    "self_built": 40, "private_rental": 22, "public_rental": 14, "commercial": 10, "affordable": 8, "employer": 6,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Reason:
    """A cause of hardship, how often, what it costs in yuan a year, and what the household asks for."""

    cause: Cause
    weight: int
    spending: Spending | None
    costs: tuple[int, int]
    demand: str


@dataclass(frozen=True, slots=True)
class _Head:
    number: int
    union: Union
    name: str
    family: str
    """The surname of the father's side: the children's, whatever the head is called."""
    sex: Sex
    birth: date

    @property
    def id_number(self) -> str:
        return id_number(self.number, self.birth, self.sex, 0)


_REASONS = (
    _Reason("serious_illness", 30, "illness", (15_000, 70_000), "治疗费用高，希望得到医疗救助。"),
    _Reason("child_schooling", 24, "schooling", (5_000, 22_000), "孩子上学开支大，希望得到助学帮扶。"),
    _Reason("no_labour_capacity", 12, "disability", (4_000, 18_000), "家人不能劳动，希望得到生活帮扶。"),
    _Reason("laid_off", 10, "necessary_work_cost", (1_500, 5_000), "下岗后收入不稳定，希望参加技能培训。"),
    _Reason("unemployed_able", 6, "necessary_work_cost", (1_500, 5_000), "希望介绍工作，参加技能培训。"),
    _Reason("accident", 6, "accident", (12_000, 60_000), "遭遇意外，希望得到意外救助。"),
    _Reason("no_social_insurance", 5, "illness", (3_000, 12_000), "没有参加社会保险，看病自费，希望得到帮扶。"),
    _Reason("natural_disaster", 3, "accident", (8_000, 40_000), "台风造成房屋受损，希望得到救助。"),
    _Reason("other", 4, None, (0, 0), "物价上涨，收入低，希望得到生活帮扶。"),
)
_SICK: dict[Cause, Health] = {
    "serious_illness": "serious_illness", "no_labour_capacity": "disabled", "accident": "weak",
    "no_social_insurance": "chronic_illness",
}  # fmt: skip
_STUDENTS: dict[Schooling, tuple[int, int]] = {
    "undergraduate": (18, 21), "junior_college": (18, 20), "senior_high": (15, 17), "secondary_vocational": (15, 17),
}  # fmt: skip
"""Ages at which a grant may be asked for, by stage."""


def synthetic_households(count: int, seed: int) -> Iterator[Invented]:
    """`count` heads with their files, round and round over all units; the same for the same seed, on any day.

    Raises ValueError above MOST.
    """
    if count > MOST:
        raise ValueError(f"at most {MOST} households can be told apart")
    rng = Random(seed)  # noqa: S311 - nothing secret: the same invented people every time are what is wanted
    everywhere = units()
    for number in range(1, count + 1):
        yield _head(rng, number, everywhere[(number - 1) % len(everywhere)])


def _head(rng: Random, number: int, union: Union) -> Invented:
    sex: Sex = rng.choice(("male", "female"))
    family = surname(rng)
    rare = number % RARE_EVERY == 0
    name = RARE_NAMES[(number // RARE_EVERY - 1) % len(RARE_NAMES)] if rare else full_name(rng, family, sex)
    head = _Head(number, union, name, family, sex, _day(rng, rng.randint(1968, 1984)))
    state: FileState = _drawn(rng, _STATES)
    return Invented(
        number=FIRST_NUMBER + number,
        sim_name=f"synthetic-{number}",
        name=name,
        id_number=head.id_number,
        union=union,
        file=File(
            form=_form(rng, head),
            state=state,
            days_ago=_days_ago(rng, state),
        ),
        covered=_drawn(rng, _COVERED),
    )


def _days_ago(rng: Random, state: FileState) -> int:
    if state in _LEFT or state == "relieved":
        return rng.randint(200, 700)
    return rng.randint(40, 540) if state in _STANDING else rng.randint(2, 18)


def _form(rng: Random, head: _Head) -> HouseholdForm:
    reason = rng.choices(_REASONS, [each.weight for each in _REASONS])[0]
    relatives = _relatives(rng, head, studying=reason.cause == "child_schooling")
    sick = _SICK.get(reason.cause, "healthy")
    if relatives and rng.random() < 0.6:
        relatives = (replace(relatives[0], health=sick), *relatives[1:])
        sick = "healthy"
    hardship = _hardship(rng, reason, 1 + len(relatives), sick)
    return household_form(
        Head(
            name=head.name,
            id_number=head.id_number,
            health=hardship.health,
            organisation_code=None if head.union.receives_unattached else head.union.code,
            employer=head.union.employer,
        ),
        _with_wages(rng, relatives, hardship.income),
        hardship,
        region=head.number,
        address=f"{head.union.area}示例路{head.number}号",
        division_code=head.union.division_code,
    )


def _hardship(rng: Random, reason: _Reason, people: int, health: Health) -> Hardship:
    """First what is left per head and month, then what it was before the spending, to whole hundreds of yuan."""
    low, high = _BANDS[_drawn(rng, _BAND_WEIGHTS)]
    spent = rng.randint(*reason.costs) // 100 * 100
    left = rng.randint(low, high) * 12 * people // 100 * 100
    further = [each.cause for each in rng.sample(_REASONS, rng.choice((0, 0, 1, 2))) if each.cause != reason.cause]
    return Hardship(
        income=left + spent,
        spending=((reason.spending, spent),) if reason.spending else (),
        cause=reason.cause,
        further_causes=tuple(further),
        demand=reason.demand,
        health=health,
        housing=_drawn(rng, _HOUSING),
    )


def _relatives(rng: Random, head: _Head, *, studying: bool) -> tuple[Relative, ...]:
    """A spouse mostly, up to three children, sometimes a parent; a student at least if that is the cause."""
    found: list[Relative] = []
    if rng.random() < 0.78:
        other: Sex = "female" if head.sex == "male" else "male"
        born = _day(rng, head.birth.year + rng.randint(-4, 4))
        found.append(Relative("spouse", full_name(rng, surname(rng), other), other, born))
    children = rng.choices((0, 1, 2, 3), (15, 40, 35, 10))[0]
    if studying:
        found.append(_child(rng, head.family, rng.choice(tuple(_STUDENTS))))
    found += [_child(rng, head.family, None) for _ in range(children - studying)]
    if rng.random() < 0.3:
        found.append(_parent(rng, head))
    return tuple(found)


def _parent(rng: Random, head: _Head) -> Relative:
    sex: Sex = rng.choice(("male", "female"))
    name = full_name(rng, head.family if sex == "male" else surname(rng), sex)
    health: Health = rng.choice(("weak", "chronic_illness", "healthy"))
    return Relative("parent", name, sex, _day(rng, head.birth.year - rng.randint(22, 32)), health)


def _child(rng: Random, family: str, stage: Schooling | None) -> Relative:
    age = rng.randint(*_STUDENTS[stage]) if stage else rng.randint(4, 21)
    sex: Sex = rng.choice(("male", "female"))
    born = _day(rng, SCHOOL_YEAR - age)
    relation: Relation = "son" if sex == "male" else "daughter"
    return Relative(relation, full_name(rng, family, sex), sex, born, schooling=stage or _stage(rng, age))


def _stage(rng: Random, age: int) -> Schooling:
    if age >= 18:
        return rng.choice(("undergraduate", "junior_college", "none"))
    if age >= 15:
        return rng.choice(("senior_high", "secondary_vocational"))
    return "junior_high" if age >= 12 else "primary" if age >= 6 else "pre_school"


def _with_wages(rng: Random, relatives: tuple[Relative, ...], income: int) -> tuple[Relative, ...]:
    """A healthy spouse earns a part of the household's income, two times in three; the rest is the head's."""
    return tuple(
        replace(each, income=income * rng.randint(2, 5) // 1000 * 100)
        if each.relation == "spouse" and each.health == "healthy" and rng.random() < 2 / 3
        else each
        for each in relatives
    )


def _day(rng: Random, year: int) -> date:
    return date(year, rng.randint(1, 12), rng.randint(1, 28))


def _drawn(rng: Random, weights: dict[T, int]) -> T:
    return rng.choices(tuple(weights), tuple(weights.values()))[0]
