"""What others may want to know of a supplement."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class SupplementAsked(Fact):
    """The worker has to be told what is missing, and until when."""

    supplement_id: UUID
    application_id: UUID


@dataclass(frozen=True, slots=True)
class SupplementClosed(Fact):
    """Whoever asked can go on: it was answered, or its days are over."""

    supplement_id: UUID
    application_id: UUID
    outcome: str
