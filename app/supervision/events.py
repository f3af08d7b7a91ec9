"""What others may want to know of supervision."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class SampleMoved(Fact):
    """A sample was announced, or drawn."""

    sample_id: UUID
    to_state: str


@dataclass(frozen=True, slots=True)
class PaymentChecked(Fact):
    """Somebody wrote down what they found of a sampled payment, or opened it again."""

    check_id: UUID
    sample_id: UUID
    to_state: str


@dataclass(frozen=True, slots=True)
class DonorReportMoved(Fact):
    """A donor's report was prepared, let out, or withdrawn."""

    report_id: UUID
    to_state: str
