"""Who must stand aside (回避): the case neither waits for them nor is theirs to step; the level above takes it over."""

from collections.abc import Sequence

import asyncpg
import httpx
import pytest

from app.applications.path import Action, Kind, State
from app.applications.recusal import INSTEAD, levels_above, levels_between
from app.jobs.daily import lift_all
from app.jobs.running import Jobs
from app.kernel.actor import Permission, Role
from tests import make
from tests.http.refusals import refused
from tests.make import Case, Someone, Town, World
from tests.relatives.making import WAYS, act, bring_near, declared, open_actions, queue

WORDS = {"note": "本级应当回避，由区总工会审核"}
STAGES: list[tuple[State, Role, str]] = [
    (State.SUBMITTED, Role.UNIT_CLERK, Action.ACCEPT),
    (State.UNIT_REVIEW, Role.UNIT_CHAIR, Action.APPROVE),
    (State.DISTRICT_REVIEW, Role.DISTRICT_REVIEWER, Action.APPROVE),
    (State.CITY_APPROVAL, Role.CITY_REVIEWER, Action.APPROVE),
]


async def at(world: World, town: Town, role: Role) -> Someone:
    """Somebody at the desk where this role usually sits."""
    if role in (Role.UNIT_CLERK, Role.UNIT_CHAIR):
        return await world.staff(role, town.units[0], consents=())
    if role in (Role.DISTRICT_REVIEWER, Role.DISTRICT_LEADER):
        return await world.staff(role, town.districts[0], consents=())
    return await world.staff(role, town.city, consents=())


async def kept_away(client: httpx.AsyncClient, by: Someone, case: Case, action: str) -> None:
    assert await queue(client, by, case) == (False, 0)
    assert await open_actions(client, by, case) == []
    problem = refused(await act(client, by, case, 1, action), 403, "recused")
    assert "回避" in problem["detail"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("state", "role", "action"), STAGES)
async def test_at_every_stage_whoever_is_near_the_applicant_stands_aside(
    client: httpx.AsyncClient,
    world: World,
    town: Town,
    owner: asyncpg.Connection,
    way: str,
    state: State,
    role: Role,
    action: str,
) -> None:
    applicant, near, free = await world.person(), await at(world, town, role), await at(world, town, role)
    case = await world.application(applicant, town.units[0], state=state)
    await bring_near(way, world, owner, applicant, near)
    await kept_away(client, near, case, action)
    assert await queue(client, free, case) == (True, 1)
    assert action in await open_actions(client, free, case)


