"""The way of a payment batch (付款批次), as data. What it does to its applications are steps of their own path."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from app.kernel.actor import Permission
from app.workflow.path import Path, Step


class BatchState(StrEnum):
    BUILT = "built"
    FROZEN = "frozen"
    """Its lines have a hash. Whatever has to be otherwise is another batch."""
    CONFIRMED = "confirmed"
    EXPORTED = "exported"
    """The bank may know of it: from now on only the bank says what became of its lines."""
    SETTLED = "settled"
    CANCELLED = "cancelled"


class BatchAction(StrEnum):
    FREEZE = "freeze"
    CONFIRM = "confirm"
    EXPORT = "export"
    CANCEL = "cancel"
    SETTLE = "settle"


B, A = BatchState, BatchAction
CANCELLABLE: Final = (B.BUILT, B.FROZEN, B.CONFIRMED)
PATH = Path(
    (
        Step(B.BUILT, A.FREEZE, B.FROZEN, Permission.START_PAYMENT),
        Step(B.FROZEN, A.CONFIRM, B.CONFIRMED, Permission.CONFIRM_PAYMENT, counts_as_review=True),
        Step(B.CONFIRMED, A.EXPORT, B.EXPORTED, Permission.START_PAYMENT),
        *(Step(state, A.CANCEL, B.CANCELLED, Permission.START_PAYMENT, optional=True) for state in CANCELLABLE),
        Step(B.EXPORTED, A.SETTLE, B.SETTLED, Permission.SYSTEM),
    )
)
ACTIONS: Final = tuple(
    dict.fromkeys(BatchAction(each.action) for each in PATH.steps if each.by is not Permission.SYSTEM)
)


def open_to(state: str, permissions: Iterable[Permission], *, is_maker: bool) -> list[str]:
    """What somebody with these permissions may do: whoever built it confirms nothing, and others do not send it."""
    found = PATH.open_to(state, permissions)
    if is_maker:
        return [action for action in found if action != A.CONFIRM]
    return [action for action in found if action not in (A.FREEZE, A.EXPORT)]
