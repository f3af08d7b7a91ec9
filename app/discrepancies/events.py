"""What others may want to know of a discrepancy."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class DiscrepancyOpened(Fact):
    """The worker has something to answer."""

    discrepancy_id: UUID
    household_id: UUID
    source: str


@dataclass(frozen=True, slots=True)
class DiscrepancyAnswered(Fact):
    """The worker has said how it is."""

    discrepancy_id: UUID
    household_id: UUID


@dataclass(frozen=True, slots=True)
class DiscrepancyResolved(Fact):
    """It was decided which of the two is right. Nothing follows from it for the household by itself."""

    discrepancy_id: UUID
    household_id: UUID
    outcome: str
