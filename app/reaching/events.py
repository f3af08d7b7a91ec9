"""What staff do about messages that did not reach somebody."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class SendingRetried(Fact):
    """A message is tried once more by WeChat."""

    message_id: UUID


@dataclass(frozen=True, slots=True)
class PersonTold(Fact):
    """Somebody was told otherwise what a message says."""

    message_id: UUID
