"""What others may want to know of the upkeep of files."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class Reminded(Fact):
    """A verification or a watch task is due in so many days at most (30, 7), or since today (0)."""

    household_id: UUID
    about: str
    due_on: date
    days: int


@dataclass(frozen=True, slots=True)
class HouseholdVerified(Fact):
    """A file was verified."""

    household_id: UUID
    finding: str


@dataclass(frozen=True, slots=True)
class WatchDone(Fact):
    """A household that had left was asked how it is."""

    household_id: UUID
    months: int
    outcome: str
