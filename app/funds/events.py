"""What others may want to know of funds."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class FundReceived(Fact):
    """Money came into a fund."""

    fund_id: UUID


@dataclass(frozen=True, slots=True)
class AllocationMoved(Fact):
    """It was proposed to move room between budgets, or that was decided."""

    allocation_id: UUID
    state: str


@dataclass(frozen=True, slots=True)
class BudgetRaised(Fact):
    """There is more room in a budget than there was."""

    budget_id: UUID
