"""Changing the calendar: one person proposes, another confirms. Deadlines that were set before stay as they are."""

from collections.abc import Mapping
from datetime import date
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, update
from sqlalchemy.dialects.postgresql import insert

from app.calendars.queries import CHANGE, DAY, YEAR, change, is_known
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.errors import Conflict, NotAllowed, StaleVersion
from app.kernel.ids import new_id

_PROPOSE = insertion(CHANGE, *"id created_at about days source state version proposed_by".split())
_DECIDE = statement(
    update(CHANGE)
    .where(
        CHANGE.c.id == bindparam("row_id"),
        CHANGE.c.version == bindparam("seen"),
        CHANGE.c.state == literal_column("'proposed'"),
    )
    .values(
        state=bindparam("to_state", type_=CHANGE.c.state.type),
        decided_by=bindparam("by", type_=CHANGE.c.decided_by.type),
        decided_at=bindparam("now", type_=CHANGE.c.decided_at.type),
        version=CHANGE.c.version + literal_column("1"),
    )
    .returning(CHANGE.c.version)
)
_KNOW_YEAR = statement(insert(YEAR).on_conflict_do_nothing())
_OF_DAY = insert(DAY)
_SET_DAY = statement(
    _OF_DAY.on_conflict_do_update(
        index_elements=["day"], set_={"works": _OF_DAY.excluded.works, "source": _OF_DAY.excluded.source}
    )
)
A_YEAR: Final = 4
"""What is changed is a year where its name has so many characters, else a day."""


class YearKnown(Conflict):
    """这一年的放假安排已经录入，有变动的请逐日更正。"""


class ChangeWaits(Conflict):
    """这一年或这一天已有一项变动等待另一人核对，请先确认或撤回。"""


class ChangeSettled(Conflict):
    """这项变动已经确认或撤回，不能再办理。"""


class SamePersonConfirms(NotAllowed):
    """提出的人不能自己确认，请由另一位管理工作日历的同事核对后确认。"""


async def propose_year(work: Work, person_id: UUID, year: int, source: str, days: Mapping[date, bool]) -> UUID:
    """That a provisional year becomes known: which of its days differ. Raises YearKnown, ChangeWaits."""
    if await is_known(work.transaction, year):
        raise YearKnown
    return await _propose(work, person_id, str(year), source, days)


async def propose_day(work: Work, person_id: UUID, day: date, works: bool, source: str) -> UUID:
    """That a day works, or does not. Raises ChangeWaits."""
    return await _propose(work, person_id, day.isoformat(), source, {day: works})


async def _propose(work: Work, person_id: UUID, about: str, source: str, days: Mapping[date, bool]) -> UUID:
    change_id = new_id()
    try:
        await work.transaction.run(
            _PROPOSE,
            id=change_id,
            created_at=work.now,
            about=about,
            days={day.isoformat(): works for day, works in days.items()},
            source=source,
            state="proposed",
            version=1,
            proposed_by=person_id,
        )
    except asyncpg.UniqueViolationError as waiting:
        raise ChangeWaits from waiting
    return change_id


async def confirm(work: Work, person_id: UUID, change_id: UUID, seen: int) -> int:
    """Another person agrees: it is so from now on; answers the new version. Processes know it within
    `queries.KEPT_SECONDS`.

    Raises CalendarChangeNotFound, ChangeSettled, StaleVersion, SamePersonConfirms, YearKnown.
    """
    row = await _proposal(work, change_id, seen)
    if row["proposed_by"] == person_id:
        raise SamePersonConfirms
    version = await _decide(work, row, person_id, "confirmed")
    if len(row["about"]) == A_YEAR:
        year = {"year": int(row["about"]), "source": row["source"]}
        if not await work.transaction.run(_KNOW_YEAR, **year):
            raise YearKnown
    for day, works in row["days"].items():
        await work.transaction.run(_SET_DAY, day=date.fromisoformat(day), works=works, source=row["source"])
    return version


async def withdraw(work: Work, person_id: UUID, change_id: UUID, seen: int) -> int:
    """Take a proposal back, one's own or another's; answers the new version.

    Raises CalendarChangeNotFound, ChangeSettled, StaleVersion.
    """
    return await _decide(work, await _proposal(work, change_id, seen), person_id, "withdrawn")


async def _proposal(work: Work, change_id: UUID, seen: int) -> Record:
    row = await change(work.transaction, change_id)
    if row["state"] != "proposed":
        raise ChangeSettled(state=row["state"])
    if row["version"] != seen:
        raise StaleVersion(version=row["version"])
    return row


async def _decide(work: Work, row: Record, person_id: UUID, to_state: str) -> int:
    version: int | None = await work.transaction.value(
        _DECIDE, row_id=row["id"], seen=row["version"], to_state=to_state, by=person_id, now=work.now
    )
    if version is None:
        raise StaleVersion
    return version
