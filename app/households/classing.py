"""The class of hardship that the criteria propose for a file, of whichever generation governs it."""

from dataclasses import dataclass
from typing import Self

from app.db.transaction import Record
from app.db.work import Work
from app.households.criteria import HardshipClass
from app.households.queries import FORM, facts_of
from app.households.rules import Classification, classify, criteria_of
from app.policy.decision import Reason
from app.policy.versions import NoPolicyInForce


@dataclass(frozen=True, slots=True)
class Proposed:
    """What the criteria of the day on which the file was first submitted say of it today."""

    category: HardshipClass | None
    possible: frozenset[str]
    version: str | None
    reasons: tuple[Reason, ...]

    @classmethod
    def of(cls, work: Work, row: Record) -> Self:
        form = work.keyring.open_document(FORM, row["id"], row["form"])
        facts = facts_of(form, row, work.today, work.policies)
        try:
            criteria = criteria_of(work.policies, facts, work.today)
        except NoPolicyInForce:
            return cls(None, frozenset(), None, ())
        found: Classification = classify(facts, criteria)
        return cls(
            found.category,
            frozenset(each.category for each in criteria.criteria),
            criteria.version,
            tuple(each.reason for each in found.findings),
        )
