"""What others may want to know of applications that staff fill in."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class ApplicationFilledIn(Fact):
    """It waits for its worker, who may have WeChat."""

    filing_id: UUID
