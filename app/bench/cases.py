"""The requests of each case, as bytes on the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import orjson

from app.bench.bulk import Batch
from app.http.paging import Cursors
from app.kernel.actor import Role
from app.people.tokens import issue
from app.settings import DEMO_TOKEN_KEY

READERS = 20_000
TOGETHER = 200
"""Readers at the same time: each of them reads READS times within a moment, as people do who open the mini-program."""
READS = 5
PAGE = 20
CURSORS_PER_DISTRICT = 200

_READERS = """
select a.id, a.applicant_id as person_id, s.id as session_id
from application a join session s on s.person_id = a.applicant_id
where a.submitted_at > now() - interval '40 days' and a.number like '%-open-%'
order by md5(a.id::text) limit $1
"""
_REVIEWERS = """
select p.person_id, p.organisation_id, p.role, s.id as session_id
from post p join session s on s.person_id = p.person_id order by p.person_id
"""
# The further cases are left out: they go while others are being approved.
_QUEUE = """
select submitted_at, id from application
where district_id = $1 and state = 'district_review' and number not like '%-cases-%' order by submitted_at, id
"""
_DRAFTS = """
select a.id, a.applicant_id as person_id, s.id as session_id, a.version
from application a join session s on s.person_id = a.applicant_id
where a.state = 'draft' order by a.id limit $1
"""
_CASES = """
select id, version, state, unit_id, district_id, city_id from application
where state = $1 and number like '%-cases-%' order by submitted_at, id offset $2 limit $3
"""


_OPENED = """
select id, district_id from application
where state = 'district_review' and number like '%-open-%' order by md5(id::text) limit $1
"""
# Those that nobody approves one by one.
_TOGETHER = """
select id, district_id from application
where state = 'district_review' and number like '%-cases-%' order by submitted_at, id offset $1
"""
_APPROVED_BY = {"unit_review": "unit_id", "district_review": "district_id", "city_approval": "city_id"}
"""The approvals that a case needs, and whose they are."""


@dataclass(frozen=True, slots=True)
class Requests:
    """What is asked in each case; reads may be asked again, writes only once."""

    get: Sequence[bytes]
    list: Sequence[bytes]
    submit: Sequence[bytes]
    approve: Sequence[bytes]
    """Of the three approvals that a case needs, each as often as another."""
    approve_last: Sequence[bytes]
    """The last one, which holds the money for the case."""
    case: Sequence[bytes]
    bulk: Sequence[Batch]


async def prepared(dsn: str, writes: int, together: int) -> Requests:
    """Signed requests of the people in a filled database, at most so many of each write, and batches of so many."""
    connection, each = await asyncpg.connect(dsn), writes // len(_APPROVED_BY)
    try:
        readers = await connection.fetch(_READERS, READERS)
        drafts = await connection.fetch(_DRAFTS, writes)
        approving = [await connection.fetch(_CASES, state, 0, each) for state in _APPROVED_BY]
        last = await connection.fetch(_CASES, "city_approval", each, writes)
        reviewers = await connection.fetch(_REVIEWERS)
        districts = {row["organisation_id"] for row in reviewers if row["role"] == Role.DISTRICT_REVIEWER}
        pages = await _pages(connection, districts)
        opened = await connection.fetch(_OPENED, READERS)
        rest = await connection.fetch(_TOGETHER, each)
    finally:
        await connection.close()
    signed: dict[UUID, list[str]] = {}
    for row in reviewers:
        signed.setdefault(row["organisation_id"], []).append(_token(row))
    return Requests(
        get=_in_bursts([get(f"/api/v1/applications/{row['id']}", _token(row)) for row in readers]),
        list=_lists({union: signed[union] for union in districts}, pages),
        submit=[_act(f"/api/v1/applications/{row['id']}/submit", _token(row), row["version"], b"") for row in drafts],
        approve=_approvals([row for round_ in zip(*approving, strict=True) for row in round_], signed),
        approve_last=_approvals(last, signed),
        case=[
            _request("GET", f"/api/v1/staff/applications/{row['id']}", _one_of(signed[row["district_id"]], n))
            for n, row in enumerate(opened)
        ],
        bulk=_batches(signed, rest, together),
    )


def _approvals(cases: Sequence[asyncpg.Record], signed: Mapping[UUID, list[str]]) -> list[bytes]:
    """Each by somebody of the union whose turn it is."""
    body = orjson.dumps({"action": "approve"})
    return [
        _act(
            f"/api/v1/staff/applications/{row['id']}/actions",
            _one_of(signed[row[_APPROVED_BY[row["state"]]]], n),
            row["version"],
            body,
        )
        for n, row in enumerate(cases)
    ]


def _one_of(tokens: list[str], number: int) -> str:
    return tokens[number % len(tokens)]


def _batches(signed: dict[UUID, list[str]], rest: Sequence[asyncpg.Record], together: int) -> list[Batch]:
    """One for each district that has so many left."""
    waiting: dict[UUID, list[str]] = {}
    for row in rest:
        waiting.setdefault(row["district_id"], []).append(str(row["id"]))
    return [
        Batch(signed[district][0], ids[:together])
        for district, ids in waiting.items()
        if district in signed and len(ids) >= together > 0
    ]


async def _pages(connection: asyncpg.Connection, districts: set[UUID]) -> dict[UUID, list[str]]:
    """Cursors into the queue of each district, evenly through it, each with a whole page behind it if there are any."""
    cursors = Cursors(DEMO_TOKEN_KEY.encode())
    pages = {}
    for district in districts:
        queue = (await connection.fetch(_QUEUE, district))[: -PAGE - 1]
        chosen = queue[:: max(len(queue) // CURSORS_PER_DISTRICT, 1)]
        pages[district] = [cursors.after("tasks", (row["submitted_at"], row["id"])) for row in chosen]
    return pages


def _token(row: asyncpg.Record) -> str:
    return issue(DEMO_TOKEN_KEY, row["person_id"], row["session_id"], datetime.now(UTC))


def _in_bursts(requests: list[bytes]) -> list[bytes]:
    groups = [requests[n : n + TOGETHER] for n in range(0, len(requests), TOGETHER)]
    return [request for group in groups for _ in range(READS) for request in group]


def _lists(signed: dict[UUID, list[str]], pages: dict[UUID, list[str]]) -> list[bytes]:
    """First pages and later ones, half and half, of every reviewer in turn."""
    address = f"/api/v1/staff/tasks?limit={PAGE}"
    asked = []
    for n in range(max(len(cursors) for cursors in pages.values()) or 1):
        for district, tokens in signed.items():
            token, cursors = tokens[n % len(tokens)], pages[district]
            asked.append(get(address, token))
            later = f"{address}&cursor={cursors[n % len(cursors)]}" if cursors else address
            asked.append(get(later, token))
    return asked


def _act(path: str, token: str, version: int, body: bytes) -> bytes:
    return _request("POST", path, token, f'If-Match: "{version}"', f"Idempotency-Key: {uuid4()}", body=body)


def bare() -> Sequence[bytes]:
    return [b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n"]


def public_page(path: str) -> Sequence[bytes]:
    """A page as a visitor's browser asks for it."""
    asked = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n\r\n"
    return [asked.encode()]


def get(address: str, token: str) -> bytes:
    """A request for what is read."""
    return _request("GET", address, token)


def _request(method: str, path: str, token: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        "Accept: application/json",
        f"Authorization: Bearer {token}",
    ]
    lines += headers
    if method == "POST":
        lines += [f"Content-Length: {len(body)}", *(["Content-Type: application/json"] if body else [])]
    return "\r\n".join([*lines, "", ""]).encode() + body
