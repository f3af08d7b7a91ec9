"""A contact card is issued again by itself when somebody else sees to the household, once for each change."""

from typing import Any
from uuid import UUID

import asyncpg
import httpx

from app.jobs.handlers import LONG_HANDLERS, issue_card_again
from app.jobs.running import Jobs
from app.kernel.actor import Role
from tests import make
from tests.documents.reading import pages
from tests.http.test_contact_cards import Place, assign, mine, place
from tests.make import Someone, World

__all__ = ["place"]


async def take(client: httpx.AsyncClient, world: World, household_id: Any, by: Someone, version: int) -> None:
    measure = world.measures[household_id, "living_aid"]
    body = {"state": "running", "due_on": str(make.TODAY), "take": True}
    headers = by.headers | {"If-Match": f'"{version}"'}
    taken = await client.put(f"/staff/measures/{measure}", json=body, headers=headers)
    assert taken.status_code == 200, taken.text


async def issued(owner: asyncpg.Connection, household_id: Any) -> list[str]:
    """The serials that the worker was told of, one fact each."""
    rows = await owner.fetch(
        "select body ->> 'serial' as serial from out_message where name = 'CardIssued' "
        "and body ->> 'household_id' = $1 order by id", str(household_id),
    )  # fmt: skip
    return [row["serial"] for row in rows]


def fact(place: Place) -> dict[str, str]:
    return {"household_id": str(place.id), "measure_id": str(UUID(int=1))}


async def test_whoever_takes_a_measure_over_stands_on_a_new_card_and_the_worker_is_told_once(
    client: httpx.AsyncClient, world: World, place: Place, background: Jobs, owner: asyncpg.Connection
) -> None:
    assert (await assign(client, place, place.chair, place.clerk, 1)).status_code == 200
    first = (await mine(client, place))["card"]["serial"]
    assert await issued(owner, place.id) == [first]
    await take(client, world, place.id, place.clerk, 1)
    told = "select count(*) from out_message where name = 'MeasureTaken' and body ->> 'household_id' = $1"
    assert await owner.fetchval(told, str(place.id)) == 1
    await issue_card_again(background, fact(place))
    second = (await mine(client, place))["card"]["serial"]
    assert second != first
    # A job that comes twice, and one that changes nothing that the card says, issue nothing.
    await issue_card_again(background, fact(place))
    assert await issued(owner, place.id) == [first, second]
    printed = await client.get("/me/household/contact_card", headers=place.worker.headers)
    assert printed.headers["contact-card-serial"] == second
    assert place.clerk.name in "".join(pages(printed.content)).replace("\n", "")
    other = await world.staff(Role.UNIT_CLERK, place.town.units[0], name="黄接手")
    await take(client, world, place.id, other, 2)
    await issue_card_again(background, fact(place))
    printed = await client.get("/me/household/contact_card", headers=place.worker.headers)
    assert "黄接手" in "".join(pages(printed.content)).replace("\n", "")
    assert len(await issued(owner, place.id)) == 3


async def test_a_household_that_has_no_card_gets_none_by_itself(
    client: httpx.AsyncClient, world: World, place: Place, background: Jobs, owner: asyncpg.Connection
) -> None:
    await issue_card_again(background, fact(place))
    assert (await issued(owner, place.id), (await mine(client, place))["card"]) == ([], None)


async def test_a_file_that_has_ended_gets_no_card(
    client: httpx.AsyncClient, world: World, place: Place, background: Jobs, owner: asyncpg.Connection
) -> None:
    assert (await assign(client, place, place.chair, place.clerk, 1)).status_code == 200
    await take(client, world, place.id, place.clerk, 1)
    await owner.execute("update household set state = 'lifted' where id = $1", place.id)
    await issue_card_again(background, fact(place))
    assert len(await issued(owner, place.id)) == 1


def test_the_fact_that_a_measure_was_taken_sets_it_off() -> None:
    assert issue_card_again in LONG_HANDLERS["MeasureTaken"]
