"""Enrolling people in secondary medical insurance."""

from datetime import date
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, select

from app.audit.commands import record
from app.covers.queries import C
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.errors import Conflict, FieldError, Invalid
from app.kernel.ids import new_id

ID_NUMBER = "person.id_number"
_INSERT = insertion(
    C,
    *"id created_at id_number_index organisation_id city_id district_id street_id unit_id starts_on ends_on".split(),
    *["is_renewal", "enrolled_by"],
)
_OVERLAPPING = statement(
    select(C.c.id)
    .where(
        C.c.id_number_index == bindparam("id_number_index"),
        C.c.starts_on <= bindparam("ends_on"),
        C.c.ends_on >= bindparam("starts_on"),
    )
    .limit(literal_column("1"))
)


class AlreadyCovered(Conflict):
    """这名职工在这段时间已经参保。"""


async def enrol(
    work: Work, person_id: UUID, union: Record, id_number: str, starts_on: date, ends_on: date, *, is_renewal: bool
) -> UUID:
    """Cover a worker of a union for a term (both days included). Raises Invalid, AlreadyCovered."""
    if ends_on <= starts_on:
        raise Invalid(FieldError("/ends_on", "term_order", "保障期的结束日期应在开始日期之后。"))
    cover_id = new_id()
    index = work.keyring.blind_index(ID_NUMBER, id_number)
    if await work.transaction.value(_OVERLAPPING, id_number_index=index, starts_on=starts_on, ends_on=ends_on):
        raise AlreadyCovered
    try:
        await work.transaction.run(
            _INSERT,
            id=cover_id,
            created_at=work.now,
            id_number_index=index,
            organisation_id=union["id"],
            city_id=union["city_id"],
            district_id=union["district_id"],
            street_id=union["street_id"],
            unit_id=union["unit_id"],
            starts_on=starts_on,
            ends_on=ends_on,
            is_renewal=is_renewal,
            enrolled_by=person_id,
        )
    except asyncpg.UniqueViolationError as taken:
        raise AlreadyCovered from taken
    await record(
        work, person_id=person_id, action="cover.enrolled", subject_kind="cover", subject_id=cover_id,
        subject_person_id=None,
    )  # fmt: skip
    return cover_id
