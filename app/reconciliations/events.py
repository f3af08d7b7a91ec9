"""What others may want to know of reconciliations."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class StatementImported(Fact):
    """A bank's statement was read in."""

    statement_id: UUID


@dataclass(frozen=True, slots=True)
class ReconciliationAsked(Fact):
    """Somebody wants to know whether money agrees."""

    reconciliation_id: UUID


@dataclass(frozen=True, slots=True)
class BreaksOpened(Fact):
    """Something does not agree: so many work items were opened, by a run (its id) or at night (`nightly`)."""

    organisation_id: UUID
    found_by: str
    day: date
    count: int


@dataclass(frozen=True, slots=True)
class BreakExplained(Fact):
    """A person said why a break may stay."""

    break_id: UUID


@dataclass(frozen=True, slots=True)
class MonthClosed(Fact):
    """Nothing is posted into a month of a city's books any more."""

    closing_id: UUID
