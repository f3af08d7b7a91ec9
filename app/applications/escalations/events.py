"""What others may want to know of overdue cases."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class CaseEscalated(Fact):
    """A case was not dealt with in time, and the level above is told."""

    application_id: UUID
    version: int
    state: str
    told: str
