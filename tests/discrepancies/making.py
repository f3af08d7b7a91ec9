"""Discrepancies as a visit or a department would open them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from app.calendars.queries import calendar
from app.db.base import table_of
from app.db.statements import statement
from app.db.transaction import Record, Sight
from app.db.work import Work
from app.discrepancies.commands import Found, open_discrepancy
from app.households.tables import Household
from app.kernel.ids import new_id
from app.programmes import shipped
from tests.make import NOW, TODAY, Guild, Someone, World

_H = table_of(Household)
_ONE = statement(select(_H).where(_H.c.id == bindparam("id")))
_OF = statement(select(_H.c.id).where(_H.c.person_id == bindparam("person_id")))


@asynccontextmanager
async def working(world: World, now: datetime = NOW) -> AsyncIterator[Work]:
    """What the jobs work with."""
    async with world.jobs.begin(Sight("job")) as transaction:
        yield Work(transaction, world.keyring, await calendar(transaction), now, shipped())


async def household_of(work: Work, household_id: UUID) -> Record:
    row = await work.transaction.row(_ONE, id=household_id)
    assert row is not None
    return row


def found(**given: Any) -> Found:
    """A department knows of a higher income than the file tells."""
    known = {
        "source": "match",
        "source_id": new_id(),
        "field": "/income_fen_yearly",
        "in_file": 24_000_00,
        "found": 60_000_00,
        "found_on": TODAY,
        "said_by": "市民政局核对",
    }
    return Found(**known | given)


async def discrepancy_of(world: World, owner: Someone, unit: Guild, *, now: datetime = NOW, **given: Any) -> UUID:
    """One in somebody's file, which is made where there is none."""
    async with working(world, now) as work:
        household_id = await work.transaction.value(_OF, person_id=owner.id)
    household_id = household_id or await world.household(owner, unit)
    async with working(world, now) as work:
        return await open_discrepancy(work, await household_of(work, household_id), found(**given))
