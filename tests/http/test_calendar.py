"""Staff propose the holidays of a year that is not known yet, or correct a day; once another person has confirmed it,
everybody counts by it."""

import asyncio
import json
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import httpx
import pytest

from app.calendars.commands import load_known_years
from app.calendars.queries import KeptCalendar
from app.db.database import Database
from app.db.transaction import Sight
from app.http.service import Service
from app.kernel.actor import Role
from app.kernel.working_days import Calendar
from tests import make
from tests.http.refusals import refused
from tests.make import Someone, Town, World

NOTICE = "国办发明电〔2089〕7号"
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture(scope="module")
async def keeper(world: World, town: Town) -> Someone:
    return await world.staff(Role.CITY_REVIEWER, town.city)


@pytest.fixture(scope="module")
async def second(world: World, town: Town) -> Someone:
    return await world.staff(Role.CITY_LEADER, town.city)


async def decided(client: httpx.AsyncClient, by: Someone, change: Any, what: str, version: int = 1) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(f"/staff/calendar/changes/{change['id']}/{what}", headers=headers)


async def proposed(client: httpx.AsyncClient, by: Someone, path: str, body: Any) -> httpx.Response:
    return await client.post(f"/staff/calendar/{path}", json=body, headers=by.headers | make.keyed())


def notice(*days: tuple[str, bool]) -> dict[str, Any]:
    return {"source": NOTICE, "days": [{"day": day, "works": works} for day, works in days]}


async def test_a_provisional_year_becomes_known_once_two_people_have_agreed(
    client: httpx.AsyncClient, keeper: Someone, second: Someone, jobs: Database, owner: asyncpg.Connection
) -> None:
    before = await client.get("/staff/calendar/2090", headers=keeper.headers)
    assert before.json() == {"year": 2090, "provisional": True, "source": None, "days": []}
    # Wednesday 1 February off, Saturday 4 February worked.
    body = notice(("2090-02-01", False), ("2090-02-04", True))
    change = await proposed(client, keeper, "2090", body)
    assert (change.status_code, change.headers["etag"]) == (201, '"1"'), change.text
    said = change.json()
    assert (said["about"], said["state"], said["proposed_by"], said["decided_by"]) == (
        "2090", "proposed", str(keeper.id), None,
    )  # fmt: skip
    assert said["days"] == [{"day": "2090-02-01", "works": False}, {"day": "2090-02-04", "works": True}]
    refused(await proposed(client, second, "2090", body), 409, "change_waits")
    assert (await client.get("/staff/calendar/2090", headers=keeper.headers)).json() == before.json()
    refused(await decided(client, keeper, said, "confirm"), 403, "same_person_confirms")
    assert refused(await decided(client, second, said, "confirm", 7), 412)["version"] == 1
    done = await decided(client, second, said, "confirm")
    assert (done.json()["state"], done.json()["decided_by"], done.headers["etag"]) == (
        "confirmed", str(second.id), '"2"',
    )  # fmt: skip
    assert (await client.get("/staff/calendar/2090", headers=keeper.headers)).json() == {
        "year": 2090, "provisional": False, "source": NOTICE,
        "days": [
            {"day": "2090-02-01", "works": False, "source": NOTICE},
            {"day": "2090-02-04", "works": True, "source": NOTICE},
        ],
    }  # fmt: skip
    refused(await decided(client, second, said, "confirm", 2), 409, "change_settled")
    refused(await proposed(client, keeper, "2090", notice(("2090-02-02", False))), 409, "year_known")

    found = await KeptCalendar(jobs).get()
    assert not found.is_provisional(date(2090, 1, 1))
    assert found.after_working_days(date(2090, 1, 31), 3) == date(2090, 2, 4)
    rows = await owner.fetch("select * from audit_entry where details ->> 'about' = '2090' order by id")
    assert [(row["person_id"], row["action"]) for row in rows] == [
        (keeper.id, "calendar.proposed"), (second.id, "calendar.confirmed"),
    ]  # fmt: skip
    said_of = {"about": "2090", "source": NOTICE, "days": "2090-02-01:off,2090-02-04:works"}
    assert [json.loads(row["details"]) for row in rows] == [said_of, said_of]


