"""What others may want to know of contact cards."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class CardIssued(Fact):
    """A new contact card replaces the one before: its worker is told whom to turn to now. Once for each card."""

    household_id: UUID
    person_id: UUID
    serial: str
