"""Covers: never two at once of one person in one scheme, a unit as a whole, and how a claim knows its cover."""

import asyncio
from datetime import date, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.kernel.actor import Role
from tests import make
from tests.calling import post
from tests.make import TODAY, Guild, Someone, World

START = TODAY + timedelta(days=1)


def cover(number: str, union: Guild, starts_on: date = START, days: int = 364, **given: Any) -> dict[str, Any]:
    ends_on = starts_on + timedelta(days=days)
    return {
        "id_number": number, "organisation_code": union.code, "starts_on": str(starts_on), "ends_on": str(ends_on),
    } | given  # fmt: skip


def unit_list(union: Guild, numbers: list[str], staff_count: int, starts_on: date = START) -> dict[str, Any]:
    return {
        "organisation_code": union.code,
        "staff_count": staff_count,
        "starts_on": str(starts_on),
        "id_numbers": numbers,
    }


async def covers_of(owner: asyncpg.Connection, world: World, number: str) -> list[asyncpg.Record]:
    index = world.keyring.blind_index("person.id_number", number)
    return await owner.fetch("select * from cover where id_number_index = $1 order by starts_on", index)


@pytest.mark.parametrize(("starts", "status"), [(-365, 201), (-364, 409), (0, 409), (364, 409), (365, 201)], ids=str)
async def test_terms_may_touch_and_not_overlap_both_days_included(
    client: httpx.AsyncClient, world: World, starts: int, status: int
) -> None:
    unit = (await world.town()).units[0]
    clerk, number = await world.staff(Role.UNIT_CLERK, unit), make.id_number()
    assert (await post(client, clerk, "/staff/covers", cover(number, unit))).status_code == 201

    answer = await post(client, clerk, "/staff/covers", cover(number, unit, START + timedelta(days=starts)))

    assert answer.status_code == status, answer.text
    if status == 409:
        assert answer.json()["code"] == "already_covered"
        assert answer.json()["detail"] == "这名职工在这段时间已经参保。"