async def test_a_day_can_be_corrected_and_the_correction_outlives_an_upgrade(
    client: httpx.AsyncClient, keeper: Someone, second: Someone, jobs: Database
) -> None:
    for by, other, works in ((keeper, second, False), (second, keeper, True)):
        body = {"works": works, "source": NOTICE}
        change = await proposed(client, by, "days/2091-03-05", body)
        assert change.status_code == 201, change.text
        assert (await KeptCalendar(jobs).get()).works(date(2091, 3, 5)) is not works
        assert (await decided(client, other, change.json(), "confirm")).status_code == 200
        assert (await KeptCalendar(jobs).get()).works(date(2091, 3, 5)) is works
        shown = (await client.get("/staff/calendar/2091", headers=keeper.headers)).json()
        assert (shown["provisional"], shown["days"]) == (
            True, [{"day": "2091-03-05", "works": works, "source": NOTICE}],
        )  # fmt: skip
    async with jobs.begin(Sight("job")) as transaction:
        await load_known_years(transaction)
    assert (await KeptCalendar(jobs).get()).works(date(2091, 3, 5))


async def test_what_was_proposed_can_be_taken_back_and_proposed_anew(
    client: httpx.AsyncClient, keeper: Someone, second: Someone
) -> None:
    for by in (keeper, second):
        change = (await proposed(client, keeper, "days/2096-03-05", {"works": False, "source": NOTICE})).json()
        listed = await client.get("/staff/calendar/changes", params={"waiting": "true"}, headers=second.headers)
        assert change in listed.json()["items"]
        assert (await decided(client, by, change, "withdraw")).json()["state"] == "withdrawn"
        refused(await decided(client, second, change, "confirm", 2), 409, "change_settled")
    shown = await client.get("/staff/calendar/2096", headers=keeper.headers)
    assert shown.json()["days"] == []
    whole = await client.get("/staff/calendar/changes", params={"limit": 1}, headers=keeper.headers)
    rest = await client.get(
        "/staff/calendar/changes", params={"limit": 1, "cursor": whole.json()["next_cursor"]}, headers=keeper.headers
    )
    assert [each["about"] for each in (*whole.json()["items"], *rest.json()["items"])] == ["2096-03-05"] * 2


async def test_of_confirmations_at_once_one_is_taken(
    client: httpx.AsyncClient, world: World, town: Town, keeper: Someone, owner: asyncpg.Connection
) -> None:
    others = [await world.staff(Role.CITY_LEADER, town.city, consents=()) for _ in range(4)]
    change = (await proposed(client, keeper, "2097", notice(("2097-02-01", False)))).json()
    answers = await asyncio.gather(*(decided(client, each, change, "confirm") for each in others))
    assert Counter(answer.status_code for answer in answers)[200] == 1, [answer.text for answer in answers]
    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    assert await owner.fetchval("select count(*) from calendar_year where year = 2097") == 1


async def test_of_proposals_at_once_one_waits(client: httpx.AsyncClient, keeper: Someone, second: Someone) -> None:
    body = {"works": False, "source": NOTICE}
    answers = await asyncio.gather(
        *(proposed(client, by, "days/2098-03-05", body) for by in (keeper, second, keeper, second))
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 3}


@pytest.mark.parametrize(
    ("days", "code"),
    [
        ([("2093-02-02", False)], "day_in_other_year"),
        ([("2092-02-05", False), ("2092-02-05", False)], "day_repeated"),
        ([("2092-02-05", True)], "day_as_usual"),
        ([("2092-02-02", False)], "day_as_usual"),
    ],
)
async def test_a_notice_with_a_wrong_day_is_refused_whole(
    client: httpx.AsyncClient, keeper: Someone, days: list[tuple[str, bool]], code: str
) -> None:
    body = notice(("2092-02-01", False), *days)
    problem = refused(await proposed(client, keeper, "2092", body), 422)
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [(f"/days/{len(days)}/day", code)]
    shown = await client.get("/staff/calendar/2092", headers=keeper.headers)
    assert (shown.json()["provisional"], shown.json()["days"]) == (True, [])


