"""Nobody is paid before the notice of their application has ended: the database says so, whatever the code does.

Each statement is sent as one of the two roles that the service has, past every line of Python.
"""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from app.applications.path import PATHS, Kind, State
from app.db.transaction import Sight
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests.make import Case, Town, World
from tests.notices.making import decide, line_of, objected, over, publish, reviewers, settled, waiting
from tests.paying import why_out

GUARD = "no notice of this round has ended"
PAYING = "update application set state = 'paying', approved_at = now() where id = $1"
PAID = "update application set state = 'paid', approved_at = now(), paid_at = now() where id = $1"
ROLES = ("aid_api", "aid_jobs")
As = Callable[..., Any]


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture
def acting(database_url: str, town: Town) -> As:
    @asynccontextmanager
    async def as_role(role: str) -> AsyncIterator[asyncpg.Connection]:
        """Rolled back at the end. The API's role stands where it sees every case of the town."""
        connection = await asyncpg.connect(database_url, server_settings={"role": role})
        try:
            await connection.execute(Sight("staff", new_id(), (town.city.id,)).opening())
            assert await connection.fetchval("select current_user") == role
            yield connection
        finally:
            await connection.close()

    return as_role


async def refused(acting: As, case_id: UUID) -> None:
    for role in ROLES:
        for statement in (PAYING, PAID):
            async with acting(role) as connection:
                with pytest.raises(asyncpg.CheckViolationError, match=GUARD):
                    await connection.execute(statement, case_id)


async def allowed(acting: As, case_id: UUID) -> None:
    for role in ROLES:
        for statement in (PAYING, PAID):
            async with acting(role) as connection:
                assert await connection.execute(statement, case_id) == "UPDATE 1"


def test_the_kinds_without_a_notice_are_those_that_the_database_lets_pass() -> None:
    without = {kind for kind in Kind if State.PUBLIC_NOTICE not in PATHS[kind].states}
    assert without == {Kind.SECONDARY_MEDICAL}


@pytest.mark.parametrize("kind", [Kind.HARDSHIP_AID, Kind.GOLDEN_AUTUMN])
async def test_without_a_notice_and_while_it_runs_nobody_is_paid(
    world: World, town: Town, acting: As, kind: Kind
) -> None:
    for state in (State.CITY_APPROVAL, State.PUBLIC_NOTICE):
        case = await world.application(await world.person(), town.units[0], kind=kind, state=state)
        await refused(acting, case.id)
    await publish(world, case)
    await refused(acting, case.id)


async def test_a_notice_that_has_ended_lets_its_round_be_paid_and_no_other(
    world: World, town: Town, acting: As, owner: asyncpg.Connection
) -> None:
    case = await waiting(world, town.units[0])
    await publish(world, case, seconds=-60)
    await refused(acting, case.id)  # its time is over, and nobody has ended it
    await over(world, await line_of(world, case.id))
    await allowed(acting, case.id)
    await owner.execute("update application set round = 2 where id = $1", case.id)
    await refused(acting, case.id)


async def test_an_insured_claim_has_no_notice_and_no_other_kind_becomes_one(
    world: World, town: Town, acting: As
) -> None:
    claim = await world.application(
        await world.person(), town.units[0], kind=Kind.SECONDARY_MEDICAL, state=State.APPROVED
    )
    await allowed(acting, claim.id)
    aid = await world.application(await world.person(), town.units[0], state=State.CITY_APPROVAL)
    for role in ROLES:
        async with acting(role) as connection:
            await connection.execute("update application set kind = 'secondary_medical' where id = $1", aid.id)
            await connection.execute(PAID, aid.id)
            with pytest.raises(asyncpg.CheckViolationError, match=GUARD):
                await connection.execute("update application set kind = 'hardship_aid' where id = $1", aid.id)


async def test_what_is_written_as_paid_from_the_beginning_is_refused_too(world: World, town: Town, acting: As) -> None:
    case = await world.application(await world.person(), town.units[0], state=State.CITY_APPROVAL)
    copied = (
        "insert into application select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(), "
        "'number', gen_random_uuid(), 'state', 'paid', 'paid_at', now(), 'approved_at', now()))).* "
        "from application a where id = $1"
    )
    for role in ROLES:
        async with acting(role) as connection:
            with pytest.raises(asyncpg.CheckViolationError, match=GUARD):
                await connection.execute(copied, case.id)


async def test_an_objected_line_pays_nobody_until_its_renewal_has_ended(
    client: httpx.AsyncClient, world: World, town: Town, acting: As, owner: asyncpg.Connection
) -> None:
    office = await reviewers(world, town)
    case = await waiting(world, town.units[0])
    await publish(world, case)
    line = await line_of(world, case.id)
    assert (await objected(client, line["id"], await world.person())).status_code == 201
    await refused(acting, case.id)
    assert (await decide(client, office["district"], line["id"], "dismiss")).status_code == 200
    await settled(world, line["id"])
    await refused(acting, case.id)