async def test_of_many_unions_that_enrol_one_person_at_once_one_succeeds(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    """None sees the covers of the others: the database alone knows of both."""
    towns = [await world.town() for _ in range(4)]
    units = [unit for town in towns for unit in town.units[:2]]
    clerks = [await world.staff(Role.UNIT_CLERK, unit) for unit in units]
    number = make.id_number()

    answers = await asyncio.gather(
        *(
            post(client, clerk, "/staff/covers", cover(number, unit, START + timedelta(days=shift)))
            for shift, (clerk, unit) in enumerate(zip(clerks, units, strict=True))
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (len(units) - 1)
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"already_covered"}
    assert len(await covers_of(owner, world, number)) == 1


async def test_the_same_list_from_many_unions_at_once_is_enrolled_once_and_nobody_twice(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    units = [(await world.town()).units[0] for _ in range(6)]
    clerks = [await world.staff(Role.UNIT_CLERK, unit) for unit in units]
    numbers = [make.id_number() for _ in range(40)]
    lists = [numbers if place % 2 else list(reversed(numbers)) for place in range(len(units))]

    answers = await asyncio.gather(
        *(
            post(client, clerk, "/staff/covers/enrolments", unit_list(unit, listed, 40))
            for clerk, unit, listed in zip(clerks, units, lists, strict=True)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    for number in numbers:
        assert len(await covers_of(owner, world, number)) == 1


async def test_a_unit_is_enrolled_as_a_whole_for_the_term_of_the_scheme(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    unit = (await world.town()).units[0]
    clerk, numbers = await world.staff(Role.UNIT_CLERK, unit), [make.id_number() for _ in range(80)]

    answer = await post(client, clerk, "/staff/covers/enrolments", unit_list(unit, numbers, 100))

    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["count"], shown["starts_on"]) == (80, str(START))
    (kept,) = await covers_of(owner, world, numbers[0])
    assert str(kept["ends_on"]) == shown["ends_on"]
    assert (kept["is_renewal"], kept["area"], kept["enrolled_by"]) == (None, "440500", clerk.id)
    audited = await owner.fetchrow(
        "select details from audit_entry where person_id = $1 and action = 'cover.list_enrolled'", clerk.id
    )
    assert audited is not None
    assert "80" in audited["details"]


async def test_too_few_of_a_unit_are_refused_and_those_enrolled_before_count(
    client: httpx.AsyncClient, world: World
) -> None:
    unit = (await world.town()).units[0]
    clerk, numbers = await world.staff(Role.UNIT_CLERK, unit), [make.id_number() for _ in range(80)]

    refused = await post(client, clerk, "/staff/covers/enrolments", unit_list(unit, numbers[:79], 100))
    assert refused.status_code == 422
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [("/staff_count", "ratio_reached")]
    assert "80人" in refused.json()["errors"][0]["message"]

    assert (await post(client, clerk, "/staff/covers/enrolments", unit_list(unit, numbers, 100))).status_code == 201
    one_more = unit_list(unit, [make.id_number()], 100)
    assert (await post(client, clerk, "/staff/covers/enrolments", one_more)).status_code == 201


async def test_every_reason_and_every_person_in_the_way_is_named_and_nothing_is_kept(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    unit = (await world.town()).units[0]
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    good, child, old = make.id_number(), make.id_number(date(2020, 1, 1)), make.id_number(date(1950, 1, 1))

    listed = unit_list(unit, [good, child, good, old], 49, TODAY - timedelta(days=1))
    answer = await post(client, clerk, "/staff/covers/enrolments", listed)

    assert answer.status_code == 422
    assert {(each["pointer"], each["code"]) for each in answer.json()["errors"]} == {
        ("/starts_on", "not_backdated"),
        ("/staff_count", "everybody_enrolled"),
        ("/id_numbers/1", "too_young"),
        ("/id_numbers/2", "duplicate"),
        ("/id_numbers/3", "too_old"),
    }
    assert good not in answer.text
    assert await covers_of(owner, world, good) == []


async def test_people_who_are_covered_already_are_named_by_their_place_and_nobody_is_enrolled(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    town, elsewhere = await world.town(), await world.town()
    unit, other = town.units[0], elsewhere.units[0]
    clerk, stranger = await world.staff(Role.UNIT_CLERK, unit), await world.staff(Role.UNIT_CLERK, other)
    numbers = [make.id_number() for _ in range(3)]
    assert (await post(client, stranger, "/staff/covers", cover(numbers[1], other))).status_code == 201

    answer = await post(client, clerk, "/staff/covers/enrolments", unit_list(unit, numbers, 3))

    assert (answer.status_code, answer.json()["code"]) == (409, "already_covered")
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/id_numbers/1", "already_covered")
    ]
    assert await covers_of(owner, world, numbers[0]) == []
    assert numbers[1] not in answer.text


async def test_numbers_that_cannot_be_right_are_named_by_their_place(client: httpx.AsyncClient, world: World) -> None:
    unit = (await world.town()).units[0]
    clerk, good = await world.staff(Role.UNIT_CLERK, unit), make.id_number()
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")

    answer = await post(client, clerk, "/staff/covers/enrolments", unit_list(unit, [good, wrong], 2))

    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/id_numbers/1", "id_number_checksum")
    ]


async def claimed(
    client: httpx.AsyncClient, worker: Someone, admitted: date, **sheet: Any
) -> tuple[httpx.Response, dict[str, Any]]:
    """A claim of this worker for a stay of five days, submitted."""
    form = make.secondary_medical()
    left = admitted + timedelta(days=5)
    form["stay"] |= {"admitted_on": str(admitted), "discharged_on": str(left)}
    form["settlement"] |= {"settled_at": f"{left}T10:00:00+08:00"} | sheet
    draft = await post(client, worker, "/applications", {"kind": "secondary_medical", "form": form})
    assert draft.status_code == 201, draft.text
    headers = worker.headers | make.keyed() | {"If-Match": draft.headers["etag"]}
    answer = await client.post(f"/applications/{draft.json()['id']}/submit", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer, answer.json()["decision"]


def met(decision: dict[str, Any], rule: str) -> bool | None:
    return next(reason["met"] for reason in decision["reasons"] if reason["rule"] == rule)


@pytest.mark.parametrize(
    ("gap", "stated", "over"),
    [(1, None, True), (2, None, False), (2, True, True), (1, False, False), (None, None, False)],
    ids=["next day", "a day late", "stated to renew", "stated to be new", "first one"],
)
async def test_how_a_cover_began_follows_from_the_earlier_ones_unless_it_was_stated(
    client: httpx.AsyncClient, world: World, gap: int | None, stated: bool | None, over: bool
) -> None:
    """Admitted ten days after the cover began: payable only if it renews another."""
    town = await world.town()
    unit, before = town.units[0], (await world.town()).units[0]
    clerk, other = await world.staff(Role.UNIT_CLERK, unit), await world.staff(Role.UNIT_CLERK, before)
    worker, begins = await world.person(home=unit), TODAY - timedelta(days=20)
    if gap is not None:
        earlier = cover(worker.id_number, before, begins - timedelta(days=gap + 300), 300)
        assert (await post(client, other, "/staff/covers", earlier)).status_code == 201
    body = cover(worker.id_number, unit, begins, is_renewal=stated)
    assert (await post(client, clerk, "/staff/covers", body)).status_code == 201

    _, decision = await claimed(client, worker, begins + timedelta(days=10))

    assert met(decision, "waiting_period_over") is over


async def holder(world: World) -> tuple[Someone, date]:
    """A worker under a cover that began at the first of a month half a year ago."""
    unit, begins = (await world.town()).units[0], (TODAY - timedelta(days=200)).replace(day=1)
    worker = await world.person(home=unit)
    await world.cover(worker, unit, starts_on=begins)
    return worker, begins


async def test_the_next_claim_counts_what_each_line_of_the_earlier_ones_pays(
    client: httpx.AsyncClient, world: World
) -> None:
    """Two payments a term within the pool; the self-funded items go on until their cap."""
    worker, begins = await holder(world)

    decisions = [(await claimed(client, worker, begins + timedelta(days=40 + number)))[1] for number in range(3)]

    assert [decision["outcome"] for decision in decisions] == ["eligible"] * 3
    steps = [{step["step"]: step["amount_fen"] for step in decision["trace"]} for decision in decisions]
    assert ["in_pool.rate" in each for each in steps] == [True, True, False]
    assert steps[2]["in_pool.used_up"] == 0


async def test_of_two_claims_at_once_the_second_counts_the_first(client: httpx.AsyncClient, world: World) -> None:
    """Both claim self-funded items of 12,000 yuan: half of each, and 8,000 a term together."""
    worker, begins = await holder(world)
    assert worker.home is not None
    sheet = dict.fromkeys(make.secondary_medical()["settlement"], 0)
    sheet |= {"medfee_sumamt_fen": 1_200_000, "fulamt_ownpay_amt_fen": 1_200_000, "psn_cash_pay_fen": 1_200_000}
    drafts = []
    for number in range(2):
        form, admitted = make.secondary_medical(), begins + timedelta(days=40 + number)
        form["stay"] |= {"admitted_on": str(admitted), "discharged_on": str(admitted)}
        given = {"number": form["settlement"]["number"], "settled_at": f"{admitted}T10:00:00+08:00"}
        form["settlement"] = sheet | given
        drafts.append(
            await world.application(worker, worker.home, kind=Kind.SECONDARY_MEDICAL, state=State.DRAFT, form=form)
        )

    answers = await asyncio.gather(
        *(
            client.post(f"/applications/{draft.id}/submit", headers=worker.headers | make.keyed() | {"If-Match": '"1"'})
            for draft in drafts
        )
    )

    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert sorted(answer.json()["decision"]["amount_fen"] for answer in answers) == [200_000, 600_000]
