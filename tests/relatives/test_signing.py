"""Maker, checkers, payer and whoever assisted one round are different persons, whatever their accounts."""

import asyncio
from itertools import permutations

import asyncpg
import httpx
import pytest

from app.applications.path import Action, Kind, State
from app.kernel.actor import Role
from tests import make
from tests.http.refusals import refused
from tests.make import Someone, Town, World
from tests.paying import built, carded, stepped, turn
from tests.relatives.making import WAYS, act, bring_near, declared, open_actions, refusal, sign

STEPS = (Action.ACCEPT, Action.APPROVE, Action.START_PAYMENT)
APART = "ck_passage_apart"


async def pair(world: World) -> tuple[Someone, Someone]:
    one, other = [await world.person(consents=()) for _ in range(2)]
    return one, other


# ---- what the database says, whatever a query forgets ----


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_of_three_signers_two_near_ones_are_refused_in_every_order(
    world: World, town: Town, owner: asyncpg.Connection, way: str, order: tuple[int, ...]
) -> None:
    one, other = await pair(world)
    await bring_near(way, world, owner, one, other)
    signers = [(one, other, await world.person())[n] for n in order]
    case = await world.application(await world.person(), town.units[0])
    refusals = [await refusal(world, case, who, step) for who, step in zip(signers, STEPS, strict=True)]
    second = max(n for n, who in enumerate(signers) if who in (one, other))
    assert refusals == [APART if n == second else None for n in range(3)]


@pytest.mark.parametrize("way", WAYS)
async def test_whoever_assisted_counts_as_having_signed(
    world: World, town: Town, owner: asyncpg.Connection, way: str
) -> None:
    one, other = await pair(world)
    await bring_near(way, world, owner, one, other)
    case = await world.application(await world.person(), town.units[0])
    await sign(world, case, one, Action.ASSIST)
    assert [await refusal(world, case, other, step) for step in STEPS] == [APART] * 3
    assert await refusal(world, case, await world.person(), STEPS[0]) is None


@pytest.mark.parametrize("way", WAYS)
async def test_nobody_signs_the_case_of_somebody_near(
    world: World, town: Town, owner: asyncpg.Connection, way: str
) -> None:
    applicant, signer = await pair(world)
    case = await world.application(applicant, town.units[0])
    await bring_near(way, world, owner, applicant, signer)
    assert [await refusal(world, case, signer, step) for step in STEPS] == [APART] * 3


async def test_another_round_is_anothers(world: World, town: Town) -> None:
    one, other = await pair(world)
    await declared(world, one, other)
    case = await world.application(await world.person(), town.units[0])
    await sign(world, case, one, Action.RETURN)
    assert await refusal(world, case, other, Action.ACCEPT, round=2) is None


async def test_what_has_ended_keeps_nobody_apart(world: World, town: Town, owner: asyncpg.Connection) -> None:
    (one, other), (moved, stayed) = await pair(world), await pair(world)
    relative_id = await declared(world, one, other)
    await owner.execute("update declared_relative set ended_at = now(), end_note = $2 where id = $1", relative_id, b"-")
    await bring_near("one household", world, owner, moved, stayed)
    index = world.keyring.blind_index("person.id_number", moved.id_number)
    await owner.execute("update household_member set living = false where id_number_index = $1", index)
    for first, second in ((one, other), (moved, stayed)):
        case = await world.application(await world.person(), town.units[0])
        await sign(world, case, first, Action.ACCEPT)
        assert await refusal(world, case, second, Action.APPROVE) is None


async def test_a_corrected_number_keeps_its_relatives(world: World, town: Town, owner: asyncpg.Connection) -> None:
    one, other = await pair(world)
    await declared(world, one, other)
    for each in (one, other):
        index = world.keyring.blind_index("person.id_number", (await world.person()).id_number + "x")
        await owner.execute("update person set id_number_index = $2 where id = $1", each.id, index)
    case = await world.application(await world.person(), town.units[0])
    await sign(world, case, one, Action.ACCEPT)
    assert await refusal(world, case, other, Action.APPROVE) == APART


