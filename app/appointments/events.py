"""What others may want to know of posts that are given and end."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class PostChangeProposed(Fact):
    """Whoever may confirm it has to look at it."""

    change_id: UUID


@dataclass(frozen=True, slots=True)
class PostChangeDecided(Fact):
    """Confirmed: whose post it is hears of it. Refused: whoever proposed it."""

    change_id: UUID
    state: str
