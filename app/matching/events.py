"""What others may want to know of a match."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class MatchReceived(Fact):
    """A department has answered."""

    batch_id: UUID
    return_id: UUID


@dataclass(frozen=True, slots=True)
class MatchAlert(Fact):
    """A department's hashes match nobody: it did not use the key of this exchange, or another list."""

    batch_id: UUID
    return_id: UUID
