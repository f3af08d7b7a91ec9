"""What others may want to know of an application."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class ApplicationMoved(Fact):
    """A step was taken on an application."""

    application_id: UUID
    kind: str
    action: str
    from_state: str
    to_state: str
    round: int
