"""Who sees and does what with samples, trails, tables and reports: whose unions the money is under, and nobody else."""

from datetime import date

import asyncpg
import httpx
import pytest

from app.kernel.actor import PERMISSIONS, Permission, Role
from tests import make
from tests.calling import post
from tests.http.refusals import refused
from tests.make import TODAY, Someone
from tests.paying import paid
from tests.payments.conftest import Till
from tests.supervision.sampling import SAMPLES, announce, checks, drawn, population
from tests.supervision.test_checks import GOOD

MONTH = f"{TODAY:%Y-%m}"


async def test_samples_are_for_whoever_supervises_over_them(
    client: httpx.AsyncClient, till: Till, auditor: Someone
) -> None:
    await till.approved()
    await paid(client, till.maker, till.checker, till.town.city)
    sample = await drawn(client, auditor, till.town.city, size=1)
    (check,) = await checks(client, auditor, sample)
    one = f"{SAMPLES}/{sample['id']}"
    reads = (one, f"{one}/population", f"{one}/checks", f"{one}/checks/{check['id']}")
    acts = ((f"{one}/draw", None), (f"{one}/checks/{check['id']}/actions", GOOD))
    abroad = await till.world.staff(Role.AUDITOR, await till.world.union("city"), consents=())
    for path in reads:
        refused(await client.get(path, headers=abroad.headers), 404)
    for path, body in acts:
        refused(await post(client, abroad, path, body, 1), 404)
    assert (await client.get(SAMPLES, headers=abroad.headers)).json()["items"] == []
    refused(await announce(client, abroad, till.town.city), 404, "organisation_not_found")
    for role in set(Role) - {Role.AUDITOR}:
        somebody = await till.world.staff(role, till.town.city, consents=())
        may_read = Permission.READ_FUNDS in PERMISSIONS[role]
        for path in reads:
            answer = await client.get(path, headers=somebody.headers)
            assert answer.status_code == (200 if may_read and path == one else 403), (role, path)
        for path, body in acts:
            refused(await post(client, somebody, path, body, 1), 403, "not_allowed")
        refused(await announce(client, somebody, till.town.city), 403, "not_allowed")


async def test_a_district_sees_what_the_city_paid_in_it_and_nothing_beside(
    client: httpx.AsyncClient, till: Till, auditor: Someone
) -> None:
    here, there = [await till.approved(home=till.town.units[n]) for n in (0, 2)]
    await paid(client, till.maker, till.checker, till.town.city)
    district = await till.world.staff(Role.AUDITOR, till.town.districts[0], consents=())
    refused(await announce(client, district, till.town.city), 404, "organisation_not_found")
    sample = await drawn(client, district, till.town.districts[0], size=9)
    assert sample["lines"] == 1
    assert [check["number"] for check in await checks(client, district, sample)] == [here.number]
    assert till.town.districts[1].code not in (await population(client, district, sample)).decode()
    whole = await drawn(client, auditor, till.town.city, size=9)
    refused(await client.get(f"{SAMPLES}/{whole['id']}", headers=district.headers), 404, "sample_not_found")
    assert {c["number"] for c in await checks(client, auditor, whole)} == {here.number, there.number}
    beside = f"/staff/applications/{there.id}/money_trail"
    refused(await client.get(beside, headers=district.headers), 404, "application_not_found")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/staff/fund_table", {"year": TODAY.year}),
        ("/staff/fund_picture", {"month": MONTH}),
    ],
)
async def test_figures_are_for_whoever_reads_the_funds_of_a_union(
    client: httpx.AsyncClient, till: Till, path: str, query: dict[str, int | str]
) -> None:
    asked = query | {"organisation_code": till.town.districts[0].code}
    for role in Role:
        somebody = await till.world.staff(role, till.town.districts[0], consents=())
        answer = await client.get(path, params=asked, headers=somebody.headers)
        assert answer.status_code == (200 if Permission.READ_FUNDS in PERMISSIONS[role] else 403), role
    beside = await till.world.staff(Role.DISTRICT_LEADER, till.town.districts[1], consents=())
    refused(await client.get(path, params=asked, headers=beside.headers), 404, "organisation_not_found")
    above = asked | {"organisation_code": till.town.city.code}
    refused(await client.get(path, params=above, headers=beside.headers), 404, "organisation_not_found")


