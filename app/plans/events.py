"""What others may want to know of a plan."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class PlanOpened(Fact):
    """A household has a plan."""

    plan_id: UUID
    household_id: UUID
    origin: str


@dataclass(frozen=True, slots=True)
class PlanClosed(Fact):
    """A plan ended with a result."""

    plan_id: UUID
    household_id: UUID
    result: str


@dataclass(frozen=True, slots=True)
class MeasureTaken(Fact):
    """Somebody took a measure on, or took it over: who is responsible for the household has changed."""

    measure_id: UUID
    household_id: UUID


@dataclass(frozen=True, slots=True)
class ServiceGiven(Fact):
    """Help without money was given."""

    service_id: UUID
    household_id: UUID
