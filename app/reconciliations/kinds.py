"""The kinds of breaks, as data (breaks.yaml): how each is called, whose it is first, and what is to be done. Pure."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import Field

from app.kernel.actor import Role
from app.policy.fields import Frozen

Way = Literal["three_ways", "invariant"]
BreakCode = Literal[
    "approved_not_sent", "approved_differs", "sent_twice", "not_at_bank", "amount_differs", "paid_twice",
    "result_missing", "paid_at_bank", "returned_at_bank", "returned_unpaid", "account_differs", "union_differs",
    "unknown_payment", "unknown_receipt", "ledger_differs", "budget_differs", "books_differ", "checkpoint_differs",
    "transaction_unbalanced", "overpaid", "batch_differs", "held_differs",
]  # fmt: skip


class BreakKind(Frozen):
    """一种差异。"""

    code: BreakCode
    way: Way
    owner: Annotated[Role, Field(strict=False)]
    name: Annotated[str, Field(min_length=1, max_length=40)]
    remedy: Annotated[str, Field(min_length=1, max_length=200)]


class BreakKinds(Frozen):
    """全部差异的种类，和对账用的天数。"""

    bank_days: Annotated[int, Field(ge=0, le=30)]
    approved_days: Annotated[int, Field(ge=1, le=365)]
    kinds: tuple[BreakKind, ...]

    @property
    def by_code(self) -> Mapping[str, BreakKind]:
        return {kind.code: kind for kind in self.kinds}


@cache
def break_kinds() -> BreakKinds:
    """What breaks.yaml says."""
    read: Any = yaml.safe_load(files(__package__).joinpath("breaks.yaml").read_text("utf-8"))
    return BreakKinds.model_validate(read, strict=False)


BANK_DAYS: Final = break_kinds().bank_days
APPROVED_DAYS: Final = break_kinds().approved_days
