"""What a use case works with: its transaction, the keys, the calendar and the instant at which it happens."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from app.db.sealing import Keyring
from app.db.transaction import Transaction
from app.kernel.business_time import business_date
from app.kernel.working_days import Calendar

if TYPE_CHECKING:
    from app.policy.book import PolicyBook


@dataclass(frozen=True, slots=True)
class Work:
    """Made once per request or job, at the edge; the clock is read there and nowhere else."""

    transaction: Transaction
    keyring: Keyring
    calendar: Calendar
    now: datetime
    policies: "PolicyBook"

    @property
    def today(self) -> date:
        """The business date, Asia/Shanghai."""
        return business_date(self.now)