async def test_a_fund_is_followed_by_its_own_union_alone(client: httpx.AsyncClient, till: Till) -> None:
    fund = await till.world.fund(till.town.city, room_fen=1_00)
    await till.world.budget(fund, till.town.districts[0], "hardship_aid", 0)
    path = f"/staff/funds/{fund}/trail"
    for union, expected in ((till.town.city, 200), (till.town.districts[0], 403), (till.town.districts[1], 404)):
        reader = await till.world.staff(Role.FINANCE_MAKER, union, consents=())
        assert (await client.get(path, headers=reader.headers)).status_code == expected
    clerk = await till.world.staff(Role.UNIT_CLERK, till.town.city, consents=())
    refused(await client.get(path, headers=clerk.headers), 403, "not_allowed")


@pytest.mark.parametrize("table", ["payment_sample", "payment_check", "donor_report"])
async def test_the_second_wall_stands_where_the_first_would_be_forgotten(
    client: httpx.AsyncClient, till: Till, auditor: Someone, owner: asyncpg.Connection, table: str
) -> None:
    await till.approved()
    await paid(client, till.maker, till.checker, till.town.city)
    await drawn(client, auditor, till.town.city, size=1)
    fund = await till.world.fund(till.town.city, source="donation")
    body = {"fund_id": str(fund), "first_day": "2026-01-01", "last_day": "2026-01-31"}
    assert (await post(client, till.maker, "/staff/donor_reports", body)).status_code == 201

    async def seen(door: str, organisation: str) -> int:
        async with owner.transaction():
            await owner.execute("set local role aid_api")
            told = {"app.door": door, "app.person": str(auditor.id), "app.organisations": f"{{{organisation}}}"}
            for name, value in told.items():
                await owner.execute("select set_config($1, $2, true)", name, value)
            count: int = await owner.fetchval(f"select count(*) from {table} where city_id = $1", till.town.city.id)
            return count

    assert await seen("staff", str(till.town.city.id)) == 1
    other = await till.world.union("city")
    for door, organisation in (("staff", str(other.id)), ("worker", str(till.town.city.id)), ("public", "")):
        assert await seen(door, organisation) == 0


async def test_the_functions_behind_the_wall_tell_nobody_who_is_not_over_the_union(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    case = await till.approved()
    await paid(client, till.maker, till.checker, till.town.city)
    city = till.town.city.id
    asked = {
        "payments_made($1, '2016-01-01', '2100-01-01')": city,
        "money_granted($1, null, '2016-01-01', '2100-01-01')": city,
        "lines_of_cases(array[$1::uuid])": case.id,
        "books_of_cases(array[$1::uuid])": case.id,
        "notices_of_cases(array[$1::uuid])": case.id,
    }
    other = await till.world.union("city")

    async def told(function: str, door: str, organisation: str) -> int:
        async with owner.transaction():
            await owner.execute("set local role aid_api")
            for name, value in (("app.door", door), ("app.organisations", f"{{{organisation}}}")):
                await owner.execute("select set_config($1, $2, true)", name, value)
            count: int = await owner.fetchval(f"select count(*) from {function}", asked[function])
            return count

    for function in asked:
        assert await told(function, "staff", str(city)) > 0, function
        assert await told(function, "staff", str(other.id)) == 0, function
        assert await told(function, "worker", str(city)) == 0, function
        assert await told(function, "public", "") == 0, function


async def test_days_and_codes_that_do_not_exist_are_refused_in_chinese(
    client: httpx.AsyncClient, till: Till, auditor: Someone
) -> None:
    code = till.town.city.code
    for path, query in (
        ("/staff/fund_table", {"organisation_code": code, "year": 1999}),
        ("/staff/fund_table", {"organisation_code": code, "year": TODAY.year, "quarter": 5}),
        ("/staff/fund_table", {"organisation_code": code, "year": TODAY.year, "source": "lottery"}),
        ("/staff/fund_picture", {"organisation_code": code, "month": "2026-13"}),
        ("/staff/fund_picture", {"organisation_code": code, "month": f"{date(TODAY.year + 1, 1, 1):%Y-%m}"}),
        ("/staff/fund_picture", {"organisation_code": "no such", "month": MONTH}),
    ):
        refused(await client.get(path, params=query, headers=auditor.headers), 422, "invalid")
    gone = {"organisation_code": make.unique("X-"), "month": MONTH}
    refused(await client.get("/staff/fund_picture", params=gone, headers=auditor.headers), 404)
