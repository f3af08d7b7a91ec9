"""Public notices come down by themselves, each on its own."""

from datetime import UTC, datetime, timedelta

import asyncpg

from app.applications.path import Kind, State
from app.jobs.running import Jobs
from app.kernel.ids import new_id
from app.notices.tables import Notice
from app.worker import end_notices
from tests.make import Case, World


async def due_notice(world: World, minutes: int) -> Case:
    """An application whose notice was over so many minutes ago."""
    town = await world.town()
    case = await world.application(
        await world.person(), town.units[0], kind=Kind.HARDSHIP_AID, state=State.PUBLIC_NOTICE
    )
    ended = datetime.now(UTC) - timedelta(minutes=minutes)
    await world.insert(
        Notice,
        id=new_id(),
        created_at=ended - timedelta(days=7),
        application_id=case.id,
        round=1,
        number=str(case.id),
        kind=Kind.HARDSHIP_AID,
        name_masked="王*",
        organisation_name="某工会",
        amount_fen=100,
        working_days=5,
        ends_at=ended,
    )
    return case


async def state(owner: asyncpg.Connection, case: Case) -> str:
    return str(await owner.fetchval("select state from application where id = $1", case.id))


async def test_a_notice_that_cannot_be_ended_holds_up_no_other(
    world: World, background: Jobs, owner: asyncpg.Connection
) -> None:
    broken, sound = await due_notice(world, 60), await due_notice(world, 30)
    await owner.execute(f"alter table passage add constraint planted check (application_id <> '{broken.id}') not valid")
    try:
        assert await end_notices(background)
    finally:
        await owner.execute("alter table passage drop constraint planted")

    assert (await state(owner, broken), await state(owner, sound)) == ("public_notice", "approved")
    assert await end_notices(background)
    assert await state(owner, broken) == "approved"


async def test_an_ended_notice_is_ended_once(world: World, background: Jobs, owner: asyncpg.Connection) -> None:
    case = await due_notice(world, 1)

    assert await end_notices(background)
    assert not await end_notices(background)

    passages = await owner.fetchval(
        "select count(*) from passage where application_id = $1 and action = 'end_notice'", case.id
    )
    assert passages == 1
