"""Opening and closing public notices (公示)."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert

from app.db.base import table_of
from app.db.statements import statement
from app.db.work import Work
from app.kernel.ids import new_id
from app.notices.tables import Notice

WORKING_DAYS = 5
"""Unions publish for at least five working days (facts: 公示不少于 5 个工作日)."""
_N = table_of(Notice)
_COLUMNS = (
    "id created_at application_id household_id round number kind name_masked organisation_name amount_fen working_days "
    "ends_at"
)
_INSERT = statement(
    insert(_N).values({c: bindparam(c, type_=_N.c[c].type) for c in _COLUMNS.split()}).on_conflict_do_nothing()
)
_CLOSE = statement(
    update(_N)
    .where(_N.c.id == bindparam("row_id"), _N.c.closed_at.is_(None))
    .values(closed_at=bindparam("now", type_=_N.c.closed_at.type))
)
_CLOSE_EARLIER = statement(
    update(_N)
    .where(
        _N.c.application_id == bindparam("of_application"), _N.c.round < bindparam("now_in"), _N.c.closed_at.is_(None)
    )
    .values(closed_at=bindparam("now", type_=_N.c.closed_at.type))
)


@dataclass(frozen=True, slots=True)
class Published:
    """All that a notice shows. There is no field here for anything else.

    Of an application, with its amount, or of a household file, which has none.
    """

    application_id: UUID | None
    household_id: UUID | None
    round: int
    number: str
    kind: str
    name_masked: str
    organisation_name: str
    amount_fen: int | None


async def publish(work: Work, shown: Published, *, seconds: int | None) -> None:
    """Open a notice for WORKING_DAYS (`seconds` in a demo); saying it twice opens one."""
    ends_at = work.calendar.end_of_working_day(work.now, WORKING_DAYS)
    await work.transaction.run(
        _INSERT,
        id=new_id(),
        created_at=work.now,
        application_id=shown.application_id,
        household_id=shown.household_id,
        round=shown.round,
        number=shown.number,
        kind=shown.kind,
        name_masked=shown.name_masked,
        organisation_name=shown.organisation_name,
        amount_fen=shown.amount_fen,
        working_days=WORKING_DAYS,
        ends_at=work.now + timedelta(seconds=seconds) if seconds else ends_at,
    )


async def close(work: Work, notice_id: UUID) -> bool:
    """Take a notice down; False when it was down already."""
    return await work.transaction.run(_CLOSE, row_id=notice_id, now=work.now) == 1


async def close_earlier(work: Work, application_id: UUID, round_: int) -> None:
    """Take down what was published of an application before this round: it shows what is no longer so."""
    await work.transaction.run(_CLOSE_EARLIER, of_application=application_id, now_in=round_, now=work.now)
