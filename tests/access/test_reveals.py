"""A masked value is shown whole to who needs it, for a reason, and never without a trace; the worker reads it."""

import asyncio
import logging
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.access.rules import FIELDS, SHOWN_TO, masked_form
from app.applications.path import Kind, State
from app.db.database import open_database
from app.db.transaction import Sight
from app.kernel.actor import PERMISSIONS, Role
from app.kernel.ids import new_id
from app.people.tables import BankCard
from tests import make
from tests.calling import every_item
from tests.make import Case, Someone, Town, World

CARD, PHONE = "6222020200001230123", "13800138000"
REASON = "核对证件复印件"
READERS = [role for role in Role if "case:read" in PERMISSIONS[role]]


@pytest.fixture
async def town(world: World) -> Town:
    return await world.town()


async def claim(world: World, town: Town, owner: asyncpg.Connection, kind: Kind = Kind.SECONDARY_MEDICAL) -> Case:
    """A case of somebody who has a number, a telephone and a card."""
    someone, card_id = await world.person(home=town.units[0], name="林秀珍"), new_id()
    seal = world.keyring.seal_text
    await world.insert(
        BankCard, id=card_id, created_at=make.NOW, person_id=someone.id, holder=b"-", bank_name="工商银行",
        number=seal("bank_card.number", card_id, CARD), number_index=make.unique().encode(), number_masked="6222 ****",
        state="current",
    )  # fmt: skip
    await owner.execute(
        "update person set phone = $2 where id = $1", someone.id, seal("person.phone", someone.id, PHONE)
    )
    return await world.application(someone, town.units[0], kind=kind, state=State.UNIT_REVIEW)


async def reveal(
    client: httpx.AsyncClient, by: Someone, case_id: UUID | str, field: str, reason: str | None = REASON
) -> httpx.Response:
    body = {"field": field} | ({} if reason is None else {"reason": reason})
    return await client.post(f"/staff/applications/{case_id}/reveal", json=body, headers=by.headers | make.keyed())


async def log(client: httpx.AsyncClient, someone: Someone) -> list[dict[str, Any]]:
    return await every_item(client, "/me/access_log", by=someone)


@pytest.mark.parametrize("role", READERS)
async def test_each_role_sees_what_its_work_needs_and_nothing_else(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection, role: Role
) -> None:
    case = await claim(world, town, owner)
    whole = {"id_number": case.applicant.id_number, "phone": PHONE, "bank_card": CARD, "diagnosis": "肺炎"}
    by = await world.staff(role, town.city, consents=())
    for field, value in whole.items():
        answer = await reveal(client, by, case.id, field)
        if SHOWN_TO[field] & PERMISSIONS[role]:  # type: ignore[index]
            assert (answer.status_code, answer.json()) == (200, {"field": field, "value": value}), answer.text
            assert answer.headers["cache-control"] == "no-store"
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "field_not_yours"), (field, answer.text)


async def test_the_number_of_a_student_is_shown_from_the_form(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    case = await claim(world, town, owner, Kind.GOLDEN_AUTUMN)
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())
    shown = (await client.get(f"/staff/applications/{case.id}", headers=chair.headers)).json()["form"]
    revealed = (await reveal(client, chair, case.id, "student_id_number")).json()["value"]
    assert shown["student"]["id_number"] == f"{revealed[:6]}********{revealed[-4:]}"
    none = await reveal(client, chair, case.id, "diagnosis")
    assert (none.status_code, none.json()["code"]) == (409, "nothing_to_reveal")


async def test_what_staff_open_is_masked(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    case = await claim(world, town, owner)
    for role in READERS:
        by = await world.staff(role, town.city, consents=())
        answer = await client.get(f"/staff/applications/{case.id}", headers=by.headers)
        assert answer.json()["form"]["stay"]["diagnosis"] == "****"
        for hidden in ("肺炎", case.applicant.id_number, PHONE, CARD):
            assert hidden not in answer.text, role
    mine = await client.get(f"/applications/{case.id}", headers=case.applicant.headers)
    assert mine.json()["form"]["stay"]["diagnosis"] == "肺炎"


def test_masking_a_form_changes_nothing_else() -> None:
    form = {"item": "living", "fen": 1, "list": [{"id_number": "11010519491231002X", "x": None}], "diagnosis": "病"}
    masked = {"id_number": "110105********002X", "x": None}
    assert masked_form(form) == {"item": "living", "fen": 1, "list": [masked], "diagnosis": "****"}


async def test_the_worker_reads_who_looked_and_why(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    case = await claim(world, town, owner)
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], name="黄志强", consents=())
    assert (await reveal(client, chair, case.id, "phone")).status_code == 200
    (entry,) = await log(client, case.applicant)
    assert (entry["action"], entry["field"], entry["reason"]) == ("application.revealed", "phone", REASON)
    assert entry["by"] == {"role": "unit_chair", "organisation": town.units[0].name, "name_masked": "黄*强"}
    assert not entry["by_me"]
    details = await owner.fetchval(
        "select details::text from audit_entry where subject_person_id = $1 order by id desc limit 1", case.applicant.id
    )
    assert REASON not in details


