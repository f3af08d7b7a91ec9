"""What is said of policy versions to whoever handles it."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class PolicyPublished(Fact):
    """A version was published; it is in force from its day on."""

    policy_id: UUID
    kind: str
    area: str
    in_force_from: date
