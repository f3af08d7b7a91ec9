"""Asking for a rehearsal, and writing down how it goes. A run that is begun again begins from nothing."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, literal_column, update

from app.audit.commands import record
from app.db.base import table_of
from app.db.statements import insertion, statement
from app.db.work import Work
from app.kernel.errors import Conflict
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.rehearsals.events import RehearsalAsked
from app.rehearsals.queries import L, R
from app.rehearsals.rules import Compared, Tally
from app.rehearsals.tables import RehearsalLine

_INSERT = insertion(R, *"id created_at policy_id asked_by state percent money".split())
_LINE = insertion(
    table_of(RehearsalLine),
    *"id created_at rehearsal_id effect kind item household_id application_id before_fen after_fen rule".split(),
)
_OPEN = R.c.state.in_([literal_column("'queued'"), literal_column("'running'")])
_BEGIN = statement(
    update(R)
    .where(R.c.id == bindparam("row_id"), _OPEN)
    .values(state=literal_column("'running'"), percent=literal_column("0"), snapshot_at=bindparam("now"))
    .returning(R.c.id)
)
_FORGET = statement(delete(L).where(L.c.rehearsal_id == bindparam("row_id")))
_ADVANCE = statement(update(R).where(R.c.id == bindparam("row_id"), _OPEN).values(percent=bindparam("reached")))
_COUNTS = "evaluated unevaluable gains loses more less before_fen after_fen".split()
_END = statement(
    update(R)
    .where(R.c.id == bindparam("row_id"), _OPEN)
    .values(
        state=literal_column("'done'"),
        percent=literal_column("100"),
        ended_at=bindparam("now"),
        money=bindparam("cells", type_=R.c.money.type),
        **{name: bindparam(f"sum_{name}", type_=R.c[name].type) for name in _COUNTS},
    )
)
_FAIL = statement(
    update(R)
    .where(R.c.id == bindparam("row_id"), _OPEN)
    .values(state=literal_column("'failed'"), ended_at=bindparam("now"), failure=bindparam("why"))
)


class NotRehearsable(Conflict):
    """只有还没有生效的版本可以预演。"""


async def ask(work: Work, person_id: UUID, policy: UUID) -> UUID:
    """Have a version rehearsed as soon as a worker is free; answers the rehearsal's id."""
    rehearsal_id = new_id()
    await work.transaction.run(
        _INSERT,
        id=rehearsal_id,
        created_at=work.now,
        policy_id=policy,
        asked_by=person_id,
        state="queued",
        percent=0,
        money=[],
    )
    await record(
        work,
        person_id=person_id,
        action="policy.rehearsed",
        subject_kind="policy",
        subject_id=policy,
        subject_person_id=None,
    )
    await emit(work, RehearsalAsked(rehearsal_id))
    return rehearsal_id


async def begin(work: Work, rehearsal_id: UUID) -> bool:
    """From nothing; False when it has ended already."""
    if await work.transaction.value(_BEGIN, row_id=rehearsal_id, now=work.now) is None:
        return False
    await work.transaction.run(_FORGET, row_id=rehearsal_id)
    return True


async def advance(work: Work, rehearsal_id: UUID, percent: int, found: Iterable[Compared]) -> None:
    """Keep what was found to change, and how far it is."""
    await work.transaction.many(_LINE, [_line(rehearsal_id, work.now, each) for each in found])
    await work.transaction.run(_ADVANCE, row_id=rehearsal_id, reached=percent)


def _line(rehearsal_id: UUID, now: datetime, compared: Compared) -> dict[str, object]:
    before, after = compared.before, compared.after
    return {
        "id": new_id(),
        "created_at": now,
        "rehearsal_id": rehearsal_id,
        "effect": compared.effect,
        "kind": compared.kind,
        "item": compared.item,
        "household_id": compared.household_id,
        "application_id": compared.application_id,
        "before_fen": before.amount_fen,
        "after_fen": after.amount_fen,
        "rule": before.rule or after.rule,
    }


async def end(work: Work, rehearsal_id: UUID, tally: Tally) -> None:
    sums = {f"sum_{name}": value for name, value in tally.counts().items()}
    await work.transaction.run(_END, row_id=rehearsal_id, now=work.now, cells=tally.money(), **sums)


async def fail(work: Work, rehearsal_id: UUID, failure: str) -> None:
    """Nothing of a failed rehearsal counts, its lines least of all."""
    await work.transaction.run(_FORGET, row_id=rehearsal_id)
    await work.transaction.run(_FAIL, row_id=rehearsal_id, now=work.now, why=failure)
