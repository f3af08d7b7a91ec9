"""What others may want to know of a suspicion."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class DuplicateJudged(Fact):
    """Somebody looked at two files and said whether they are one household."""

    flag_id: UUID
    household_a_id: UUID
    household_b_id: UUID
    verdict: str
