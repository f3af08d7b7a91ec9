"""What others may want to know of a claim."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class AccountClaimed(Fact):
    """A person who was on paper signs in with WeChat from now on: they are told so, in case it was not them."""

    person_id: UUID
    claim_id: UUID
    proof: str