async def test_only_a_citys_posts_keep_the_calendar(client: httpx.AsyncClient, world: World, town: Town) -> None:
    nobodys = {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.HOME_VISITOR, Role.EVALUATOR}
    nobodys |= {Role.PUBLICITY_EDITOR, Role.PUBLICITY_APPROVER}
    keepers = {(Role.CITY_LEADER, "city"), (Role.CITY_REVIEWER, "city")}
    first = True
    for role in Role:
        for tier, union in (("city", town.city), ("district", town.districts[0])):
            someone = await world.staff(role, union, consents=())
            asked = [
                await client.get("/staff/calendar/2026", headers=someone.headers),
                await client.get("/staff/calendar/changes", headers=someone.headers),
                await proposed(client, someone, "2026", notice(("2026-02-02", False))),
                await proposed(client, someone, "days/2094-03-05", {"works": False, "source": NOTICE}),
                await decided(client, someone, {"id": NOBODY}, "confirm"),
                await decided(client, someone, {"id": NOBODY}, "withdraw"),
            ]
            reads = 403 if role in nobodys else 200
            rest = [200, 409, 201 if first else 409, 404, 404] if (role, tier) in keepers else [403] * 5
            first = first and (role, tier) not in keepers
            assert [answer.status_code for answer in asked] == [reads, *rest], (role, tier)


@pytest.mark.parametrize("year", ["2015", "2101", "20260", "abcd", "２０２６", "+2026", "1_00"])
async def test_what_is_no_year_of_the_calendar_is_refused(
    client: httpx.AsyncClient, keeper: Someone, year: str
) -> None:
    assert (await client.get(f"/staff/calendar/{year}", headers=keeper.headers)).status_code == 422


async def test_workers_and_the_second_wall_leave_the_calendar_alone(
    client: httpx.AsyncClient, world: World, town: Town, database_url: str
) -> None:
    worker = await world.worker(town.units[0])
    assert (await client.get("/staff/calendar/2026", headers=worker.headers)).status_code == 403
    connection = await asyncpg.connect(database_url, server_settings={"role": "aid_api"})
    try:
        await connection.execute("select set_config('app.door', 'worker', false)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("insert into calendar_year (year, source) values (2095, 'x')")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("update calendar_day set works = true where day = '2026-10-01'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "insert into calendar_change (id, created_at, about, days, source, state, proposed_by) values "
                "(gen_random_uuid(), now(), '2095', '{}', 'x', 'proposed', gen_random_uuid())"
            )
    finally:
        await connection.close()


async def test_the_database_takes_no_day_from_staff_that_two_did_not_agree_on(
    client: httpx.AsyncClient, keeper: Someone, second: Someone, database_url: str
) -> None:
    change = (await proposed(client, keeper, "days/2099-03-05", {"works": False, "source": NOTICE})).json()
    connection = await asyncpg.connect(database_url, server_settings={"role": "aid_api"})
    day = (
        "insert into calendar_day (day, works, source) values ($1, $2, 'x') "
        "on conflict (day) do update set works = excluded.works"
    )
    year = "insert into calendar_year (year, source) values (2099, 'x')"
    try:
        await connection.execute("select set_config('app.door', 'staff', false)")
        for sql, values in ((day, (date(2099, 3, 5), False)), (year, ())):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql, *values)
        assert (await decided(client, second, change, "confirm")).status_code == 200
        await connection.execute(day, date(2099, 3, 5), False)
        for values in ((date(2099, 3, 5), True), (date(2099, 3, 6), False)):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(day, *values)
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("update calendar_change set decided_by = proposed_by where about = '2099-03-05'")
    finally:
        await connection.close()


@pytest.mark.parametrize(("known", "today", "shown"), [({2026}, 2026, 2027.0), ({2026, 2027}, 2026, 0.0)])
async def test_a_missing_year_is_a_measurement_from_december_on(
    client: httpx.AsyncClient, app: Any, monkeypatch: pytest.MonkeyPatch, known: set[int], today: int, shown: float
) -> None:
    service: Service = app.state.service

    async def kept() -> Calendar:
        return Calendar({}, frozenset(known))

    monkeypatch.setattr(service.calendar, "get", kept)
    monkeypatch.setattr("app.http.health.clock", lambda: datetime(today, 12, 1, tzinfo=UTC))
    said = await client.get("http://aid.test/metrics")
    assert f"aid_calendar_year_missing {shown}" in said.text