async def test_a_refusal_shows_nothing_and_counts_for_nothing(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    case = await claim(world, town, owner)
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())
    for reason in (None, "", " "):
        assert (await reveal(client, chair, case.id, "phone", reason)).status_code == 422
    assert (await reveal(client, chair, case.id, "name")).status_code == 422
    assert (await reveal(client, chair, case.id, "bank_card")).status_code == 403
    assert await log(client, case.applicant) == []


async def test_what_is_not_in_reach_does_not_exist(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    case = await claim(world, town, owner)
    strangers = [
        await world.person(posts=tuple((role, place) for role in Role), consents=())
        for place in (town.units[1], town.districts[1], (await world.town()).city)
    ]
    for stranger in strangers:
        for field in FIELDS:
            assert (await reveal(client, stranger, case.id, field)).status_code == 404
    assert await log(client, case.applicant) == []


async def test_a_day_has_only_so_many(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    """Also at once: whoever asks at the same moment waits, and is counted."""
    case = await claim(world, town, owner)
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())
    answers = [await reveal(client, chair, case.id, "phone") for _ in range(27)]
    answers += await asyncio.gather(*(reveal(client, chair, case.id, "phone") for _ in range(6)))
    assert Counter(answer.status_code for answer in answers) == {200: 30, 429: 3}
    refusal = next(answer for answer in answers if answer.status_code == 429)
    assert refusal.json()["code"] == "reveals_used_up"
    assert 0 < int(refusal.headers["retry-after"]) <= 24 * 3600
    assert len(await log(client, case.applicant)) == 30
    other = await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())
    assert (await reveal(client, other, case.id, "phone")).status_code == 200
    await owner.execute("alter table reveal disable trigger append_only")
    try:
        await owner.execute(
            "update reveal set created_at = created_at - interval '1 day' where person_id = $1", chair.id
        )
    finally:
        await owner.execute("alter table reveal enable trigger append_only")
    assert (await reveal(client, chair, case.id, "phone")).status_code == 200


async def test_a_retry_is_the_same_look(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    case = await claim(world, town, owner)
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())
    headers, body = chair.headers | make.keyed(), {"field": "phone", "reason": REASON}
    first, again = [
        await client.post(f"/staff/applications/{case.id}/reveal", json=body, headers=headers) for _ in range(2)
    ]
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert len(await log(client, case.applicant)) == 1
    kept = await owner.fetchval("select answer from keyed_answer where person_id = $1", chair.id)
    assert PHONE.encode() not in kept


async def test_neither_value_nor_reason_reaches_log_or_address(
    client: httpx.AsyncClient,
    world: World,
    town: Town,
    owner: asyncpg.Connection,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = await claim(world, town, owner)
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())
    canary = make.unique("理由")
    with caplog.at_level(logging.DEBUG):
        answer = await reveal(client, chair, case.id, "phone", canary)
        refused = await reveal(client, chair, case.id, "bank_card", canary)
    out, err = capfd.readouterr()
    for written in (out, err, caplog.text, str(answer.request.url), refused.text):
        assert PHONE not in written
        assert canary not in written


# ---- the second wall ----

_NUMBER, _CARD = "select count(*) from person where id = $1", "select count(*) from bank_card where person_id = $1"


async def test_the_database_shows_a_number_only_in_the_transaction_that_says_who_looks(
    world: World, town: Town, owner: asyncpg.Connection, database_url: str
) -> None:
    case = await claim(world, town, owner)
    chair, other = [await world.staff(Role.UNIT_CHAIR, town.units[0], consents=()) for _ in range(2)]
    entry = (
        "insert into audit_entry (id, created_at, shard, sequence, hash, person_id, action, subject_kind, subject_id, "
        "subject_person_id, details) values ($1, now(), 0, 0, '', $2, $3, 'application', $4, $5, '{}')"
    )
    database = await open_database(database_url, "aid_api", size=1)

    async def seen(by: Someone, named: Someone, action: str) -> list[int]:
        async with database.begin(Sight("staff", by.id, (town.units[0].id,))) as transaction:
            ask = transaction.connection.fetchval
            before = [await ask(_NUMBER, case.applicant.id), await ask(_CARD, case.applicant.id)]
            values = (new_id(), named.id, action, case.id, case.applicant.id)
            await transaction.connection.execute(entry, *values)
            return [*before, await ask(_NUMBER, case.applicant.id), await ask(_CARD, case.applicant.id)]

    try:
        assert await seen(chair, chair, "application.opened") == [0, 0, 0, 0]
        assert await seen(chair, other, "application.revealed") == [0, 0, 0, 0]
        assert await seen(chair, chair, "application.revealed") == [0, 0, 1, 1]
        assert await seen(chair, chair, "application.opened") == [0, 0, 0, 0]  # that was another transaction
    finally:
        await database.close()
