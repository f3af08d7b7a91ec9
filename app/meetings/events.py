"""What others may want to know of a meeting."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class MeetingConvened(Fact):
    """Several people have to vote."""

    meeting_id: UUID
    application_id: UUID


@dataclass(frozen=True, slots=True)
class MeetingEnded(Fact):
    """It was concluded, or cancelled."""

    meeting_id: UUID
    application_id: UUID
    state: str
