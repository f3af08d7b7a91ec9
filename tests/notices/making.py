"""Applications and household files at their public notice, published and ended as the worker process does."""

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from app.applications.path import Kind, State
from app.calendars.queries import KeptCalendar
from app.db.statements import statement
from app.db.transaction import Record
from app.files.store import open_store
from app.jobs.handlers import HANDLERS
from app.jobs.notices.ending import end_notice
from app.jobs.notices.opening import open_notice
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.notices.events import InvestigationDecided
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from tests import make
from tests.make import Case, Guild, Someone, Town, World

_LINES = statement(
    text("select * from notice where application_id = :id or household_id = :id order by created_at, id")
)
LATER = timedelta(hours=1)


def jobs_of(world: World) -> Jobs:
    files = open_store(None, Path(tempfile.gettempdir()), world.keyring)  # nothing is put there
    return Jobs(world.jobs, world.keyring, KeptCalendar(world.jobs), KeptPolicies(world.jobs, MODELS), files)


async def waiting(world: World, home: Guild, *, kind: Kind = Kind.HARDSHIP_AID, **given: Any) -> Case:
    """An application that has just reached its notice."""
    who = given.pop("who", None) or await world.person()
    return await world.application(who, home, kind=kind, state=State.PUBLIC_NOTICE, **given)


async def publish(world: World, case: Case, *, seconds: float = 3600) -> None:
    """As the fact of its approval makes it: for an hour, unless the test says otherwise."""
    fact = {"to_state": "public_notice", "application_id": str(case.id), "kind": case.kind, "action": "approve"}
    async with jobs_of(world).work() as found:
        # The tests' notices last a second: begun so much later, this one ends so much later.
        await open_notice(replace(found, now=found.now + timedelta(seconds=seconds - 1)), fact)


async def lines_of(world: World, subject_id: UUID) -> list[Record]:
    async with jobs_of(world).work() as work:
        return await work.transaction.rows(_LINES, id=subject_id)


async def line_of(world: World, subject_id: UUID) -> Record:
    """The line that is not closed."""
    (found,) = [line for line in await lines_of(world, subject_id) if line["closed_at"] is None]
    return found


async def published(world: World, home: Guild, **given: Any) -> tuple[Case, Record]:
    case = await waiting(world, home, **given)
    await publish(world, case)
    return case, await line_of(world, case.id)


async def settled(world: World, notice_id: UUID) -> None:
    """What the worker does once an objection was decided; twice, as it may."""
    for _ in range(2):
        for handle in HANDLERS[InvestigationDecided.__name__]:
            async with jobs_of(world).work() as work:
                await handle(work, {"notice_id": str(notice_id)})


async def over(world: World, line: Record, at: datetime | None = None) -> None:
    """The worker looks at a line when its time is over, or at another instant."""
    async with jobs_of(world).work() as found:
        await end_notice(replace(found, now=at or line["ends_at"]), line)


async def state_of(world: World, case: Case) -> str:
    async with jobs_of(world).work() as work:
        found: str = await work.transaction.value(
            statement(text("select state from application where id = :id")), id=case.id
        )
    return found


async def objected(client: httpx.AsyncClient, notice_id: Any, by: Someone | None = None, **body: Any) -> httpx.Response:
    return await client.post(
        f"/public/notices/{notice_id}/objections",
        json={"text": "此人名下另有房产", **body},
        headers=make.keyed() | (by.headers if by else {}),
    )


async def decide(
    client: httpx.AsyncClient,
    by: Someone,
    notice_id: Any,
    action: str,
    *,
    version: int = 1,
    note: str | None = "已核实",
) -> httpx.Response:
    return await client.post(
        f"/staff/notices/investigations/{notice_id}/actions",
        json={"action": action, "note": note},
        headers=by.headers | make.keyed() | {"If-Match": f'"{version}"'},
    )


async def reviewers(world: World, town: Town) -> dict[str, Someone]:
    return {
        "district": await world.staff(Role.DISTRICT_REVIEWER, town.districts[0]),
        "beside": await world.staff(Role.DISTRICT_REVIEWER, town.districts[1]),
        "city": await world.staff(Role.CITY_LEADER, town.city),
        "chair": await world.staff(Role.UNIT_CHAIR, town.units[0]),
        "street": await world.staff(Role.STREET_REVIEWER, town.streets[0]),
    }
