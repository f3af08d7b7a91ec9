"""Public notices as everyone reads them: what is there, what never is, and that it goes."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any, cast
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from app.applications.path import Kind, State
from app.jobs.handlers import HANDLERS
from app.jobs.notices import opening
from app.jobs.notices.opening import open_household_notice, open_notice
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.notices.policy import Level, NoticePolicy, PublishedBy
from app.notices.queries import kept_batches
from app.notices.rules import Line, is_intact
from app.people.consents import Purpose
from app.policy.book import PolicyBook
from tests import make
from tests.calling import every_item
from tests.documents.reading import pages
from tests.make import Someone, World
from tests.notices.making import jobs_of, line_of, lines_of, publish, published, waiting

AGREED = (Purpose.PRIVACY_POLICY, Purpose.SENSITIVE_FINANCE, Purpose.PUBLIC_NOTICE)
NOT_AGREED = AGREED[:2]


async def batch(client: httpx.AsyncClient, line: Any) -> dict[str, Any]:
    answer = await client.get(f"/public/notice_batches/{line['batch_id']}")
    assert answer.status_code == 200, answer.text
    return cast(dict[str, Any], answer.json())


async def test_what_waits_together_is_one_list_with_one_hash(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    cases = [await waiting(world, town.units[n]) for n in (0, 1, 2)]
    other = await waiting(world, town.units[0], kind=Kind.GOLDEN_AUTUMN)
    await publish(world, cases[1])
    lines = [await line_of(world, case.id) for case in cases]
    assert {line["batch_id"] for line in lines} == {lines[0]["batch_id"]}
    for case in cases:  # each has its own fact
        await publish(world, case)
    assert await owner.fetchval("select count(*) from notice_batch where city_id = $1", town.city.id) == 1
    shown = await batch(client, lines[0])
    assert [line["serial"] for line in shown["lines"]] == [1, 2, 3]
    assert {line["number"] for line in shown["lines"]} == {case.number for case in cases}
    assert (shown["kind"], shown["level"], shown["organisation"]) == ("hardship_aid", "city", town.city.name)
    await publish(world, other)
    assert (await line_of(world, other.id))["batch_id"] != lines[0]["batch_id"]


async def test_facts_at_once_make_no_second_line(world: World, owner: asyncpg.Connection) -> None:
    town = await world.town()
    cases = [await waiting(world, town.units[0]) for _ in range(6)]
    await asyncio.gather(*(publish(world, case) for case in (*cases, *cases)))
    found = await owner.fetch(
        "select count(*) as lines, count(distinct application_id) as of from notice where city_id = $1", town.city.id
    )
    assert tuple(found[0]) == (6, 6)


async def test_the_line_the_list_the_page_and_the_print_bear_the_same_hash(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    case, line = await published(world, town.units[0])
    one = (await client.get(f"/public/notices/{line['id']}")).json()
    (listed,) = [item for item in await every_item(client, "/public/notices") if item["number"] == case.number]
    shown = await batch(client, line)
    page = await client.get(f"/public/notice_batches/{line['batch_id']}/page")
    printed = await client.get(f"/public/notice_batches/{line['batch_id']}/print")
    again = await client.get(f"/public/notice_batches/{line['batch_id']}/print")
    assert one == listed
    assert one["sha256"] == shown["sha256"]
    assert shown["sha256"] in page.text
    assert shown["sha256"] in "".join(pages(printed.content)).replace("\n", "")
    assert again.content == printed.content
    assert (page.headers["content-type"], page.headers["cache-control"]) == ("text/html; charset=utf-8", "no-store")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert not re.search(r"<script|javascript:|\son\w+=|<form|<img|src=", page.text, re.IGNORECASE)
    assert set(re.findall(r'href="(.)', page.text)) == {"/", "#"}


async def test_what_somebody_is_called_is_no_markup(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    hostile = await world.union("unit", town.streets[0], name="<script>alert(1)</script>&工会")
    _, line = await published(world, hostile)
    page = await client.get(f"/public/notice_batches/{line['batch_id']}/page")
    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;工会" in page.text


async def test_a_list_that_is_over_is_gone_at_that_instant_also_while_no_worker_runs(
    client: httpx.AsyncClient, world: World
) -> None:
    for seconds, status in ((3600, 200), (-60, 404)):
        case = await waiting(world, (await world.town()).units[0])
        await publish(world, case, seconds=seconds)
        line = await line_of(world, case.id)  # nobody has ended it
        paths = [f"/public/notices/{line['id']}"] + [
            f"/public/notice_batches/{line['batch_id']}{what}" for what in ("", "/page", "/print")
        ]
        for path in paths:
            answer = await client.get(path)
            assert answer.status_code == status, path
            if status == 404:
                assert answer.headers["content-type"] == "application/problem+json"
                assert case.number not in answer.text
        listed = {item["number"] for item in await every_item(client, "/public/notices")}
        assert (case.number in listed) is (status == 200)


async def test_staff_see_the_lists_of_their_unions_also_when_they_are_over(
    client: httpx.AsyncClient, world: World
) -> None:
    town, other = await world.town(), await world.town()
    case = await waiting(world, town.units[0])
    await publish(world, case, seconds=-60)
    found = {}
    for name, role, union in (
        ("city", Role.CITY_REVIEWER, town.city),
        ("district", Role.DISTRICT_REVIEWER, town.districts[0]),
        ("other", Role.CITY_REVIEWER, other.city),
    ):
        by = await world.staff(role, union)
        page = await client.get("/staff/notices", headers=by.headers)
        found[name] = [(item["organisation"], item["lines"]) for item in page.json()["items"]]
    assert found == {"city": [(town.city.name, 1)], "district": [], "other": []}


# ---- what never appears ----

MARK = "蠢鑫曦"
"""Planted in every field that is not to be published: no mask keeps two of these characters."""


def canaries(someone: Someone, home: Any, member: dict[str, Any]) -> dict[str, Any]:
    return {
        "members": [member],
        "address": f"{MARK}街道 6 号",
        "demands": [f"{MARK}希望"],
        "rigid_spending": [{"kind": "illness", "amount_fen": 7_654_321, "file_ids": []}],
        "income_fen_yearly": 1_234_567,
    }


def application_forms() -> dict[Kind, dict[str, Any]]:
    golden = make.golden_autumn()
    golden["student"] |= {"name": f"黄{MARK}"}
    return {
        Kind.HARDSHIP_AID: make.living_aid(reason=f"{MARK}胃癌晚期", item="medical"),
        Kind.GOLDEN_AUTUMN: golden | {"school": f"{MARK}大学"},
    }


def at_level(level: Level) -> Callable[[PolicyBook], PolicyBook]:
    """A book in which every notice is published by unions of this level."""

    def changed(book: PolicyBook) -> PolicyBook:
        policy = book.in_force("public_notice", NoticePolicy, make.TODAY)
        published_by = PublishedBy(**dict.fromkeys(PublishedBy.model_fields, level))
        versions = (policy.model_copy(update={"published_by": published_by}),)
        return replace(book, versions={**book.versions, "public_notice": versions})

    return changed


def forbidden(someone: Someone, member: dict[str, Any], level: Level, agreed: bool, home: Any) -> Iterator[str]:
    yield from (MARK, MARK[:2], MARK[1:], someone.name, someone.id_number, someone.id_number[:6] + "19")
    yield from (member["id_number"], member["name"], str(someone.id), "medical", "胃癌", "76,543", "12,345", "7654321")
    if not agreed and level != "unit":
        yield from (someone.name[0], home.name, "3,000.00", "300000")


@pytest.mark.parametrize(("level", "agreed"), list(product(("unit", "district", "city"), (True, False))))
async def test_nothing_planted_in_a_hidden_field_ever_appears(
    client: httpx.AsyncClient, world: World, level: Level, agreed: bool
) -> None:
    town = await world.town()
    home = town.units[0]
    for what in (Kind.HARDSHIP_AID, Kind.GOLDEN_AUTUMN, "public_notice", "exit_notice"):
        someone = await world.person(name=f"龘{MARK}", home=home, consents=AGREED if agreed else NOT_AGREED)
        member = make.member(name=f"黄{MARK}")
        state = what if isinstance(what, str) and not isinstance(what, Kind) else "active"
        file = await world.household(someone, home, state=state, **canaries(someone, home, member))
        fact = {"to_state": str(state), "household_id": str(file)}
        subject: UUID = file
        if isinstance(what, Kind):
            case = await world.application(
                someone, home, kind=what, state=State.PUBLIC_NOTICE, form=application_forms()[what],
                household_id=file, item="medical", note=f"{MARK}说明",
            )  # fmt: skip
            fact, subject = {"to_state": "public_notice", "application_id": str(case.id), "kind": what}, case.id
        async with jobs_of(world).work() as found:
            work = replace(found, now=found.now + timedelta(hours=1), policies=at_level(level)(found.policies))
            await (open_notice if isinstance(what, Kind) else open_household_notice)(work, fact)
        line = await line_of(world, subject)
        answers = [
            await client.get(f"/public/notices/{line['id']}"),
            *[await client.get(f"/public/notice_batches/{line['batch_id']}{part}") for part in ("", "/page", "/print")],
        ]
        assert {answer.status_code for answer in answers} == {200}
        assert answers[1].json()["level"] == level
        texts = [*(answer.text for answer in answers[:3]), "".join(pages(answers[3].content)).replace("\n", "")]
        raw = [answers[0].content, answers[1].content, answers[2].content, answers[3].content]
        for text, canary in product(texts, forbidden(someone, member, level, agreed, home)):
            assert canary not in text, (what, canary)
        assert all(canary.encode() not in each for each, canary in product(raw, (MARK, someone.id_number)))
        # And the mask is one: where the name may be told in part, its first character is there.
        assert all((someone.name[0] in text) is (agreed or level == "unit") for text in texts), what


def test_the_levels_of_this_test_are_all() -> None:
    assert set(opening._UPWARDS) == {"unit", "district", "city"}


async def test_who_withdraws_their_consent_is_shown_with_less_from_then_on(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    someone = await world.person(home=town.units[0])
    case, line = await published(world, town.units[0], who=someone)
    beside = await waiting(world, town.units[0])
    consents = (await client.get("/me/consents", headers=someone.headers)).json()["items"]
    given = next(each for each in consents if each["purpose"] == "public_notice")
    gone = await client.post(f"/me/consents/{given['id']}/withdraw", headers=someone.headers | make.keyed())
    assert gone.status_code in (200, 204), gone.text
    for _ in range(2):
        for handle in HANDLERS["ConsentWithdrawn"]:
            async with jobs_of(world).work() as found:
                await handle(
                    replace(found, now=found.now + timedelta(hours=1)),
                    {"person_id": str(someone.id), "purpose": "public_notice"},
                )
    before, after = await lines_of(world, case.id)
    if before["state"] == "open":
        before, after = after, before
    assert (before["state"], after["state"]) == ("withdrawn", "open")
    assert after["batch_id"] != line["batch_id"]
    assert (after["name_masked"], after["organisation_name"], after["amount_fen"]) == (
        "*",
        town.districts[0].name,
        None,
    )
    assert (await client.get(f"/public/notices/{line['id']}")).status_code == 404
    assert await lines_of(world, beside.id) == []


# ---- frozen ----


async def test_every_list_is_found_intact_after_a_restart_and_a_forged_one_is_not(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    for _ in range(3):
        await waiting(world, town.units[0])
    _, line = await published(world, town.units[1])
    async with jobs_of(world).work() as work:  # what a process reads that has just started
        kept = await kept_batches(work.transaction, UUID(int=0), 1_000)
    assert line["batch_id"] in {row["id"] for row in kept}
    for row in kept:
        lines = [Line(**each) for each in row["listed"]]
        assert is_intact(row["content"], row["sha256"], lines)
        assert not is_intact(row["content"], row["sha256"], [*lines[1:], *lines[:1], lines[0]])
    for sql in (
        "update notice_batch set sha256 = repeat('a', 64) where id = $1",
        "update notice_batch set ends_at = ends_at - interval '1 day' where id = $1",
        "delete from notice_batch where id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await owner.execute(sql, line["batch_id"])
    content = await owner.fetchval("select content from notice_batch where id = $1", line["batch_id"])
    with pytest.raises(asyncpg.CheckViolationError, match="ck_notice_batch_sha256"):
        await owner.execute(
            "insert into notice_batch select (jsonb_populate_record(b, jsonb_build_object('id', gen_random_uuid(), "
            "'sha256', repeat('a', 64)))).* from notice_batch b where id = $1",
            line["batch_id"],
        )
    assert orjson.loads(content)["lines"][0]["number"] == line["number"]


@pytest.mark.parametrize(
    "change",
    [
        "name_masked = '郑小明'", "organisation_name = '别处'", "amount_fen = 1", "number = 'X'", "working_days = 9",
        "ends_at = ends_at - interval '1 hour'", "created_at = created_at - interval '9 days'", "round = 2",
        "signer_ids = '{}'::uuid[] || gen_random_uuid()",
    ],
)  # fmt: skip
async def test_no_word_of_a_line_is_ever_changed(world: World, owner: asyncpg.Connection, change: str) -> None:
    _, line = await published(world, (await world.town()).units[0])
    with pytest.raises(asyncpg.CheckViolationError, match="never changed"):
        await owner.execute(f"update notice set {change} where id = $1", line["id"])


async def test_a_line_says_what_its_list_says(world: World, owner: asyncpg.Connection) -> None:
    _, line = await published(world, (await world.town()).units[0])
    other = await waiting(world, (await world.town()).units[0])
    for said in ({"name_masked": "郑小明"}, {"amount_fen": 1}, {"serial": 2}, {"number": "X"}):
        row = dict(line) | {"id": new_id(), "application_id": other.id, "person_id": other.applicant.id} | said
        columns = ", ".join(row)
        places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
        with pytest.raises(asyncpg.CheckViolationError, match="what its list says"):
            await owner.execute(f"insert into notice ({columns}) values ({places})", *row.values())
