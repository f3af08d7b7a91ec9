"""Telling persons something in the app, each thing once."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, text, update
from sqlalchemy.dialects.postgresql import insert

from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.ids import new_id
from app.messaging.queries import MESSAGE, MessageNotFound, own_one

_COLUMNS = "id created_at person_id once kind title text subject_kind subject_id".split()
_TELL = statement(
    insert(MESSAGE)
    .values({c: bindparam(c, type_=MESSAGE.c[c].type) for c in _COLUMNS})
    .on_conflict_do_nothing(index_elements=["person_id", "once"])
)
# Only of a message that has just been written: one that was told before has its row.
_QUEUE = statement(
    text(
        """
        insert into message_sending (id, created_at, message_id, person_id, state, due_at, moved_at, person_masked,
          kind, city_id, district_id, street_id, unit_id)
        select :id, m.created_at, m.id, m.person_id, 'queued', m.created_at, m.created_at, p.name_masked,
          m.kind, o.city_id, o.district_id, o.street_id, o.unit_id
        from message m join person p on p.id = m.person_id left join organisation o on o.id = p.organisation_id
        where m.id = :message_id
        on conflict (message_id) do nothing
        """
    )
)
_READ = statement(
    update(MESSAGE)
    .where(MESSAGE.c.id == bindparam("row_id"), MESSAGE.c.person_id == bindparam("reader"), MESSAGE.c.read_at.is_(None))
    .values(read_at=bindparam("now", type_=MESSAGE.c.read_at.type))
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a person is told. `once` names it: whoever was told that already is not told again."""

    person_id: UUID
    once: str
    kind: str
    title: str
    text: str
    subject_kind: str
    subject_id: UUID


async def tell(work: Work, messages: Iterable[Told]) -> None:
    """Put them into the lists of those whom they are for, and on their way to WeChat; twice is once."""
    rows = [
        {"id": new_id(), "created_at": work.now, **{name: getattr(each, name) for name in _COLUMNS[2:]}}
        for each in messages
    ]
    await work.transaction.many(_TELL, rows)
    await work.transaction.many(_QUEUE, [{"id": new_id(), "message_id": row["id"]} for row in rows])


async def mark_read(work: Work, person_id: UUID, message_id: UUID) -> Record:
    """The message as its reader has it from now on. Raises MessageNotFound."""
    await work.transaction.run(_READ, row_id=message_id, reader=person_id, now=work.now)
    row = await own_one(work.transaction, person_id, message_id)
    if row is None:
        raise MessageNotFound
    return row
