"""What others may want to know of notices."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class LineObjected(Fact):
    """Somebody objected to a line for the first time: it stands still."""

    notice_id: UUID


@dataclass(frozen=True, slots=True)
class InvestigationDecided(Fact):
    """It was looked into: the line is published again, or its subject goes back to its district."""

    notice_id: UUID
    outcome: str
