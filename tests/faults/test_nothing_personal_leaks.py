"""A person like no other goes through everything that can go wrong, and is looked for afterwards."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from tests import make
from tests.faults.heap import Heap
from tests.faults.processes import Api, Postgres
from tests.make import Someone, Town

NAME = "欧阳𬸣翮"
NUMBER = make.id_number()
CHILD = make.id_number()
CARD = "6222029876543210987"
REASON = "肝豆状核变性住院"
CANARIES = (NAME, NUMBER, NUMBER[:17], CHILD, REASON, CARD, CARD[:12])
"""Each is unlike anything else that these tests or the service would say."""


def with_luhn(digits: str) -> str:
    """The same card number with a right check digit."""
    doubled = [int(digit) * (2 if n % 2 else 1) for n, digit in enumerate(reversed(digits[:-1]), 1)]
    return digits[:-1] + str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


@dataclass
class Visit:
    """Everything that was answered to one client."""

    client: httpx.AsyncClient
    refusals: list[httpx.Response] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    async def __call__(
        self, who: Someone, method: str, address: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        content = None if body is None else json.dumps(body, allow_nan=True).encode()
        sent = {"Content-Type": "application/json", "If-Match": '"1"', **who.headers, **make.keyed(), **headers}
        answer = await self.client.request(method, address, content=content, headers=sent)
        self.statuses.add(answer.status_code)
        if answer.status_code >= 400:
            self.refusals.append(answer)
        return answer


async def what_goes_right(visit: Visit, who: Someone, card: str) -> None:
    identity = {"name": NAME, "id_number": NUMBER}
    child = make.member(number=CHILD, name=NAME)
    household = make.household_form(make.Someone(who.id, NAME, NUMBER, who.session_id, ""), members=[child])
    for method, address, body in (
        ("PUT", "/me/identity", identity),
        ("PUT", "/me/bank_card", {"holder": NAME, "number": card, "bank_name": "工商银行"}),
        ("PUT", "/me/household", household),
        ("POST", "/applications", {"kind": "hardship_aid", "form": make.living_aid(reason=REASON)}),
        ("POST", "/applications", {"kind": "golden_autumn", "form": make.golden_autumn(CHILD)}),
        ("POST", "/me/household/submit", None),
    ):
        answer = await visit(who, method, address, body)
        assert answer.status_code < 300, answer.text


async def what_goes_wrong(visit: Visit, who: Someone, other: Someone, clerk: Someone, card: str) -> None:
    marked = [NAME, NUMBER, CHILD, REASON, card]
    await visit(other, "PUT", "/me/identity", {"name": NAME, "id_number": NUMBER})  # it is somebody's already
    await visit(who, "PUT", "/me/identity", {"name": NAME, "id_number": CHILD})
    await visit(who, "PUT", "/me/household", {"head": {"name": NAME, "id_number": NUMBER}}, **{"If-Match": '"9"'})
    await visit(other, "PUT", "/me/bank_card", {"holder": NAME, "number": card, "bank_name": NAME})
    await visit(clerk, "POST", "/staff/covers", {"id_number": NUMBER, "organisation_code": NUMBER})
    for text in marked:
        for broken in (text + "\x00", text + "\ud800", text * 200, [text], {text: text}, {"name": text}, float("nan")):
            await visit(who, "PUT", "/me/identity", {"name": broken, "id_number": broken})
            await visit(who, "PUT", "/me/identity", {"name": text, "id_number": text, text: text})
            await visit(who, "PUT", "/me/household", {"head": {"name": broken}, text: broken})
            await visit(who, "POST", "/applications", {"kind": text, "form": {text: broken}})
            await visit(who, "POST", "/applications", {"kind": "hardship_aid", "form": {"reason": broken, text: 1}})
            await visit(who, "PUT", "/me/organisation", {"organisation_code": text})
        for address in ("/organisations?q={}%00", "/applications/{}", "/applications?cursor={}", "/{}", "/me?limit={}",
                        "/staff/tasks?q={}", "/public/notices/{}", "/organisations?cursor={}"):  # fmt: skip
            await visit(clerk, "GET", address.format(quote(text)))
        await visit(who, "POST", "/sessions", {"code": text})
        await visit(who, "POST", "/sessions/refresh", {"refresh_token": text * 3})
        await visit(who, "GET", "/me", Authorization=f"Bearer {quote(text)}")


async def when_the_database_refuses(visit: Visit, held: asyncpg.Connection, who: Someone) -> None:
    """A row that somebody else holds for longer than the service waits, and a table that has gone."""
    async with held.transaction():
        await held.execute("select from person where id = $1 for update", who.id)
        busy = await visit(who, "PUT", "/me/identity", {"name": NAME, "id_number": NUMBER})
    await held.execute("alter table bank_card rename to hidden")
    broken = await visit(who, "PUT", "/me/bank_card", {"holder": NAME, "number": CARD, "bank_name": NAME})
    await held.execute("alter table hidden rename to bank_card")
    assert busy.status_code == 503
    assert broken.status_code == 500


@pytest.fixture
def card() -> str:
    return with_luhn(CARD)


async def test_one_person_is_found_nowhere_but_sealed(
    api: Api, durable: Postgres, heap: Heap, town: Town, held: asyncpg.Connection, card: str
) -> None:
    who, other = [await heap.person(home=town.units[0], verified=False) for _ in range(2)]
    clerk = await heap.person(posts=((Role.UNIT_CLERK, town.units[0]), (Role.MUTUAL_AID_OFFICER, town.city)))
    await heap.pour(held)
    async with api.client(event_hooks={}) as client:  # a defect is provoked here, and no contract names defects
        visit = Visit(client)
        await what_goes_right(visit, who, card)
        await what_goes_wrong(visit, who, other, clerk, card)
        await when_the_database_refuses(visit, held, who)
        own_file = await visit(who, "GET", "/me/household")
        metrics = (await client.get(f"{api.url}/metrics")).text
    assert len(visit.refusals) > 200
    assert visit.statuses >= {200, 201, 401, 404, 409, 412, 422, 500, 503}
    canaries = {*CANARIES, card}
    assert spelt_in(NUMBER, own_file.text)  # so it would be found elsewhere, too
    assert "application" in await tables_with(held, ["golden_autumn"])
    places = {"the log of the API": api.log, "the log of PostgreSQL": durable.log, "the metrics": metrics}
    for name, text in places.items():
        assert [canary for canary in canaries if spelt_in(canary, text)] == [], name
    assert [answer.text for answer in visit.refusals if any(spelt_in(canary, answer.text) for canary in canaries)] == []
    assert await tables_with(held, sorted(canaries)) == []


def spelt_in(canary: str, text: str) -> bool:
    """As it is, or as JSON, Python, a URL or PostgreSQL's hexadecimal would write it."""
    spellings = {canary, json.dumps(canary)[1:-1], ascii(canary)[1:-1], quote(canary), canary.encode().hex()}
    return any(spelling in text for spelling in spellings)


async def tables_with(owner: asyncpg.Connection, canaries: list[str]) -> list[str]:
    """The tables in which any of these can be read."""
    tables = await owner.fetch("select tablename from pg_tables where schemaname = 'public'")
    needles = [needle for canary in canaries for needle in (f"%{canary}%", f"%{canary.encode().hex()}%")]
    return [
        table
        for (table,) in tables
        if await owner.fetchval(f'select exists (select from "{table}" t where t::text like any($1))', needles)
    ]
