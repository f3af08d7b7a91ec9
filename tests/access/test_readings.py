"""Opening a case or a household file is recorded with the post and the purpose, and the worker reads it."""

from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import State
from app.db.database import open_database
from app.db.transaction import Sight
from app.kernel.actor import Role
from tests import make
from tests.appeals.making import lodged, office, refused
from tests.make import Someone, World


async def newest(client: httpx.AsyncClient, someone: Someone) -> dict[str, Any]:
    answer = await client.get("/me/access_log", headers=someone.headers)
    return dict(answer.json()["items"][0])


@pytest.mark.parametrize(
    ("role", "purpose", "told"),
    [
        (Role.UNIT_CHAIR, None, "review"),
        (Role.UNIT_CLERK, None, "consultation"),
        (Role.UNIT_CHAIR, "inquiry", "inquiry"),
        (Role.AUDITOR, "supervision", "supervision"),
    ],
)
async def test_a_case_is_opened_for_a_purpose(
    client: httpx.AsyncClient, world: World, role: Role, purpose: str | None, told: str
) -> None:
    home = (await world.town()).units[0]
    case = await world.application(await world.person(home=home), home, state=State.UNIT_REVIEW)
    reader = await world.staff(role, home, name="陈小燕", consents=())
    query = {} if purpose is None else {"purpose": purpose}
    shown = await client.get(f"/staff/applications/{case.id}", params=query, headers=reader.headers)
    assert shown.status_code == 200, shown.text
    entry = await newest(client, case.applicant)
    assert (entry["action"], entry["purpose"], entry["by_me"]) == ("application.opened", told, False)
    assert entry["by"] == {"role": role, "organisation": home.name, "name_masked": "陈*燕"}
    assert (entry["field"], entry["reason"]) == (None, None)


async def test_a_household_file_is_opened_for_a_purpose(client: httpx.AsyncClient, world: World) -> None:
    home = (await world.town()).units[0]
    someone = await world.person(home=home)
    file = await world.household(someone, home, state="submitted")
    for role, told in ((Role.UNIT_CLERK, "review"), (Role.AUDITOR, "consultation")):
        reader = await world.staff(role, home, consents=())
        assert (await client.get(f"/staff/households/{file}", headers=reader.headers)).status_code == 200
        entry = await newest(client, someone)
        assert (entry["action"], entry["purpose"], entry["by"]["role"]) == ("household.opened", told, role)


async def test_an_appeal_is_opened_for_a_purpose(client: httpx.AsyncClient, world: World) -> None:
    desks = await office(world)
    case = await refused(client, desks, State.CITY_APPROVAL)
    appeal = await lodged(client, case)
    for reader, told in ((desks.again[Role.CITY_LEADER], "review"), (desks.first[Role.CITY_REVIEWER], "consultation")):
        assert (await client.get(f"/staff/appeals/{appeal['id']}", headers=reader.headers)).status_code == 200
        entry = await newest(client, case.applicant)
        assert (entry["action"], entry["purpose"]) == ("appeal.opened", told)


@pytest.mark.parametrize("purpose", ["", "curiosity", "review ", "陈小明"])
async def test_no_other_purpose_is_taken_and_none_is_echoed(
    client: httpx.AsyncClient, world: World, purpose: str
) -> None:
    home = (await world.town()).units[0]
    case = await world.application(await world.person(home=home), home)
    clerk = await world.staff(Role.UNIT_CLERK, home, consents=())
    answer = await client.get(f"/staff/applications/{case.id}", params={"purpose": purpose}, headers=clerk.headers)
    assert answer.status_code == 422
    assert not purpose.strip() or purpose.strip() not in answer.text.replace("review 审核", "")
    log = await client.get("/me/access_log", headers=case.applicant.headers)
    assert log.json()["items"] == []


async def test_a_list_opens_nothing(client: httpx.AsyncClient, world: World) -> None:
    home = (await world.town()).units[0]
    case = await world.application(await world.person(home=home), home)
    clerk = await world.staff(Role.UNIT_CLERK, home, consents=())
    tasks = await client.get("/staff/tasks", headers=clerk.headers)
    assert str(case.id) in tasks.text
    assert (await client.get("/me/access_log", headers=case.applicant.headers)).json()["items"] == []


async def test_a_case_out_of_reach_leaves_no_trace(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    case = await world.application(await world.person(home=town.units[0]), town.units[0])
    stranger = await world.staff(Role.UNIT_CLERK, town.units[1], consents=())
    assert (await client.get(f"/staff/applications/{case.id}", headers=stranger.headers)).status_code == 404
    assert (await client.get("/me/access_log", headers=case.applicant.headers)).json()["items"] == []


async def test_nobody_reads_who_looked_at_another(client: httpx.AsyncClient, world: World) -> None:
    home = (await world.town()).units[0]
    case = await world.application(await world.person(home=home), home)
    clerk = await world.staff(Role.UNIT_CLERK, home, consents=())
    assert (await client.get(f"/staff/applications/{case.id}", headers=clerk.headers)).status_code == 200
    other = await world.person(home=home)
    assert (await client.get("/me/access_log", headers=other.headers)).json()["items"] == []


async def test_the_database_names_to_a_worker_only_who_looked_at_them(
    client: httpx.AsyncClient, world: World, database_url: str
) -> None:
    home = (await world.town()).units[0]
    case = await world.application(await world.person(home=home), home)
    looked, idle = [await world.staff(Role.UNIT_CLERK, home, consents=()) for _ in range(2)]
    assert (await client.get(f"/staff/applications/{case.id}", headers=looked.headers)).status_code == 200
    database = await open_database(database_url, "aid_api", size=1)
    try:
        for sight, seen in (
            (Sight("worker", case.applicant.id), {case.applicant.id, looked.id}),
            (Sight("worker", idle.id), {idle.id}),
        ):
            async with database.begin(sight) as transaction:
                rows = await transaction.connection.fetch(
                    "select id from person where id = any($1)", [case.applicant.id, looked.id, idle.id]
                )
            assert {row["id"] for row in rows} == seen
    finally:
        await database.close()


async def test_what_is_written_down_names_nobody(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    home = (await world.town()).units[0]
    case = await world.application(await world.person(home=home, name="许阿强"), home)
    clerk = await world.staff(Role.UNIT_CLERK, home, name="郑小妹", consents=())
    assert (await client.get(f"/staff/applications/{case.id}", headers=clerk.headers)).status_code == 200
    details = await owner.fetchval("select details from audit_entry where subject_person_id = $1", case.applicant.id)
    assert make.orjson.loads(details) == {"purpose": "review", "role": "unit_clerk", "organisation": home.name}
