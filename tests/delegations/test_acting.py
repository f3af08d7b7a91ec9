"""Whoever was given a post acts with it: in the queue, on the case, on its days, within its scope, and never as two."""

import asyncio
import time
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import Action, Kind, State
from app.kernel.actor import Role
from tests.delegations.making import end, given
from tests.http.refusals import refused
from tests.make import TODAY, Case, Someone, Town, World
from tests.relatives.making import act, declared, open_actions, queue, refusal

CHAIR = Role.UNIT_CHAIR
PROMISED_SECONDS = 5.0


@pytest.fixture
async def chair(world: World, town: Town) -> Someone:
    return await world.staff(CHAIR, town.units[0], consents=(), name="林大勇")


@pytest.fixture
async def clerk(world: World, town: Town) -> Someone:
    return await world.staff(Role.UNIT_CLERK, town.units[0], consents=(), name="陈小明")


async def waiting(world: World, town: Town, **given_: object) -> Case:
    return await world.application(
        await world.person(),
        town.units[0],
        **{"state": State.UNIT_REVIEW} | given_,  # type: ignore[arg-type]
    )


async def until_gone(client: httpx.AsyncClient, who: Someone, case: Case) -> float:
    began = time.monotonic()
    while (await queue(client, who, case))[0]:
        assert time.monotonic() - began < PROMISED_SECONDS
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def shift(owner: asyncpg.Connection, delegation_id: str, days: int) -> None:
    """As if it had been given for other days."""
    await owner.execute(
        "update delegation set starts_on = starts_on + $2::int, ends_on = ends_on + $2::int where id = $1",
        UUID(delegation_id), days,
    )  # fmt: skip


async def test_the_delegate_finds_opens_and_steps_what_waits_for_the_post(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, clerk: Someone, owner: asyncpg.Connection
) -> None:
    delegation = await given(client, chair, CHAIR, town.units[0], clerk)
    case = await waiting(world, town)
    assert await queue(client, clerk, case) == (True, 1)
    assert await open_actions(client, clerk, case) == ["approve", "return", "reject", "ask_supplement"]
    moved = await act(client, clerk, case, 1)
    assert moved.json()["state"] == State.DISTRICT_REVIEW, moved.text
    shown = await client.get(f"/applications/{case.id}", headers=case.applicant.headers)
    assert shown.json()["timeline"][-1]["by"] == {
        "who": "staff", "role": "unit_chair", "organisation": town.units[0].name, "said": "陈*明 代 林*勇",
    }  # fmt: skip
    step = await owner.fetchrow(
        "select person_id, on_behalf_of from passage where application_id = $1 and action = 'approve'", case.id
    )
    assert tuple(step) == (clerk.id, chair.id)
    entry = await owner.fetchrow(
        "select person_id, details ->> 'on_behalf_of' as who, details ->> 'delegation' as by from audit_entry "
        "where subject_id = $1 and action = 'application.approve'", case.id,
    )  # fmt: skip
    assert tuple(entry) == (clerk.id, str(chair.id), delegation["id"])