async def test_whoever_gets_the_number_of_a_member_of_a_household_is_kept_apart_from_it(
    world: World, town: Town, owner: asyncpg.Connection
) -> None:
    """The file was there before the account knew whose it is."""
    (one, other), number = await pair(world), make.id_number()
    members = [make.member(number=each, name="陈小雨") for each in (one.id_number, number)]
    await world.household(await world.person(), town.units[0], members=members)
    await owner.execute(
        "update person set id_number_index = $2 where id = $1",
        other.id,
        world.keyring.blind_index("person.id_number", number),
    )
    for first, second in ((one, other), (other, one)):
        case = await world.application(await world.person(), town.units[0])
        await sign(world, case, first, Action.ACCEPT)
        assert await refusal(world, case, second, Action.APPROVE) == APART


async def test_most_are_near_nobody_and_are_not_looked_at_closely(
    world: World, town: Town, owner: asyncpg.Connection
) -> None:
    alone, (one, other) = await world.staff(Role.UNIT_CLERK, town.units[0]), await pair(world)
    await declared(world, one, other)
    marked = {
        each.id: await owner.fetchval("select has_near from person where id = $1", each.id)
        for each in (alone, one, other)
    }
    assert marked == {alone.id: False, one.id: True, other.id: True}


async def test_who_has_not_proved_who_they_are_signs_nothing(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0], verified=False, consents=())
    case = await world.application(await world.person(), town.units[0])
    assert await refusal(world, case, clerk, Action.ACCEPT) == "ck_passage_known"
    refused(await act(client, clerk, case, 1, Action.ACCEPT), 409, "identity_required")


# ---- what a reviewer is told ----


@pytest.mark.parametrize("way", WAYS)
async def test_a_reviewer_whose_relative_signed_the_round_is_told_and_offered_nothing(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection, way: str
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0], consents=())
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())
    case = await world.application(await world.person(), town.units[0])
    assert (await act(client, clerk, case, 1, Action.ACCEPT)).status_code == 200
    await bring_near(way, world, owner, clerk, chair)
    assert await open_actions(client, chair, case) == []
    problem = refused(await act(client, chair, case, 2), 403, "kept_apart")
    assert "请由其他人办理" in problem["detail"]
    assert await owner.fetchval("select state from application where id = $1", case.id) == State.UNIT_REVIEW
    other = await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())
    assert (await act(client, other, case, 2)).status_code == 200


async def test_a_payment_is_not_confirmed_by_a_relative_of_whoever_started_it(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    maker = await world.staff(Role.FINANCE_MAKER, town.city, consents=())
    checker = await world.staff(Role.FINANCE_CHECKER, town.city, consents=())
    await declared(world, checker, maker)
    worker = await world.worker(town.units[0])
    await carded(world, worker)
    await world.application(worker, town.units[0], kind=Kind.SECONDARY_MEDICAL, state=State.APPROVED)
    batch = await stepped(client, maker, await built(client, maker, town.city), "freeze")
    refused(await turn(client, checker, batch, "confirm"), 403, "own_batch")
    other = await world.staff(Role.FINANCE_CHECKER, town.city, consents=())
    assert (await turn(client, other, batch, "confirm")).json()["state"] == "confirmed"


async def test_of_two_accounts_of_one_person_that_approve_two_stages_at_once_one_wins(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    """Whichever of the two is first: the other is too late for the version, or kept apart."""
    for _ in range(4):
        clerk = await world.staff(Role.UNIT_CLERK, town.units[0], consents=())
        chair = await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())
        case = await world.application(await world.person(), town.units[0])
        assert await open_actions(client, clerk, case) == [
            "accept",
            "return",
            "ask_supplement",
        ]  # known for the next moment
        await bring_near("one number", world, owner, clerk, chair)
        answers = await asyncio.gather(
            act(client, clerk, case, 1, Action.ACCEPT), *(act(client, chair, case, 2) for _ in range(3))
        )
        assert answers[0].status_code == 200, answers[0].text
        assert {answer.status_code for answer in answers[1:]} <= {403, 409, 412}
        signed = await owner.fetch(
            "select person_id from passage where application_id = $1 and counts_as_review", case.id
        )
        assert [row["person_id"] for row in signed] == [clerk.id]
        refused(await act(client, chair, case, 2), 403, "kept_apart")
