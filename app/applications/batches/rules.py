"""What may be done with many cases at once (批量办理). Pure."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.applications.path import PATHS, Action
from app.kernel.errors import Conflict, FieldError, Invalid
from app.workflow.path import Step, check_words

AT_MOST: Final = 1_000
VALID_FOR: Final = timedelta(minutes=30)
"""How long what was looked at may be acted upon."""
TOGETHER: Final = (Action.ACCEPT, Action.APPROVE, Action.RETURN)
"""What may be done with many at once. Whoever is refused has a reason of their own, and so has an objection; payments
have batches of their own (app/payments)."""


class NotInBulk(Conflict):
    """这一步不能批量办理：不予通过和公示异议要逐件核实，向每位申请人写明各自的理由。"""


def check_asked(
    action: str, note: str | None, reason_code: str | None, application_ids: Sequence[UUID], reasons: Iterable[str]
) -> None:
    """`reasons`: those that there are today. Raises NotInBulk, and Invalid for a note that is missing, a reason that is
    none, or a case that is named twice."""
    if action not in TOGETHER:
        raise NotInBulk
    for step in _steps(action):
        check_words(step, note, reason_code, reasons)
    repeated = [
        FieldError(f"/items/{n}/application_id", "item_repeated", "这份申请在名单里出现了不止一次。")
        for n in repeats(application_ids)
    ]
    if repeated:
        raise Invalid(*repeated)


def _steps(action: str) -> Iterable[Step]:
    return (step for path in PATHS.values() for step in path.steps if step.action == action)


def repeats(ids: Sequence[UUID]) -> list[int]:
    """The places of what stood there before."""
    seen: set[UUID] = set()
    places = []
    for n, each in enumerate(ids):
        if each in seen:
            places.append(n)
        seen.add(each)
    return places
