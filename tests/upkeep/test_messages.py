"""Reminders reach the worker and the responsible staff as messages, each once."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from app.jobs.daily import remind_of_all
from app.jobs.handlers import HANDLERS
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.upkeep.rules import REMIND_DAYS
from app.upkeep.wording import reminding
from tests import make
from tests.make import Someone, Town, World


async def told(client: httpx.AsyncClient, who: Someone) -> list[dict[str, str]]:
    answer = await client.get("/me/messages", headers=who.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, str]] = answer.json()["items"]
    return items


async def due_in(world: World, town: Town, days: int, head: Someone) -> UUID:
    return await world.household(head, town.units[0], columns={"review_due_on": make.TODAY + timedelta(days=days)})


async def facts_of(owner: asyncpg.Connection, household_id: UUID) -> list[dict[str, str]]:
    """The reminders of this household that went out."""
    rows = await owner.fetch(
        "select body::text as body from out_message where name = 'Reminded' and body->>'household_id' = $1 order by id",
        str(household_id),
    )
    return [orjson.loads(row["body"]) for row in rows]


async def handed_over(background: Jobs, fact: dict[str, str]) -> None:
    """As the worker process does it, each handler in a transaction of its own."""
    for handler in HANDLERS["Reminded"]:
        async with background.work() as work:
            await handler(work, fact)


async def delivered(background: Jobs, owner: asyncpg.Connection, household_id: UUID) -> int:
    """Everything that is due is reminded of, and what concerns this household handed over; answers how many facts."""
    await remind_of_all(background)
    facts = await facts_of(owner, household_id)
    for fact in facts:
        await handed_over(background, fact)
    return len(facts)


@pytest.mark.parametrize(("days", "title"), [(30, "年度复核提醒"), (7, "年度复核提醒"), (0, "年度复核到期")])
async def test_the_worker_and_the_clerks_of_the_unit_are_told_before_a_review_is_due(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, owner: asyncpg.Connection, days: int,
    title: str,
) -> None:  # fmt: skip
    clerk, chair = await world.staff(Role.UNIT_CLERK, town.units[0]), await world.staff(Role.UNIT_CHAIR, town.units[0])
    beside = await world.staff(Role.UNIT_CLERK, town.units[1])
    head = await world.person(name="郑小红")
    household_id = await due_in(world, town, days, head)
    assert await delivered(background, owner, household_id) == 1
    (mine,), (theirs,) = await told(client, head), await told(client, clerk)
    assert (mine["title"], mine["kind"], mine["subject_id"]) == (title, "review_due", str(household_id))
    assert "您的家庭档案" in mine["text"]
    assert "郑*红家" in theirs["text"]
    assert head.id_number not in str(theirs)
    assert (await told(client, chair), await told(client, beside)) == ([], [])


async def test_whoever_is_responsible_is_told_in_place_of_the_clerks_while_they_hold_a_post(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, owner: asyncpg.Connection
) -> None:
    clerk, chair = await world.staff(Role.UNIT_CLERK, town.units[0]), await world.staff(Role.UNIT_CHAIR, town.units[0])
    head = await world.person()
    household_id = await due_in(world, town, 30, head)
    body = {"person_id": str(chair.id), "phone": "0754-88123456"}
    headers = chair.headers | {"If-Match": '"1"'}
    assigned = await client.put(f"/staff/households/{household_id}/responsible", json=body, headers=headers)
    assert assigned.status_code == 200, assigned.text
    await delivered(background, owner, household_id)
    assert (len(await told(client, chair)), len(await told(client, clerk))) == (1, 0)
    await owner.execute("update post set ended_at = now() where person_id = $1", chair.id)
    await owner.execute("update household set review_due_on = $1 where id = $2", make.TODAY, household_id)
    await delivered(background, owner, household_id)
    assert (len(await told(client, chair)), len(await told(client, clerk))) == (1, 2)


async def test_a_unit_without_clerks_leaves_it_to_the_union_above(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, owner: asyncpg.Connection
) -> None:
    above = await world.staff(Role.UNIT_CLERK, town.districts[0])
    household_id = await due_in(world, town, 7, await world.person())
    await delivered(background, owner, household_id)
    assert len(await told(client, above)) == 1


async def test_however_often_and_at_once_it_is_delivered_everybody_has_it_once(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, owner: asyncpg.Connection
) -> None:
    clerk, head = await world.staff(Role.UNIT_CLERK, town.units[0]), await world.person()
    household_id = await due_in(world, town, 7, head)
    await remind_of_all(background)
    (fact,) = await facts_of(owner, household_id)
    await asyncio.gather(*(handed_over(background, fact) for _ in range(4)))
    await handed_over(background, fact)
    assert (len(await told(client, head)), len(await told(client, clerk))) == (1, 1)


async def test_a_watch_task_is_told_of_too_and_a_file_that_has_ended_is_not_reminded_of_its_review(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    clerk, head = await world.staff(Role.UNIT_CLERK, town.units[0]), await world.person()
    household_id = await world.household(head, town.units[0], state="lifted")
    fact = {"household_id": str(household_id), "due_on": str(make.TODAY), "days": "0"}
    for about in ("review", "watch"):
        async with background.work() as work:
            await HANDLERS["Reminded"][0](work, fact | {"about": about})
    assert [each["kind"] for each in await told(client, head)] == ["watch_due"]
    assert [each["title"] for each in await told(client, clerk)] == ["回访提醒"]


async def test_messages_are_read_by_their_person_alone_page_by_page(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    head, other = await world.person(), await world.person()
    household_id = await world.household(head, town.units[0])
    for days in REMIND_DAYS:
        fact = {"household_id": str(household_id), "about": "review", "due_on": "2027-01-31", "days": str(days)}
        async with background.work() as work:
            await HANDLERS["Reminded"][0](work, fact)
    first = (await client.get("/me/messages", params={"limit": 2}, headers=head.headers)).json()
    rest = await client.get("/me/messages", params={"cursor": first["next_cursor"]}, headers=head.headers)
    seen = [*first["items"], *rest.json()["items"]]
    assert len({each["id"] for each in seen}) == 3
    assert (await client.get("/me/messages/count", headers=head.headers)).json() == {"count": 3}
    path = f"/me/messages/{seen[0]['id']}/read"
    stranger = await client.post(path, json={}, headers=other.headers | make.keyed())
    assert (stranger.status_code, stranger.json()["code"]) == (404, "message_not_found")
    read = [(await client.post(path, json={}, headers=head.headers | make.keyed())).json() for _ in range(2)]
    assert read[0]["read_at"] is not None
    assert read[0] == read[1]
    assert (await client.get("/me/messages/count", headers=head.headers)).json() == {"count": 2}


@pytest.mark.parametrize("about", ["review", "watch"])
@pytest.mark.parametrize("days", REMIND_DAYS)
def test_what_is_said_fits_and_ends_as_a_sentence(about: str, days: int) -> None:
    said = reminding(about, date(2026, 12, 25), days, "欧阳**", "DA-440507-2026-000123")
    assert len(said.title) <= 60
    for text in (said.to_worker, said.to_staff):
        assert "2026年12月25日" in text
        assert text.endswith("。")
        assert len(text) <= 300
