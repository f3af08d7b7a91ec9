"""Appeals that nobody of their level may decide any more go on to the next level. For the jobs."""

from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, text, update

from app.appeals.events import AppealSteppedUp
from app.appeals.path import PATHS, AppealAction, AppealState
from app.appeals.queries import APPEAL, has_decider
from app.appeals.tables import WAITING
from app.applications.path import Kind
from app.audit.commands import record
from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.messaging.outbox import emit

BATCH: Final = 100
_WAITING = statement(
    select(APPEAL.c.id, APPEAL.c.application_id, APPEAL.c.kind, APPEAL.c.state, APPEAL.c.applicant_id)
    .where(text(f"appeal.{WAITING}"), APPEAL.c.id > bindparam("after"))
    .order_by(APPEAL.c.id)
    .limit(bindparam("size"))
    .with_for_update(skip_locked=True)
)
_STEP_UP = statement(
    update(APPEAL)
    .where(APPEAL.c.id == bindparam("row_id"))
    .values(
        state=bindparam("state", type_=APPEAL.c.state.type),
        stepped_up_at=bindparam("now", type_=APPEAL.c.stepped_up_at.type),
        version=APPEAL.c.version + literal_column("1"),
    )
)


async def step_up(work: Work, after: UUID) -> tuple[UUID | None, int, int]:
    """Among the next BATCH appeals that wait: where to go on, None at the end; how many went up; and for how many there
    is nobody, in the city either. What somebody deals with at this moment is passed over."""
    rows = await work.transaction.rows(_WAITING, after=after, size=BATCH)
    raised = stuck = 0
    for row in rows:
        if await has_decider(work.transaction, row["application_id"], Kind(row["kind"]), row["state"], work.today):
            continue
        if row["state"] == AppealState.AT_CITY:
            stuck += 1
        else:
            await _go_up(work, row)
            raised += 1
    return rows[-1]["id"] if len(rows) == BATCH else None, raised, stuck


async def _go_up(work: Work, row: Record) -> None:
    step = PATHS[Kind(row["kind"])].step(row["state"], AppealAction.STEP_UP)
    await work.transaction.run(_STEP_UP, row_id=row["id"], state=step.to, now=work.now)
    await record(
        work,
        person_id=None,
        action="appeal.stepped_up",
        subject_kind="appeal",
        subject_id=row["id"],
        subject_person_id=row["applicant_id"],
    )
    await emit(work, AppealSteppedUp(row["id"], row["application_id"], step.to))
