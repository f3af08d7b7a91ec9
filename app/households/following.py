"""What hangs on a file follows it: open applications into the file that their applicant lives in now.

Applications stand on a higher floor, and some lie out of the caller's sight: functions of the database do it, and look
themselves whether a merge, a split or a transfer has made it right (decisions, applications follow the file).
"""

from collections.abc import Sequence
from uuid import UUID

from app.audit.commands import record
from app.db.statements import Statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.errors import Conflict

_FOLLOW = Statement("select * from follow_file($1, $2, $3, $4)", ("left_file", "into_file", "numbers", "at"), {})
_AWAITS = Statement("select awaits_aid($1)", ("household_id",), {})
_LET_GO = Statement("select let_go_of_file($1)", ("household_id",), {})


class AidAwaited(Conflict):
    """这份档案还有没有办结的救助或助学申请，请先办结，或由本人撤回，再办理这一步。"""


async def follow(
    work: Work, by: UUID | None, left: UUID, into: UUID, numbers: Sequence[bytes] | None = None
) -> list[UUID]:
    """Open applications of a file go to another (of these identity numbers only, or all), or with it to its union; what
    is being paid under the plan of the other goes back to approved. Answers which."""
    moved = await work.transaction.rows(
        _FOLLOW, left_file=left, into_file=into, numbers=None if numbers is None else list(numbers), at=work.now
    )
    for each in moved:
        await record(
            work,
            person_id=by,
            action="application.follow_file",
            subject_kind="application",
            subject_id=each["application_id"],
            subject_person_id=each["person_id"],
            household_id=str(into),
        )
    return [each["application_id"] for each in moved]


async def nothing_awaited(work: Work, row: Record) -> None:
    """Nobody waits for aid from this file. Raises AidAwaited."""
    if await work.transaction.value(_AWAITS, household_id=row["id"]):
        raise AidAwaited


async def let_go(work: Work, household_id: UUID) -> None:
    """Drafts, and claims on the insurance, hang on a file no more that has just ended."""
    await work.transaction.value(_LET_GO, household_id=household_id)
