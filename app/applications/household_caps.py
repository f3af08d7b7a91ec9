"""The year's cap on what one household gets over all kinds of aid (每户每年各项合计上限). Pure.

The rules of each kind judge a claim when it is submitted, by what was granted before it. Two claims of one household
that are approved at the same moment have not seen one another: what they come to together is counted once more, by the
database, when an amount is granted (the trigger `keep_household_cap`, whose lock is taken before budgets are held: see
`app.applications.batches.steps`). Where no cap is set nothing is counted.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field

from app.applications.path import Action, State
from app.policy.book import PolicyBook
from app.policy.fields import Fen
from app.policy.versions import NoPolicyInForce, Version
from app.workflow.path import Step

KIND: Final = "household_cap"
HELD: Final = frozenset({State.PUBLIC_NOTICE, State.APPROVED, State.PAYING, State.PAID})
_GRANTS_ANEW: Final = frozenset({Action.CHANGE_DECISION})


class HouseholdCap(Version):
    """一户一年各种帮扶合计的上限。"""

    cap_fen: Annotated[Fen | None, Field(description="每户每个自然年（按提交日期）合计上限，单位分；没有上限的填 null")]
    counted_kinds: Annotated[
        tuple[Literal["hardship_aid", "golden_autumn", "secondary_medical"], ...],
        Field(description="哪几种帮扶合计在内；没有列出的不计入，也不受限制"),
    ]


class _Found(NamedTuple):
    """What was found in a book by day, as every approval asks and a book changes now and then."""

    book: PolicyBook | None
    by_day: dict[date, HouseholdCap | None]


_found = _Found(None, {})


def cap_for(policies: PolicyBook, row: Mapping[str, Any], step: Step, on: date) -> str | None:
    """The version under whose cap a step grants an amount; None where it grants none, or there is no cap."""
    if step.to not in HELD or (step.at in HELD and step.action not in _GRANTS_ANEW):
        return None
    found = _cap_on(policies, on)
    return found.version if found is not None and row["kind"] in found.counted_kinds else None


def _cap_on(policies: PolicyBook, on: date) -> HouseholdCap | None:
    global _found
    found = _found
    if found.book is not policies:
        _found = found = _Found(policies, {})
    if on not in found.by_day:
        found.by_day[on] = _in_force(policies, on)
    return found.by_day[on]


def _in_force(policies: PolicyBook, on: date) -> HouseholdCap | None:
    try:
        version = policies.in_force(KIND, HouseholdCap, on)
    except NoPolicyInForce:
        return None
    return version if version.cap_fen is not None else None
