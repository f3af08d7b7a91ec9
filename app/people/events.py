"""What others may want to know of a person."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class ConsentWithdrawn(Fact):
    """Somebody no longer consents to a purpose."""

    person_id: UUID
    purpose: str
