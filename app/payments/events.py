"""What others may want to know of payments in batches."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class PaymentBatchMoved(Fact):
    """A batch was frozen, confirmed, sent, settled or cancelled."""

    batch_id: UUID
    action: str
    to_state: str


@dataclass(frozen=True, slots=True)
class CardChecked(Fact):
    """A second person of finance has confirmed what a bank says of a card."""

    check_id: UUID
    person_id: UUID
    outcome: str
