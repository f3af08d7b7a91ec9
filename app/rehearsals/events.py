"""What is said of rehearsals to whoever runs them."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class RehearsalAsked(Fact):
    """Somebody wants to see what a version would change."""

    rehearsal_id: UUID
