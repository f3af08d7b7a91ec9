"""Enrolling people in secondary medical insurance."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import text

from app.audit.commands import record
from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.errors import Conflict, FieldError, Invalid
from app.kernel.ids import new_id

ID_NUMBER = "person.id_number"
# One statement, in the order of the holders, so that two lists with the same people wait for one another instead of
# ending in a deadlock. Whose term overlaps another is left out; the constraint also sees covers of other unions.
_INSERT = statement(
    text(
        """
        insert into cover (id, created_at, id_number_index, area, organisation_id, city_id, district_id, street_id,
          unit_id, starts_on, ends_on, is_renewal, enrolled_by)
        select holder.id, cast(:created_at as timestamptz), holder.id_number_index, cast(:area as varchar),
          cast(:organisation_id as uuid), cast(:city_id as uuid), cast(:district_id as uuid),
          cast(:street_id as uuid), cast(:unit_id as uuid), cast(:starts_on as date), cast(:ends_on as date),
          cast(:is_renewal as boolean), cast(:enrolled_by as uuid)
        from unnest(cast(:ids as uuid[]), cast(:indexes as bytea[])) holder (id, id_number_index)
        order by holder.id_number_index
        on conflict do nothing
        returning id_number_index
        """
    )
)


class AlreadyCovered(Conflict):
    """这名职工在这段时间已经参保。"""


async def enrol(
    work: Work,
    person_id: UUID,
    union: Record,
    id_number: str,
    starts_on: date,
    ends_on: date,
    *,
    is_renewal: bool | None,
) -> UUID:
    """Cover a worker of a union for a term (both days included). Raises Invalid, AlreadyCovered.

    `is_renewal` None: not stated; it then follows from the worker's earlier covers.
    """
    if ends_on <= starts_on:
        raise Invalid(FieldError("/ends_on", "term_order", "保障期的结束日期应在开始日期之后。"))
    index = work.keyring.blind_index(ID_NUMBER, id_number)
    ids, taken = await _insert(work, person_id, union, (index,), starts_on, ends_on, is_renewal)
    if taken:
        raise AlreadyCovered
    await record(
        work, person_id=person_id, action="cover.enrolled", subject_kind="cover", subject_id=ids[index],
        subject_person_id=None,
    )  # fmt: skip
    return ids[index]


async def enrol_list(
    work: Work, person_id: UUID, union: Record, id_numbers: Sequence[str], starts_on: date, ends_on: date
) -> int:
    """Cover a list of different workers of a union for one term, all or none. Raises AlreadyCovered, naming each."""
    indexes = [work.keyring.blind_index(ID_NUMBER, number) for number in id_numbers]
    _, taken = await _insert(work, person_id, union, indexes, starts_on, ends_on, None)
    if taken:
        raise AlreadyCovered(
            *(
                FieldError(f"/id_numbers/{place}", "already_covered", AlreadyCovered().detail)
                for place, index in enumerate(indexes)
                if index in taken
            )
        )
    await record(
        work, person_id=person_id, action="cover.list_enrolled", subject_kind="organisation", subject_id=union["id"],
        subject_person_id=None, count=str(len(indexes)), starts_on=starts_on.isoformat(),
    )  # fmt: skip
    return len(indexes)


async def _insert(
    work: Work,
    person_id: UUID,
    union: Record,
    indexes: Sequence[bytes],
    starts_on: date,
    ends_on: date,
    is_renewal: bool | None,
) -> tuple[Mapping[bytes, UUID], frozenset[bytes]]:
    """The id of each holder's new cover, and whose term overlaps another."""
    ids = {index: new_id() for index in indexes}
    rows = await work.transaction.rows(
        _INSERT,
        ids=list(ids.values()),
        indexes=list(ids),
        created_at=work.now,
        area=f"{union['division_code'][:4]}00",
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
    return ids, frozenset(ids) - {bytes(row["id_number_index"]) for row in rows}
