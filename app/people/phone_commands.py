"""Filling in the blind index of telephones that were kept before there was one. For the jobs, which see everybody."""

from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select, update

from app.db.sealing import SealBroken
from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.people.commands import PHONE
from app.people.queries import PERSON

BATCH: Final = 500
"""So many people at once: their rows are held until it is done."""
_WITHOUT = statement(
    select(PERSON.c.id, PERSON.c.phone)
    .where(PERSON.c.phone.is_not(None), PERSON.c.phone_index.is_(None), PERSON.c.id > bindparam("after"))
    .order_by(PERSON.c.id)
    .limit(bindparam("size"))
    .with_for_update(skip_locked=True)
)
# No new version: nothing that anybody sees has changed.
_FILL = statement(
    update(PERSON)
    .where(PERSON.c.id == bindparam("row_id"))
    .values(phone_index=bindparam("found", type_=PERSON.c.phone_index.type))
)
log = structlog.get_logger("aid.phones")


async def fill_phone_indexes(work: Work, after: UUID) -> tuple[UUID | None, int]:
    """The next BATCH people after this one; where to go on, None at the end, and how many were filled in.

    Who is being changed at this moment is passed over: a telephone that is set now brings its index. One that does not
    open is said and passed over.
    """
    rows = await work.transaction.rows(_WITHOUT, after=after, size=BATCH)
    indexes = [(row["id"], _index(work, row)) for row in rows]
    filled = [{"row_id": person_id, "found": found} for person_id, found in indexes if found is not None]
    await work.transaction.many(_FILL, filled)
    return rows[-1]["id"] if len(rows) == BATCH else None, len(filled)


def _index(work: Work, row: Record) -> bytes | None:
    try:
        return work.keyring.blind_index(PHONE, work.keyring.open_text(PHONE, row["id"], row["phone"]))
    except SealBroken:
        log.error("phone_does_not_open", person=str(row["id"]))
        return None
