"""Who decides an objection, and what happens when two things happen at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import Kind
from app.db.database import Database, open_database
from app.db.transaction import Sight
from app.http.routes import notices as routes
from app.http.visitors import NOBODY
from app.kernel.actor import Role
from app.notices.objection_commands import Said, object_to
from app.notices.queries import NoticeNotFound
from app.settings import Settings
from tests.make import Someone, Town, World
from tests.notices.making import (
    decide,
    jobs_of,
    line_of,
    objected,
    over,
    publish,
    published,
    reviewers,
    waiting,
)


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture(scope="module")
async def office(world: World, town: Town) -> dict[str, Someone]:
    return await reviewers(world, town)


@pytest.fixture(scope="module")
async def api(configured: Settings) -> AsyncIterator[Database]:
    """The database as the API sees it."""
    assert configured.database_url is not None
    database = await open_database(configured.database_url.get_secret_value(), "aid_api", size=4)
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def nobody_was_here() -> None:
    routes._turnstile._passed.clear()


# ---- who decides ----


async def test_whoever_signed_or_objected_does_not_decide(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    signer = await world.staff(Role.DISTRICT_LEADER, town.districts[0])
    case = await waiting(world, town.units[0])
    await owner.execute(
        "insert into passage (id, created_at, application_id, round, person_id, action, from_state, to_state, "
        "counts_as_review) values (gen_random_uuid(), now(), $1, 1, $2, 'approve', 'district_review', "
        "'city_approval', true)",
        case.id, signer.id,
    )  # fmt: skip
    await publish(world, case)
    line = await line_of(world, case.id)
    assert (await objected(client, line["id"], office["city"], anonymous=True)).status_code == 201
    for by, code in ((signer, "signed_before"), (office["city"], "own_objection")):
        refused = await decide(client, by, line["id"], "dismiss")
        assert (refused.status_code, refused.json()["code"]) == (403, code)
        shown = await client.get(f"/staff/notices/investigations/{line['id']}", headers=by.headers)
        assert shown.json()["open_actions"] == []
    with pytest.raises(asyncpg.CheckViolationError, match="kept_apart"):
        await owner.execute(
            "update notice_investigation set state = 'dismissed', decided_by = $2, decided_at = now(), note = '' "
            "where id = $1", line["id"], signer.id,
        )  # fmt: skip
    assert (await decide(client, office["district"], line["id"], "dismiss")).status_code == 200


async def test_a_decision_needs_its_reason_and_the_version_and_is_made_once(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    _, line = await published(world, town.units[0])
    await objected(client, line["id"])
    without = await decide(client, office["district"], line["id"], "dismiss", note=None)
    assert (without.status_code, without.json()["errors"][0]["code"]) == (422, "note_required")
    stale = await decide(client, office["district"], line["id"], "dismiss", version=7)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    at_once = await asyncio.gather(
        *(decide(client, office[by], line["id"], what) for by, what in (("district", "uphold"), ("city", "dismiss")))
    )
    assert sorted(answer.status_code for answer in at_once) == [200, 412]
    late = await decide(client, office["district"], line["id"], "uphold", version=2)
    assert (late.status_code, late.json()["code"]) == (409, "not_allowed_now")


# ---- at once ----


async def test_two_objections_at_once_make_one_investigation(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    cases = [await waiting(world, town.units[0]) for _ in range(10)]
    await publish(world, cases[0])
    for case in cases:
        line = await line_of(world, case.id)
        first, second = await asyncio.gather(
            objected(client, line["id"], await world.person()), objected(client, line["id"])
        )
        assert (first.status_code, second.status_code) == (201, 201), (first.text, second.text)
        made = await owner.fetchrow(
            "select (select count(*) from notice_investigation where id = $1) as investigations, "
            "(select count(*) from notice_objection where notice_id = $1) as objections, state, objections as counted "
            "from notice where id = $1", line["id"],
        )  # fmt: skip
        assert tuple(made) == (1, 2, "suspended", 2)


async def test_an_objection_and_the_end_of_the_notice_at_the_same_moment_are_never_both(
    world: World, town: Town, api: Database, owner: asyncpg.Connection
) -> None:
    """The clock of the API is behind, so that either could come first; forty times, on connections of their own."""
    cases = [await waiting(world, town.units[1], kind=Kind.GOLDEN_AUTUMN) for _ in range(40)]
    await publish(world, cases[0], seconds=-60)
    lines = [await line_of(world, case.id) for case in cases]
    jobs = jobs_of(world)
    ended: Counter[bool] = Counter()

    async def object_late(line: Any, begin: asyncio.Event) -> bool:
        async with jobs.work() as found, api.begin(Sight("public", NOBODY)) as transaction:
            work = replace(found, transaction=transaction, now=line["ends_at"] - timedelta(seconds=1))
            await begin.wait()
            try:
                await object_to(work, line["id"], Said("迟到的异议"))
            except NoticeNotFound:
                return False
        return True

    async def end(line: Any, begin: asyncio.Event) -> None:
        await begin.wait()
        await over(world, line, datetime.now(UTC))

    for line, case in zip(lines, cases, strict=True):
        begin = asyncio.Event()
        tasks = [asyncio.create_task(object_late(line, begin)), asyncio.create_task(end(line, begin))]
        await asyncio.sleep(0.005)
        begin.set()
        objected_, _ = await asyncio.gather(*tasks)
        row = await owner.fetchrow(
            "select n.state, a.state as of, (select count(*) from notice_investigation i where i.id = n.id) as opened "
            "from notice n join application a on a.id = n.application_id where n.id = $1", line["id"],
        )  # fmt: skip
        assert tuple(row) == (("suspended", "public_notice", 1) if objected_ else ("ended", "approved", 0)), case.id
        ended[not objected_] += 1
    assert ended.total() == 40
