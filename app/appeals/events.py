"""What others may want to know of an appeal."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class AppealLodged(Fact):
    """Somebody who had no part in the decision has to look at it again."""

    appeal_id: UUID
    application_id: UUID
    state: str


@dataclass(frozen=True, slots=True)
class AppealDecided(Fact):
    """The worker has an answer."""

    appeal_id: UUID
    application_id: UUID
    outcome: str


@dataclass(frozen=True, slots=True)
class AppealWithdrawn(Fact):
    """The appellant took it back."""

    appeal_id: UUID
    application_id: UUID


@dataclass(frozen=True, slots=True)
class AppealSteppedUp(Fact):
    """Nobody of the level where it waited may decide it: the next one has to."""

    appeal_id: UUID
    application_id: UUID
    state: str
