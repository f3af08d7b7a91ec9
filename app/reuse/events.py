"""What others want to know of claims that may stand on one bill, and of cards that two households share."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class ReuseFound(Fact):
    """Somebody has to say whether two claims stand on one bill."""

    hint_id: UUID
    application_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class ReuseAnswered(Fact):
    """Somebody said it."""

    hint_id: UUID
    application_id: UUID
    verdict: str


@dataclass(frozen=True, slots=True)
class CardShared(Fact):
    """Two people of different households are paid to one card."""

    alert_id: UUID
