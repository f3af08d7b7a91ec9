"""Who reviews a household file, and who helped with it, are different persons, whatever their accounts."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.households.tables import HouseholdPassage
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.calling import post
from tests.forms import filing
from tests.http import paperwork
from tests.http.household_acts import act
from tests.http.refusals import refused
from tests.make import Someone, Town, World
from tests.relatives.making import WAYS, bring_near, declared

APART = "ck_household_passage_apart"
STEPS = ("assist", "accept", "approve")


async def refusal(world: World, household_id: UUID, who: Someone, action: str, round: int = 1) -> str | None:
    """The constraint that refuses a step, written straight into the database; None when it is taken."""
    try:
        await world.insert(
            HouseholdPassage, id=new_id(), created_at=make.NOW, household_id=household_id, round=round,
            person_id=who.id, post_role="unit_clerk", organisation_name="x", action=action, from_state="submitted",
            to_state="unit_review", counts_as_review=True,
        )  # fmt: skip
    except asyncpg.IntegrityConstraintViolationError as refused:
        return str(refused.constraint_name)
    return None


async def people(world: World, count: int) -> list[Someone]:
    return [await world.person(consents=()) for _ in range(count)]


# ---- what the database says, whatever a query forgets ----


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("first", STEPS)
async def test_of_two_near_ones_the_second_signs_nothing_of_a_round(
    world: World, town: Town, owner: asyncpg.Connection, way: str, first: str
) -> None:
    head, one, other, stranger = await people(world, 4)
    await bring_near(way, world, owner, one, other)
    file = await world.household(head, town.units[0])
    assert await refusal(world, file, one, first) is None
    assert [await refusal(world, file, other, step) for step in STEPS] == [APART] * 3
    assert await refusal(world, file, stranger, "approve") is None
    assert await refusal(world, file, other, "accept", round=2) is None


@pytest.mark.parametrize("way", WAYS)
async def test_nobody_signs_the_file_of_somebody_near(
    world: World, town: Town, owner: asyncpg.Connection, way: str
) -> None:
    head, signer = await people(world, 2)
    lives_there = way == "one household"
    members = [make.member("spouse", number=signer.id_number)] if lives_there else []
    file = await world.household(head, town.units[0], members=members)
    if not lives_there:
        await bring_near(way, world, owner, head, signer)
    assert [await refusal(world, file, signer, step) for step in STEPS] == [APART] * 3


async def test_what_is_carried_along_keeps_no_round_from_beginning(
    world: World, town: Town, owner: asyncpg.Connection
) -> None:
    """Two who came near one another after both had helped; whoever is near either decides nothing of it."""
    head, one, other, relative = await people(world, 4)
    file = await world.household(head, town.units[0])
    for helper in (one, other):
        assert await refusal(world, file, helper, "assist") is None
    await declared(world, one, other)
    await declared(world, relative, other)
    await owner.execute("update household set round = 2 where id = $1", file)
    carried = await owner.fetch("select person_id from household_passage where household_id = $1 and round = 2", file)
    assert {row["person_id"] for row in carried} == {one.id, other.id}
    assert await refusal(world, file, relative, "approve", round=2) == APART


async def test_who_has_not_proved_who_they_are_signs_nothing(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    unit = town.units[0]
    clerk = await world.staff(Role.UNIT_CLERK, unit, verified=False, consents=())
    worker = await world.person()
    file = await world.household(worker, unit, state="submitted")
    assert await refusal(world, file, clerk, "accept") == "ck_household_passage_known"
    refused(await act(client, clerk, {"id": file, "version": 1}, action="accept"), 409, "identity_required")
    body = filing(await world.person(), unit)
    refused(await post(client, clerk, "/staff/proxy_households", body), 409, "identity_required")
    application = paperwork.filing(worker, unit)
    refused(await post(client, clerk, "/staff/proxy_applications", application), 409, "identity_required")


# ---- what staff are told ----


async def filed(client: httpx.AsyncClient, by: Someone, body: dict[str, Any]) -> dict[str, Any]:
    answer = await post(client, by, "/staff/proxy_households", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def on_paper(client: httpx.AsyncClient, world: World, by: Someone, one: dict[str, Any]) -> httpx.Response:
    paper = {"signature_file_id": str(await world.file(by))}
    return await post(client, by, f"/staff/proxy_households/{one['id']}/confirm_on_paper", paper, 1)


def of_nobody(town: Town, author: Someone, **given: Any) -> dict[str, Any]:
    """The file of somebody without WeChat."""
    who = {"name": "林阿伯", "id_number": make.id_number()} | given
    return filing(None, town.units[0], household=make.household_form(author), **who)


async def clerks(world: World, town: Town, count: int) -> list[Someone]:
    return [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(count)]


@pytest.mark.parametrize("way", WAYS[1:])
async def test_who_confirms_on_paper_is_near_nobody_who_filled_it_in(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection, way: str
) -> None:
    author, relative, second, _ = await clerks(world, town, 4)
    await bring_near(way, world, owner, author, relative)
    one = await filed(client, author, of_nobody(town, author))
    refused(await on_paper(client, world, relative, one), 403, "kept_apart")
    assert (await on_paper(client, world, second, one)).status_code == 200


async def test_who_fills_in_anew_is_near_nobody_who_helped_before(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    author, second, clerk, relative, stranger = await clerks(world, town, 5)
    await declared(world, relative, author)
    body = of_nobody(town, author)
    file = (await on_paper(client, world, second, await filed(client, author, body))).json()
    assert (await act(client, clerk, file, action="return", note="请补充")).status_code == 200
    one = await filed(client, relative, body)
    refused(await on_paper(client, world, second, one), 403, "kept_apart")
    assert (await post(client, relative, f"/staff/proxy_households/{one['id']}/withdraw", None, 1)).status_code == 200
    one = await filed(client, stranger, body)
    refused(await on_paper(client, world, relative, one), 403, "kept_apart")
    assert (await on_paper(client, world, second, one)).status_code == 200


async def test_nobody_fills_in_or_confirms_the_file_of_somebody_near_or_whose_member_is(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    author, second, third = await clerks(world, town, 3)
    worker, child = await world.person(), await world.person()
    await declared(world, second, worker)
    relatives = filing(worker, town.units[0])
    refused(await post(client, second, "/staff/proxy_households", relatives), 403, "recused")
    member = make.member(number=child.id_number, name=child.name)
    body = of_nobody(town, author)
    body["household"] = make.household_form(author, members=[member])
    one = await filed(client, author, body)
    await declared(world, third, child)
    refused(await on_paper(client, world, third, one), 403, "recused")
    of_own = of_nobody(town, third)
    of_own["household"] = make.household_form(third, members=[make.member("spouse", number=third.id_number)])
    refused(await post(client, third, "/staff/proxy_households", of_own), 403, "recused")
    assert (await on_paper(client, world, second, one)).status_code == 200


async def test_who_confirms_is_not_near_the_worker(client: httpx.AsyncClient, world: World, town: Town) -> None:
    author, relative, second = await clerks(world, town, 3)
    worker = await world.person()
    await declared(world, relative, worker)
    one = await filed(client, author, filing(worker, town.units[0]))
    refused(await on_paper(client, world, relative, one), 403, "recused")
    # Somebody else gets further: the worker has WeChat.
    refused(await on_paper(client, world, second, one), 409, "has_account")


async def test_nobody_near_to_who_helped_reviews_the_file_in_any_round(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    author, second, clerk = await clerks(world, town, 3)
    both = ((Role.UNIT_CLERK, town.units[0]), (Role.UNIT_CHAIR, town.units[0]))
    relatives = [await world.person(posts=both) for _ in range(2)]
    for helper, relative in zip((author, second), relatives, strict=True):
        await declared(world, relative, helper)
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    body = of_nobody(town, author)
    file = (await on_paper(client, world, second, await filed(client, author, body))).json()
    for again in range(2):
        for relative in relatives:
            refused(await act(client, relative, file, action="accept"), 403, "kept_apart")
        file = (await act(client, clerk, file, action="accept")).json()
        for relative in relatives:
            refused(await act(client, relative, file, action="approve"), 403, "kept_apart")
        if not again:
            assert (await act(client, chair, file, action="return", note="请补充")).status_code == 200
            file = (await on_paper(client, world, second, await filed(client, author, body))).json()
    assert (await act(client, chair, file, action="approve")).status_code == 200


async def test_two_near_ones_do_not_review_one_round_also_at_once(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    unit = town.units[0]
    clerk, chair = await world.staff(Role.UNIT_CLERK, unit), await world.staff(Role.UNIT_CHAIR, unit)
    await declared(world, clerk, chair)
    file = {"id": await world.household(await world.person(), unit, state="submitted"), "version": 1}
    file = (await act(client, clerk, file, action="accept")).json()
    answers = await asyncio.gather(*(act(client, chair, file, action="approve") for _ in range(2)))
    assert [answer.json()["code"] for answer in answers] == ["kept_apart"] * 2
    other = await world.staff(Role.UNIT_CHAIR, unit)
    assert (await act(client, other, file, action="approve")).status_code == 200


async def test_whom_a_worker_has_come_near_to_since_does_not_help_them_either(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    (author,), worker = await clerks(world, town, 1), await world.person()
    await filed(client, author, filing(worker, town.units[0]))
    await declared(world, author, worker)
    refused(await post(client, worker, "/me/household/confirm_proxy", None, 1), 409, "filled_in_by_another")
