"""Open applications go with their household file: into the one that it was merged into, out with a member who leaves,
to the union that takes it over; nothing is paid to a file that has ended."""

from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.applications.queries import by_id_locked
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.discrepancies.making import working
from tests.http.household_acts import CANCELLED, act, merge, offer, propose, reply, seen, split
from tests.http.refusals import refused
from tests.make import Case, Someone, Town, World
from tests.paying import carded, confirmed, sent, why_out

UNDER_WAY = (State.DRAFT, State.SUBMITTED, State.UNIT_REVIEW, State.DISTRICT_REVIEW, State.APPROVED, State.PAYING)
OVER = (State.PAID, State.REJECTED, State.WITHDRAWN)


async def cases(world: World, whose: Someone, town: Town, file: UUID, *states: State) -> list[Case]:
    return [await world.application(whose, town.units[1], state=state, household_id=file) for state in states]


async def row(owner: asyncpg.Connection, case: Case) -> asyncpg.Record:
    found = await owner.fetchrow("select * from application where id = $1", case.id)
    assert found is not None
    return found


async def steps(owner: asyncpg.Connection, case: Case) -> list[tuple[str, str, str]]:
    rows = await owner.fetch(
        "select action, from_state, to_state from passage where application_id = $1 order by id", case.id
    )
    return [tuple(each) for each in rows]