async def test_what_is_ones_own_is_done_in_ones_own_name(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    other = await world.staff(CHAIR, town.units[0], consents=())
    await given(client, chair, CHAIR, town.units[0], other)
    case = await waiting(world, town)
    assert await queue(client, other, case) == (True, 1)
    assert (await act(client, other, case, 1)).status_code == 200
    behalf = await owner.fetchval(
        "select on_behalf_of from passage where application_id = $1 and action = 'approve'", case.id
    )
    assert behalf is None


@pytest.mark.parametrize(("days", "acts"), [(-7, False), (-6, True), (0, True), (1, False)])
async def test_it_holds_from_its_first_day_to_its_last(
    client: httpx.AsyncClient,
    world: World,
    town: Town,
    chair: Someone,
    clerk: Someone,
    owner: asyncpg.Connection,
    days: int,
    acts: bool,
) -> None:
    delegation = await given(client, chair, CHAIR, town.units[0], clerk)
    await shift(owner, delegation["id"], days)
    case = await waiting(world, town)
    assert await queue(client, clerk, case) == ((True, 1) if acts else (False, 0))
    answer = await act(client, clerk, case, 1)
    assert answer.status_code == (200 if acts else 403), answer.text


async def test_it_holds_for_its_kinds_and_steps_alone(client: httpx.AsyncClient, world: World, town: Town) -> None:
    reviewer = await world.staff(Role.CITY_REVIEWER, town.city, consents=())
    auditor = await world.staff(Role.AUDITOR, town.city, consents=())
    await given(client, reviewer, Role.CITY_REVIEWER, town.city, auditor, kinds=["golden_autumn"])
    mine = await waiting(world, town, kind=Kind.GOLDEN_AUTUMN, state=State.CITY_APPROVAL)
    other = await waiting(world, town, kind=Kind.HARDSHIP_AID, state=State.CITY_APPROVAL)
    assert await queue(client, auditor, mine) == (True, 1)
    assert await queue(client, auditor, other) == (False, 0)
    assert await open_actions(client, auditor, other) == []
    refused(await act(client, auditor, other, 1), 403, "not_allowed")
    assert (await act(client, auditor, mine, 1)).status_code == 200
    # The post opens household files as well; only applications were delegated.
    answer = await client.get("/staff/households/tasks", headers=auditor.headers)
    assert answer.status_code == 403, answer.text


async def test_the_delegates_and_the_delegators_own_cases_stay_away(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    reviewer = await world.staff(Role.CITY_REVIEWER, town.city, consents=())
    officer = await world.staff(Role.MUTUAL_AID_OFFICER, town.city, consents=())
    aunt = await world.person()
    await declared(world, reviewer, aunt)
    await given(client, reviewer, Role.CITY_REVIEWER, town.city, officer)
    for applicant, status in ((officer, 404), (reviewer, 403), (aunt, 403)):
        case = await world.application(applicant, town.units[0], state=State.CITY_APPROVAL)
        assert await queue(client, officer, case) == (False, 0), applicant
        refused(await act(client, officer, case, 1), status, None if status == 404 else "recused")
        if status == 403:
            assert await open_actions(client, officer, case) == []
    usual = await waiting(world, town, state=State.CITY_APPROVAL)
    assert await queue(client, officer, usual) == (True, 1)
    # In their own name they deal with the delegator's relatives as before.
    theirs = await world.application(aunt, town.units[0], kind=Kind.SECONDARY_MEDICAL, state=State.CITY_APPROVAL)
    assert await queue(client, officer, theirs) == (True, 1)
    assert await open_actions(client, officer, theirs) == ["approve", "return", "reject", "ask_supplement"]


async def test_of_the_two_one_signs_a_round(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    """The district's reviewer approves for the unit's chair; neither of them goes on with that round."""
    first, second = [await world.staff(Role.DISTRICT_REVIEWER, town.districts[0], consents=()) for _ in range(2)]
    await given(client, chair, CHAIR, town.units[0], first)
    case = await waiting(world, town)
    assert (await act(client, first, case, 1)).status_code == 200
    refused(await act(client, first, case, 2), 403, "already_signed")
    assert await refusal(world, case, chair, Action.APPROVE) == "ck_passage_apart"
    assert await refusal(world, case, await world.person(), Action.APPROVE) is None
    assert await open_actions(client, second, case) == ["approve", "return", "reject", "ask_supplement"]


async def test_nobody_acts_for_whoever_signed_the_round_or_is_near_who_did(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone
) -> None:
    both = await world.person(
        posts=((Role.UNIT_CLERK, town.units[0]), (CHAIR, town.units[0])), consents=(), name="黄三"
    )
    cousin = await world.staff(CHAIR, town.units[0], consents=())
    await declared(world, cousin, both)
    case = await world.application(await world.person(), town.units[0])
    assert (await act(client, both, case, 1, Action.ACCEPT)).status_code == 200
    for lender in (both, cousin):
        district = await world.staff(Role.DISTRICT_LEADER, town.districts[0], consents=())
        await given(client, lender, CHAIR, town.units[0], district)
        assert await open_actions(client, district, case) == []
        refused(await act(client, district, case, 2), 403, "kept_apart")


async def test_ended_it_is_gone_within_five_seconds_and_for_a_step_at_once(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, clerk: Someone
) -> None:
    delegation = await given(client, chair, CHAIR, town.units[0], clerk)
    case = await waiting(world, town)
    assert await queue(client, clerk, case) == (True, 1)
    assert (await end(client, chair, delegation)).status_code == 200
    refused(await act(client, clerk, case, 1), 403, "nothing_delegated")
    assert await until_gone(client, clerk, case) < PROMISED_SECONDS
    refused(await act(client, clerk, case, 1), 403, "not_allowed")


@pytest.mark.parametrize(
    "change", ["ended_at = now()", "role = 'unit_clerk'", "organisation_id = (select parent_id from organisation o "
               "where o.id = organisation_id)"],
)  # fmt: skip
async def test_it_ends_with_the_post(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, clerk: Someone, owner: asyncpg.Connection,
    change: str,
) -> None:  # fmt: skip
    delegation = await given(client, chair, CHAIR, town.units[0], clerk)
    case = await waiting(world, town)
    assert await queue(client, clerk, case) == (True, 1)
    await owner.execute(f"update post set {change} where person_id = $1", chair.id)
    refused(await act(client, clerk, case, 1), 403, "nothing_delegated")
    await until_gone(client, clerk, case)
    ended = await owner.fetchval("select ended_at from delegation where id = $1", UUID(delegation["id"]))
    assert ended is not None


async def test_whoever_leaves_the_union_acts_for_nobody(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, clerk: Someone, owner: asyncpg.Connection
) -> None:
    await given(client, chair, CHAIR, town.units[0], clerk)
    await owner.execute("update post set organisation_id = $2 where person_id = $1", clerk.id, town.units[2].id)
    case = await waiting(world, town)
    assert await queue(client, clerk, case) == (False, 0)
    assert (await act(client, clerk, case, 1)).status_code == 404


async def test_the_database_takes_no_step_for_somebody_who_gave_nothing(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, clerk: Someone, owner: asyncpg.Connection
) -> None:
    case = await waiting(world, town)
    lent = {"on_behalf_of": chair.id, "said_of": "x", "post_role": "unit_chair"}
    assert await refusal(world, case, clerk, Action.APPROVE, **lent) == "ck_passage_delegated"
    delegation = await given(client, chair, CHAIR, town.units[0], clerk, ends_on=str(TODAY + timedelta(days=1)))
    await shift(owner, delegation["id"], 1)
    assert await refusal(world, case, clerk, Action.APPROVE, **lent) == "ck_passage_delegated"
    await shift(owner, delegation["id"], -1)
    as_clerk = lent | {"post_role": "unit_clerk"}
    assert await refusal(world, case, clerk, Action.APPROVE, **as_clerk) == "ck_passage_delegated"
    assert await refusal(world, case, clerk, Action.APPROVE, **lent) is None
