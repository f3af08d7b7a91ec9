"""What others may want to know of a change that was asked for."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class ChangeAsked(Fact):
    """Nothing is paid to this person until it is decided."""

    request_id: UUID


@dataclass(frozen=True, slots=True)
class ChangeWithdrawn(Fact):
    """Whoever asked took it back; payments may be started again."""

    request_id: UUID


@dataclass(frozen=True, slots=True)
class ChangeDecided(Fact):
    """A second person has decided."""

    request_id: UUID
    action: str