async def test_open_applications_of_a_merged_file_go_into_the_one_that_stays(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    first, second = await world.person(), await world.person(home=town.units[1])
    stays = await world.household(first, town.units[0], members=[])
    goes = await world.household(second, town.units[1], members=[])
    open_ones = await cases(world, second, town, goes, *UNDER_WAY)
    ended = await cases(world, second, town, goes, *OVER)
    moved = await merge(client, office["district"], goes, stays)
    assert moved.status_code == 200, moved.text
    for case in open_ones:
        now = await row(owner, case)
        wanted = State.APPROVED if case.state is State.PAYING else case.state
        assert (now["household_id"], now["state"], now["measure_id"], now["version"]) == (stays, wanted, None, 2)
        assert (now["unit_id"], now["organisation_name"]) == (town.units[0].id, town.units[0].name)
        assert (await steps(owner, case))[-1] == ("follow_file", wanted, wanted)
    paying = open_ones[-1]
    assert (await steps(owner, paying))[-2] == ("stop_payment", "paying", "approved")
    told = "select count(*) from out_message where name = 'ApplicationMoved' and body ->> 'application_id' = $1"
    assert await owner.fetchval(told, str(paying.id)) == 1
    for case in ended:
        now = await row(owner, case)
        assert (now["household_id"], now["version"]) == (goes, 1)
    audited = "select count(*) from audit_entry where action = 'application.follow_file' and subject_person_id = $1"
    assert await owner.fetchval(audited, second.id) == len(open_ones)
    shown = (await client.get(f"/applications/{paying.id}", headers=second.headers)).json()
    assert (shown["timeline"][-1]["action"], shown["timeline"][-1]["by"]["who"]) == ("follow_file", "system")


async def test_what_was_being_paid_is_paid_again_under_a_measure_of_the_file_that_stays(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    first, second = await world.person(), await world.person(home=town.units[1])
    stays = await world.household(first, town.units[0], members=[])
    goes = await world.household(second, town.units[1], members=[])
    (case,) = await cases(world, second, town, goes, State.PAYING)
    assert (await merge(client, office["district"], goes, stays)).status_code == 200
    maker, checker = [await world.staff(r, town.city) for r in (Role.FINANCE_MAKER, Role.FINANCE_CHECKER)]
    await carded(world, second)
    await confirmed(client, maker, checker, town.city)
    assert (await row(owner, case))["state"] == "paying"
    measure = (await row(owner, case))["measure_id"]
    assert await owner.fetchval("select household_id from measure where id = $1", measure) == stays


async def test_what_a_bank_knows_of_stays_with_the_file_under_whose_plan_it_is_paid(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    first, second = await world.person(), await world.person(home=town.units[1])
    stays = await world.household(first, town.units[0], members=[])
    goes = await world.household(second, town.units[1], members=[])
    (case,) = await cases(world, second, town, goes, State.APPROVED)
    maker, checker = [await world.staff(r, town.city) for r in (Role.FINANCE_MAKER, Role.FINANCE_CHECKER)]
    await carded(world, second)
    await sent(client, maker, checker, town.city)
    assert (await merge(client, office["district"], goes, stays)).status_code == 200
    now = await row(owner, case)
    assert (now["state"], now["household_id"]) == ("paying", goes)


async def test_a_member_who_leaves_takes_their_own_applications_along(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    head, son = await world.person(), await world.person()
    members = [make.member("son", number=son.id_number, name=son.name), make.member()]
    file = await world.household(head, town.units[0], members=members)
    (theirs,), (stay,) = [await cases(world, who, town, file, State.DISTRICT_REVIEW) for who in (son, head)]
    parted = await split(client, office["district"], file, 0)
    assert parted.status_code == 200, parted.text
    assert (await row(owner, theirs))["household_id"] == UUID(parted.json()["new_household_id"])
    now = await row(owner, stay)
    assert (now["household_id"], now["version"]) == (file, 1)


async def test_a_file_that_another_union_takes_over_takes_its_applications_along(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    someone = await world.person(home=town.units[0])
    file = await world.household(someone, town.units[0])
    case = await world.application(someone, town.units[0], state=State.PAYING, household_id=file)
    there = await world.staff(Role.UNIT_CLERK, town.units[2])
    assert (await client.get(f"/staff/applications/{case.id}", headers=there.headers)).status_code == 404
    offered = (await offer(client, office["clerk"], file, town.units[2])).json()
    assert (await row(owner, case))["version"] == 1
    assert (await reply(client, there, offered, "accept")).status_code == 200
    now = await row(owner, case)
    assert (now["state"], now["unit_id"], now["district_id"]) == (
        "paying", town.units[2].id, town.units[2].ancestors["district"],
    )  # fmt: skip
    assert now["measure_id"] is not None
    assert (await client.get(f"/staff/applications/{case.id}", headers=there.headers)).status_code == 200
    assert (await client.get(f"/staff/applications/{case.id}", headers=office["clerk"].headers)).status_code == 404


async def test_an_open_appeal_is_decided_where_its_application_has_gone(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    someone = await world.person(home=town.units[0])
    file = await world.household(someone, town.units[0])
    case = await world.application(someone, town.units[0], state=State.PUBLIC_NOTICE, household_id=file)
    await owner.execute(
        "insert into passage (id, created_at, application_id, round, person_id, post_role, action, from_state, "
        "to_state, counts_as_review) "
        "values ($1, now(), $2, 1, $3, 'city_reviewer', 'approve', 'city_approval', 'public_notice', true)",
        new_id(), case.id, office["district"].id,
    )  # fmt: skip
    headers = someone.headers | make.keyed() | {"If-Match": '"1"'}
    lodged = await client.post(f"/applications/{case.id}/appeals", json={"reason": "金额太少"}, headers=headers)
    assert lodged.status_code == 201, lodged.text
    there = await world.staff(Role.UNIT_CLERK, town.units[2])
    offered = (await offer(client, office["clerk"], file, town.units[2])).json()
    assert (await reply(client, there, offered, "accept")).status_code == 200
    city, new_unit = (await world.staff(Role.CITY_LEADER, town.city)), town.units[2]
    assert (await client.get(f"/staff/appeals/{lodged.json()['id']}", headers=city.headers)).status_code == 200
    where = await owner.fetchrow("select unit_id, district_id, city_id from appeal where application_id = $1", case.id)
    assert tuple(where) == (new_unit.id, new_unit.ancestors["district"], town.city.id)


@pytest.mark.parametrize("state", [State.SUBMITTED, State.CITY_APPROVAL, State.APPROVED, State.PAYING])
async def test_nobody_ends_a_file_from_which_somebody_waits_for_aid(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], state: State
) -> None:
    someone = await world.person()
    file = await world.household(someone, town.units[0])
    await cases(world, someone, town, file, state)
    refused(await propose(client, world, office, seen(file), CANCELLED), 409, "aid_awaited")
    out = await act(client, office["district"], seen(file), action="transfer_out", note="迁往广州")
    refused(out, 409, "aid_awaited")


async def test_what_is_over_or_not_begun_or_an_insurance_keeps_nobody_in(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    someone = await world.person()
    file = await world.household(someone, town.units[0])
    draft, returned, paid, rejected = await cases(
        world, someone, town, file, State.DRAFT, State.RETURNED, State.PAID, State.REJECTED
    )
    insured = {"kind": Kind.SECONDARY_MEDICAL, "state": State.APPROVED, "household_id": file}
    claim = await world.application(someone, town.units[0], **insured)
    out = await act(client, office["district"], seen(file), action="transfer_out", note="迁往广州")
    assert out.status_code == 200, out.text
    assert [(await row(owner, case))["household_id"] for case in (draft, returned, claim)] == [None] * 3
    assert [(await row(owner, case))["household_id"] for case in (paid, rejected)] == [file] * 2


async def test_no_money_goes_to_a_file_that_has_ended(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    someone = await world.person()
    file = await world.household(someone, town.units[0], state="lifted")
    (case,) = await cases(world, someone, town, file, State.APPROVED)
    maker = await world.staff(Role.FINANCE_MAKER, town.city)
    await carded(world, someone)
    assert await why_out(client, maker, town.city) == {case.number: "file_closed"}
    living = await world.household(await world.person(), town.units[0])
    measure = {"measure_id": world.measures[living, "living_aid"], "household_id": living}
    case = await world.application(someone, town.units[0], state=State.APPROVED, **measure)
    await owner.execute("update household set state = 'lifted' where id = $1", living)
    with pytest.raises(asyncpg.CheckViolationError, match="household file is closed"):
        await owner.execute("update application set state = 'paying' where id = $1", case.id)


async def test_the_functions_move_nothing_that_no_merge_and_no_split_has_made_right(
    world: World, town: Town, owner: asyncpg.Connection
) -> None:
    one, other = await world.person(), await world.person()
    file = await world.household(one, town.units[0])
    elsewhere = await world.household(other, town.units[0])
    (case,) = await cases(world, one, town, file, State.SUBMITTED)
    follow: Any = "select count(*) from follow_file($1, $2, null, now())"
    assert await owner.fetchval(follow, file, elsewhere) == 0
    await owner.execute("select let_go_of_file($1)", file)
    (draft,) = await cases(world, one, town, file, State.DRAFT)
    await owner.execute("select let_go_of_file($1)", file)
    assert [(await row(owner, each))["household_id"] for each in (case, draft)] == [file, file]
    async with working(world) as work:
        found = await by_id_locked(work.transaction, case.id)
        assert found is not None
        assert found["version"] == 1