async def test_so_does_whose_relative_lives_in_the_household_to_be_helped(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    chair, aunt, applicant = await at(world, town, Role.UNIT_CHAIR), await world.person(), await world.person()
    members = [make.member("mother", number=aunt.id_number, name=aunt.name)]
    household_id = await world.household(applicant, town.units[0], members=members)
    case = await world.application(applicant, town.units[0], state=State.UNIT_REVIEW, household_id=household_id)
    await declared(world, chair, aunt)
    await kept_away(client, chair, case, Action.APPROVE)


async def test_a_unit_does_not_review_those_who_hold_a_post_there(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    clerk, chair = await at(world, town, Role.UNIT_CLERK), await at(world, town, Role.UNIT_CHAIR)
    next_door = await world.staff(Role.UNIT_CHAIR, town.units[1], consents=())
    theirs = await world.application(chair, town.units[0])
    await kept_away(client, clerk, theirs, Action.ACCEPT)
    elsewhere = await world.application(next_door, town.units[0])
    assert await queue(client, clerk, elsewhere) == (True, 1)
    assert (await act(client, clerk, elsewhere, 1, Action.ACCEPT)).status_code == 200


async def test_whose_post_has_ended_is_nobodys_colleague(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    clerk, once = await at(world, town, Role.UNIT_CLERK), await at(world, town, Role.UNIT_CHAIR)
    await owner.execute("update post set ended_at = now() where person_id = $1", once.id)
    case = await world.application(once, town.units[0])
    assert await queue(client, clerk, case) == (True, 1)


# ---- the level above ----


async def lifted_to(client: httpx.AsyncClient, people: Sequence[Someone], case: Case) -> list[tuple[bool, int]]:
    return [await queue(client, each, case) for each in people]


async def test_where_the_whole_unit_stands_aside_the_district_takes_the_step_with_a_reason(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, owner: asyncpg.Connection
) -> None:
    """The case of a unit's chair: its clerk is their colleague, and the chair is the applicant."""
    clerk, chair = await at(world, town, Role.UNIT_CLERK), await at(world, town, Role.UNIT_CHAIR)
    district, city = await at(world, town, Role.DISTRICT_REVIEWER), await at(world, town, Role.CITY_REVIEWER)
    case = await world.application(chair, town.units[0])
    await lift_all(background)
    assert await lifted_to(client, (clerk, district, city), case) == [(False, 0), (True, 1), (False, 0)]
    assert await open_actions(client, district, case) == ["accept", "return", "ask_supplement"]
    missing = refused(await act(client, district, case, 1, Action.ACCEPT), 422)
    assert missing["errors"][0]["code"] == "note_required"
    refused(await act(client, city, case, 1, Action.ACCEPT, **WORDS), 403, "not_allowed")
    taken = await act(client, district, case, 1, Action.ACCEPT, **WORDS)
    assert taken.json()["state"] == State.UNIT_REVIEW, taken.text
    step = (await client.get(f"/applications/{case.id}", headers=chair.headers)).json()["timeline"][-1]
    assert step["by"] == {
        "who": "staff", "role": "district_reviewer", "organisation": town.districts[0].name, "said": INSTEAD,
    }  # fmt: skip
    assert step["note"] == WORDS["note"]
    details = await owner.fetchval(
        "select details ->> 'instead_of' from audit_entry where subject_id = $1 and action = 'application.accept'",
        case.id,
    )
    assert details == "case:accept"


async def test_the_next_stage_is_another_persons_of_the_district_and_the_case_goes_on(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    chair = await at(world, town, Role.UNIT_CHAIR)
    await at(world, town, Role.UNIT_CLERK)
    first, second = [await at(world, town, Role.DISTRICT_REVIEWER) for _ in range(2)]
    case = await world.application(chair, town.units[0])
    assert (await act(client, first, case, 1, Action.ACCEPT, **WORDS)).status_code == 200
    await lift_all(background)
    assert await open_actions(client, first, case) == []
    refused(await act(client, first, case, 2, **WORDS), 403, "already_signed")
    assert await queue(client, second, case) == (True, 1)
    moved = await act(client, second, case, 2, **WORDS)
    assert moved.json()["state"] == State.DISTRICT_REVIEW, moved.text
    await lift_all(background)
    third = await at(world, town, Role.DISTRICT_LEADER)
    assert await queue(client, third, case) == (True, 1)
    assert (await act(client, third, case, 3)).json()["state"] == State.CITY_APPROVAL


async def test_as_long_as_somebody_at_the_level_is_free_it_stays_there(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    applicant, near = await world.person(), await at(world, town, Role.UNIT_CHAIR)
    await declared(world, near, applicant)
    free, district = await at(world, town, Role.UNIT_CHAIR), await at(world, town, Role.DISTRICT_REVIEWER)
    case = await world.application(applicant, town.units[0], state=State.UNIT_REVIEW)
    await lift_all(background)
    assert await queue(client, district, case) == (False, 0)
    refused(await act(client, district, case, 1, **WORDS), 403, "not_allowed")
    assert (await act(client, free, case, 1)).status_code == 200


async def test_where_the_only_other_has_signed_the_round_nobody_is_free(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    applicant = await world.person()
    both = await world.person(posts=((Role.UNIT_CLERK, town.units[0]), (Role.UNIT_CHAIR, town.units[0])), consents=())
    near, district = await at(world, town, Role.UNIT_CHAIR), await at(world, town, Role.DISTRICT_REVIEWER)
    await declared(world, near, applicant)
    case = await world.application(applicant, town.units[0])
    assert (await act(client, both, case, 1, Action.ACCEPT)).status_code == 200
    await lift_all(background)
    assert await queue(client, district, case) == (True, 1)
    assert (await act(client, district, case, 2, **WORDS)).status_code == 200


async def test_a_post_that_nobody_holds_lifts_nothing(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    district = await at(world, town, Role.DISTRICT_REVIEWER)
    case = await world.application(await world.person(), town.units[0], state=State.UNIT_REVIEW)
    await lift_all(background)
    assert await queue(client, district, case) == (False, 0)
    refused(await act(client, district, case, 1, **WORDS), 403, "not_allowed")


async def test_where_the_district_stands_aside_as_well_the_city_takes_the_step(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    applicant = await world.person()
    chair, district = await at(world, town, Role.UNIT_CHAIR), await at(world, town, Role.DISTRICT_REVIEWER)
    city = await at(world, town, Role.CITY_REVIEWER)
    for each in (chair, district):
        await declared(world, each, applicant)
    case = await world.application(applicant, town.units[0], state=State.UNIT_REVIEW)
    await lift_all(background)
    assert await lifted_to(client, (chair, district, city), case) == [(False, 0), (False, 0), (True, 1)]
    refused(await act(client, district, case, 1, **WORDS), 403, "recused")
    assert (await act(client, city, case, 1, **WORDS)).json()["state"] == State.DISTRICT_REVIEW


async def test_whoever_becomes_free_has_it_back(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, owner: asyncpg.Connection
) -> None:
    applicant, near = await world.person(), await at(world, town, Role.UNIT_CHAIR)
    relative_id = await declared(world, near, applicant)
    case = await world.application(applicant, town.units[0], state=State.UNIT_REVIEW)
    await lift_all(background)
    assert await owner.fetchval("select version from lifted_stage where application_id = $1", case.id) == 1
    await owner.execute("update declared_relative set ended_at = now(), end_note = $2 where id = $1", relative_id, b"-")
    await lift_all(background)
    assert await owner.fetchval("select count(*) from lifted_stage where application_id = $1", case.id) == 0
    district = await at(world, town, Role.DISTRICT_REVIEWER)
    refused(await act(client, district, case, 1, **WORDS), 403, "not_allowed")
    assert await queue(client, near, case) == (True, 1)


async def test_what_is_lifted_can_be_filtered_like_the_rest_of_a_queue(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    chair, district = await at(world, town, Role.UNIT_CHAIR), await at(world, town, Role.DISTRICT_REVIEWER)
    await at(world, town, Role.UNIT_CLERK)
    case = await world.application(chair, town.units[0])
    usual = await world.application(await world.person(), town.units[0], state=State.DISTRICT_REVIEW)
    await lift_all(background)

    async def found(**query: str) -> list[str]:
        page = await client.get("/staff/tasks", params=query, headers=district.headers)
        return sorted(item["application_id"] for item in page.json()["items"])

    assert await found() == sorted([str(case.id), str(usual.id)])
    assert await found(state="submitted") == [str(case.id)]
    assert await found(state="district_review") == [str(usual.id)]
    assert await found(kind="golden_autumn") == []


def test_the_levels_above_follow_the_path_of_each_kind() -> None:
    district = Permission.REVIEW_AT_DISTRICT
    for kind, city in (
        (Kind.HARDSHIP_AID, Permission.APPROVE_AT_CITY),
        (Kind.GOLDEN_AUTUMN, Permission.APPROVE_AT_CITY),
        (Kind.SECONDARY_MEDICAL, Permission.APPROVE_MUTUAL_AID),
    ):
        assert levels_above(kind, Permission.ACCEPT_CASE) == (district, city)
        assert levels_above(kind, Permission.REVIEW_AT_UNIT) == (district, city)
        assert levels_above(kind, district) == (city,)
        for nobodys in (city, Permission.START_PAYMENT, Permission.CONFIRM_PAYMENT, Permission.OWN):
            assert levels_above(kind, nobodys) == ()
        assert levels_between(kind, Permission.REVIEW_AT_UNIT, district) == (Permission.REVIEW_AT_UNIT,)
        assert levels_between(kind, Permission.REVIEW_AT_UNIT, city) == (Permission.REVIEW_AT_UNIT, district)