FORGERIES = {
    "ended before its time": "update notice set state = 'ended', closed_at = now() where id = $1",
    "its time made shorter": "update notice set ends_at = now() where id = $1",
    "ended from a suspension": "update notice set state = 'suspended', objections = 1 where id = $1; "
    "update notice set state = 'ended', closed_at = ends_at where id = $1",
}


@pytest.mark.parametrize("forged", FORGERIES)
async def test_no_role_of_the_service_brings_a_notice_to_an_early_end(
    world: World, town: Town, acting: As, forged: str
) -> None:
    case = await waiting(world, town.units[0])
    await publish(world, case)
    line = await line_of(world, case.id)
    for role in ROLES:
        async with acting(role) as connection:
            *before, last = FORGERIES[forged].split("; ")
            for statement in before:
                await connection.execute(statement, line["id"])
            with pytest.raises((asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError)):
                await connection.execute(last, line["id"])
    for role in ROLES:
        async with acting(role) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("delete from notice where id = $1", line["id"])


async def test_where_notices_may_not_be_short_a_line_lasts_its_whole_working_days(
    world: World, town: Town, acting: As, owner: asyncpg.Connection
) -> None:
    """As in production: the terms of this database are changed for one transaction, and no role may do it."""
    other = await waiting(world, town.units[1])
    await publish(world, other)
    case = await waiting(world, town.units[0])
    batch = dict(await owner.fetchrow("select b.* from notice_batch b join notice n on n.batch_id = b.id "
                                      "where n.application_id = $1", other.id))  # fmt: skip
    for role in ROLES:
        async with acting(role) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("update notice_term set may_be_short = true")
    for days, begun, stands in ((5, "0", True), (5, "20 minutes", False), (4, "0", False), (9, "0", True)):
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute("update notice_term set may_be_short = false")
        adding = _add(owner, batch, case, town, days, begun)
        if stands:
            await adding
        else:
            with pytest.raises(asyncpg.CheckViolationError):
                await adding
        await transaction.rollback()
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("update notice_term set may_be_short = false")
    with pytest.raises(asyncpg.CheckViolationError, match="whole working days"):
        await _add(owner, batch, case, town, 5, "0", shorter=timedelta(seconds=1))
    await transaction.rollback()


async def _add(
    owner: asyncpg.Connection, batch: dict[str, Any], case: Case, town: Town, days: int, begun: str,
    shorter: timedelta = timedelta(),
) -> None:  # fmt: skip
    """A list of one line, as somebody who holds the jobs' role could write it by hand."""
    created, ends = await owner.fetchrow(
        f"select now() - interval '{begun}', end_of_notice(now() - interval '{begun}', $1)", days
    )
    line = {
        "serial": 1,
        "number": "X",
        "name_masked": "*",
        "organisation": "Y",
        "amount_fen": None,
        "amount_band": None,
    }
    content = orjson.dumps({"lines": [line]})
    row = batch | {
        "id": new_id(), "content": content, "sha256": hashlib.sha256(content).hexdigest(), "created_at": created,
        "working_days": days, "ends_at": ends - shorter, "lines": 1,
    }  # fmt: skip
    await _insert(owner, "notice_batch", row)
    await _insert(owner, "notice", {
        "id": new_id(), "created_at": created, "batch_id": row["id"], "serial": 1, "application_id": case.id,
        "person_id": case.applicant.id, "signer_ids": [], "agreed": True, "city_id": town.city.id,
        "round": 1, "number": "X",
        "kind": row["kind"], "name_masked": "*", "organisation_name": "Y", "working_days": days,
        "ends_at": row["ends_at"], "state": "open", "objections": 0,
    })  # fmt: skip


async def _insert(owner: asyncpg.Connection, table: str, row: dict[str, Any]) -> None:
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await owner.execute(f"insert into {table} ({', '.join(row)}) values ({places})", *row.values())


async def test_whoever_pays_too_early_is_told_so_where_the_path_did_not_stop_them(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    """Somebody wrote `approved` into a row by hand: the application's notice is missed all the same."""
    maker = await world.staff(Role.FINANCE_MAKER, town.city)
    case = await waiting(world, town.units[0])
    await owner.execute("update application set state = 'approved', approved_at = now() where id = $1", case.id)
    assert (await why_out(client, maker, town.city))[case.number] == "notice_not_over"


async def test_other_steps_do_not_ask_for_the_notice(owner: asyncpg.Connection, world: World, town: Town) -> None:
    """The condition stands on the trigger itself: no function is called for a step that moves no money."""
    case = await world.application(await world.person(), town.units[0])
    asked = await owner.fetchval(
        "select pg_get_triggerdef(oid) from pg_trigger where tgname = 'notice_before_payment' and not tgisinternal"
    )
    assert "WHEN (" in asked
    plan = await owner.fetchval(
        f"explain (analyze, format json) update application set state = 'unit_review' where id = '{case.id}'"
    )
    assert "notice_before_payment" not in plan
