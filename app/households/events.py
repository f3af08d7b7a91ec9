"""What others may want to know of a household file."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class HouseholdMoved(Fact):
    """A step was taken on a household file."""

    household_id: UUID
    action: str
    from_state: str
    to_state: str
