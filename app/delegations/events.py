"""What others may want to know of delegated posts."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class PostDelegated(Fact):
    """Somebody acts with another's post for some days."""

    delegation_id: UUID


@dataclass(frozen=True, slots=True)
class DelegationEnded(Fact):
    """They do no longer, earlier than was said."""

    delegation_id: UUID
