"""What others may want to know of a home visit."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class VisitMoved(Fact):
    """It was planned, started, ended, confirmed or cancelled; or the worker objected to what was written down."""

    visit_id: UUID
    household_id: UUID
    purpose: str
    action: str
    to_state: str
