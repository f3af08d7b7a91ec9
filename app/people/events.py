"""What others may want to know of a person."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class ConsentWithdrawn(Fact):
    """Somebody no longer consents to a purpose."""

    person_id: UUID
    purpose: str


@dataclass(frozen=True, slots=True)
class CardChanged(Fact):
    """Somebody is paid to another card from now on, or may be once it was looked at, or to none any more."""

    person_id: UUID
