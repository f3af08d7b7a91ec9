"""Staff enter the holidays of a year that is not known yet, and correct a day; everybody counts by it then."""

import json
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import httpx
import pytest

from app.calendars.commands import load_known_years
from app.calendars.queries import KeptCalendar
from app.db.transaction import Database, Sight
from app.http.service import Service
from app.kernel.actor import Role
from app.kernel.working_days import Calendar
from tests.make import Someone, Town, World

NOTICE = "国办发明电〔2089〕7号"


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture(scope="module")
async def keeper(world: World, town: Town) -> Someone:
    return await world.staff(Role.CITY_LEADER, town.city)


def notice(*days: tuple[str, bool]) -> dict[str, Any]:
    return {"source": NOTICE, "days": [{"day": day, "works": works} for day, works in days]}


async def test_a_provisional_year_becomes_known_with_its_notice_once(
    client: httpx.AsyncClient, keeper: Someone, jobs: Database, owner: asyncpg.Connection
) -> None:
    before = await client.get("/staff/calendar/2090", headers=keeper.headers)
    assert before.json() == {"year": 2090, "provisional": True, "source": None, "days": []}
    # Wednesday 1 February off, Saturday 4 February worked.
    body = notice(("2090-02-01", False), ("2090-02-04", True))
    entered = await client.put("/staff/calendar/2090", json=body, headers=keeper.headers)
    assert entered.status_code == 200, entered.text
    assert entered.json() == {
        "year": 2090, "provisional": False, "source": NOTICE,
        "days": [
            {"day": "2090-02-01", "works": False, "source": NOTICE},
            {"day": "2090-02-04", "works": True, "source": NOTICE},
        ],
    }  # fmt: skip
    assert (await client.get("/staff/calendar/2090", headers=keeper.headers)).json() == entered.json()
    again = await client.put("/staff/calendar/2090", json=notice(("2090-02-02", False)), headers=keeper.headers)
    assert (again.status_code, again.json()["code"]) == (409, "year_known")

    found = await KeptCalendar(jobs).get()
    assert not found.is_provisional(date(2090, 1, 1))
    assert found.after_working_days(date(2090, 1, 31), 3) == date(2090, 2, 4)
    row = await owner.fetchrow("select * from audit_entry where details ->> 'year' = '2090'")
    assert (row["person_id"], row["action"]) == (keeper.id, "calendar.year_entered")
    assert json.loads(row["details"]) == {"year": "2090", "source": NOTICE, "days": "2"}


async def test_a_day_can_be_corrected_and_the_correction_outlives_an_upgrade(
    client: httpx.AsyncClient, keeper: Someone, jobs: Database, owner: asyncpg.Connection
) -> None:
    for works in (False, True):
        body = {"works": works, "source": NOTICE}
        corrected = await client.put("/staff/calendar/days/2091-03-05", json=body, headers=keeper.headers)
        assert corrected.json() == {"day": "2091-03-05", "works": works, "source": NOTICE}
        assert (await KeptCalendar(jobs).get()).works(date(2091, 3, 5)) is works
        shown = await client.get("/staff/calendar/2091", headers=keeper.headers)
        assert (shown.json()["provisional"], shown.json()["days"]) == (True, [corrected.json()])
    said = await owner.fetch(
        "select action, details ->> 'works' from audit_entry where details ->> 'day' = '2091-03-05' order by id"
    )
    assert [tuple(row) for row in said] == [("calendar.day_corrected", "false"), ("calendar.day_corrected", "true")]
    async with jobs.begin(Sight("job")) as transaction:
        await load_known_years(transaction)
    assert (await KeptCalendar(jobs).get()).works(date(2091, 3, 5))


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
    refused = await client.put("/staff/calendar/2092", json=body, headers=keeper.headers)
    assert refused.status_code == 422, refused.text
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [(f"/days/{len(days)}/day", code)]
    shown = await client.get("/staff/calendar/2092", headers=keeper.headers)
    assert (shown.json()["provisional"], shown.json()["days"]) == (True, [])


async def test_only_a_citys_posts_keep_the_calendar(client: httpx.AsyncClient, world: World, town: Town) -> None:
    nobodys = {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.HOME_VISITOR, Role.EVALUATOR}
    nobodys |= {Role.PUBLICITY_EDITOR, Role.PUBLICITY_APPROVER}
    keepers = {(Role.CITY_LEADER, "city"), (Role.CITY_REVIEWER, "city")}
    for role in Role:
        for tier, union in (("city", town.city), ("district", town.districts[0])):
            someone = await world.staff(role, union, consents=())
            asked = [
                await client.get("/staff/calendar/2026", headers=someone.headers),
                await client.put("/staff/calendar/2026", json=notice(("2026-02-02", False)), headers=someone.headers),
                await client.put(
                    "/staff/calendar/days/2094-03-05", json={"works": False, "source": NOTICE}, headers=someone.headers
                ),
            ]
            reads = 403 if role in nobodys else 200
            writes = [409, 200] if (role, tier) in keepers else [403, 403]
            assert [answer.status_code for answer in asked] == [reads, *writes], (role, tier)


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
