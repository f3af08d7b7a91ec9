"""A contact card is issued again by itself when somebody else sees to the household, once for each change."""

from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.contact_cards import card as cards
from app.contact_cards import commands
from app.documents.printing import NotPrinted
from app.jobs.handlers import HANDLERS, LONG_HANDLERS, draw_card, issue_card_again
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


async def renewed(background: Jobs, place: Place) -> None:
    async with background.work() as work:
        await issue_card_again(work, fact(place))


async def test_whoever_takes_a_measure_over_stands_on_a_new_card_and_the_worker_is_told_once(
    client: httpx.AsyncClient, world: World, place: Place, background: Jobs, owner: asyncpg.Connection
) -> None:
    assert (await assign(client, place, place.chair, place.clerk, 1)).status_code == 200
    first = (await mine(client, place))["card"]["serial"]
    assert await issued(owner, place.id) == [first]
    await take(client, world, place.id, place.clerk, 1)
    told = "select count(*) from out_message where name = 'MeasureTaken' and body ->> 'household_id' = $1"
    assert await owner.fetchval(told, str(place.id)) == 1
    await renewed(background, place)
    second = (await mine(client, place))["card"]["serial"]
    assert second != first
    # A job that comes twice, and one that changes nothing that the card says, issue nothing.
    await renewed(background, place)
    assert await issued(owner, place.id) == [first, second]
    printed = await client.get("/me/household/contact_card", headers=place.worker.headers)
    assert printed.headers["contact-card-serial"] == second
    assert place.clerk.name in "".join(pages(printed.content)).replace("\n", "")
    other = await world.staff(Role.UNIT_CLERK, place.town.units[0], name="黄接手")
    await take(client, world, place.id, other, 2)
    await renewed(background, place)
    printed = await client.get("/me/household/contact_card", headers=place.worker.headers)
    assert "黄接手" in "".join(pages(printed.content)).replace("\n", "")
    assert len(await issued(owner, place.id)) == 3


async def test_a_household_that_has_no_card_gets_none_by_itself(
    client: httpx.AsyncClient, world: World, place: Place, background: Jobs, owner: asyncpg.Connection
) -> None:
    await renewed(background, place)
    assert (await issued(owner, place.id), (await mine(client, place))["card"]) == ([], None)


async def test_a_file_that_has_ended_gets_no_card(
    client: httpx.AsyncClient, world: World, place: Place, background: Jobs, owner: asyncpg.Connection
) -> None:
    assert (await assign(client, place, place.chair, place.clerk, 1)).status_code == 200
    await take(client, world, place.id, place.clerk, 1)
    await owner.execute("update household set state = 'lifted' where id = $1", place.id)
    await renewed(background, place)
    assert len(await issued(owner, place.id)) == 1


def test_the_fact_that_a_measure_was_taken_sets_it_off() -> None:
    assert issue_card_again in HANDLERS["MeasureTaken"]
    assert draw_card in LONG_HANDLERS["CardIssued"]


async def test_the_worker_keeps_the_hash_of_a_new_card_which_is_that_of_whoever_prints_it(
    client: httpx.AsyncClient, place: Place, background: Jobs
) -> None:
    assert (await assign(client, place, place.chair, place.clerk, 1)).json()["card"]["sha256"] is None
    for _ in range(2):
        await draw_card(background, fact(place))
    printed = await client.get("/me/household/contact_card", headers=place.worker.headers)
    assert (await mine(client, place))["card"]["sha256"] == sha256(printed.content).hexdigest()


async def test_a_card_whose_form_was_changed_is_issued_anew(
    client: httpx.AsyncClient, place: Place, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await assign(client, place, place.chair, place.clerk, 1)).status_code == 200
    path = f"{place.path}/contact_card"
    first = await client.get(path, headers=place.chair.headers)
    again = await client.get(path, headers=place.chair.headers)
    assert again.content == first.content
    monkeypatch.setattr(commands, "drawn_by", lambda: cards.drawn_by()[::-1])
    changed = await client.get(path, headers=place.chair.headers)
    assert changed.headers["contact-card-serial"] == first.headers["contact-card-serial"].removesuffix("1") + "2"


async def test_a_press_that_does_not_answer_costs_nobody_the_card_that_was_issued(
    client: httpx.AsyncClient, place: Place, monkeypatch: pytest.MonkeyPatch, owner: asyncpg.Connection
) -> None:
    """It is drawn when the transaction is over: the card is there, and the next who asks gets it."""
    assert (await assign(client, place, place.chair, place.clerk, 1)).status_code == 200
    seen: list[int] = []

    async def away(*_: object) -> bytes:
        # Another connection sees that printing was recorded: nothing is held while the press works.
        seen.append(await owner.fetchval("select count(*) from audit_entry where subject_id = $1 "
                                         "and action = 'household.card_printed'", place.id))  # fmt: skip
        raise NotPrinted

    monkeypatch.setattr(commands, "drawn", away)
    refused = await client.get(f"{place.path}/contact_card", headers=place.chair.headers)
    assert (refused.status_code, refused.json()["code"]) == (503, "not_printed")
    assert seen == [1]
    monkeypatch.undo()
    printed = await client.get("/me/household/contact_card", headers=place.worker.headers)
    assert (printed.status_code, printed.headers["contact-card-serial"][-2:]) == (200, "-1")
