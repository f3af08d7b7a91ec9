"""The same Idempotency-Key and body get the first answer again.

The answer is kept in the transaction that did the work, so after a crash either both exist or neither.
While a request runs it holds an advisory lock on its key; a second one is told so at once. The lock is taken
when the transaction begins, a statement before the look-up: whoever gets it after another sees what that one kept.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import FromClause, Select, Subquery, Uuid, and_, bindparam, cast, select, text, true

from app.db.base import table_of
from app.db.statements import Statement, insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.http.problems import MEDIA_TYPE
from app.kernel.actor import Actor
from app.kernel.errors import Invalid
from app.kernel.ids import new_id
from app.messaging.answers import IdempotencyInProgress, KeptAnswer
from app.messaging.tables import KeyedAnswer
from app.people.queries import SESSION

ANSWER = "keyed_answer.answer"
_KEY = re.compile(r"\A[!-~]{1,255}\Z")
_LOOK_UP = statement(
    text(
        """
        select current_setting('app.locked') = 'true' as free, row_id, fingerprint, status, etag, answer
        from (select 1) as one left join keyed_answer on person_id = :person_id and key = :key
        """
    )
)


def _asking(who: FromClause) -> Subquery:
    """Who asks, with what was answered to them under the key before."""
    kept = table_of(KeyedAnswer)
    theirs = and_(kept.c.person_id == who.c.person_id, kept.c.key == bindparam("key"))
    columns = [kept.c[name].label(f"kept_{name}") for name in ("row_id", "fingerprint", "status", "etag", "answer")]
    return select(who.c.person_id.label("who"), *columns).select_from(who.outerjoin(kept, theirs)).subquery("asking")


# Seen as the person that the token names: a session is nobody else's to see. Closing an account ends its sessions.
_BY_SESSION = _asking(
    select(SESSION.c.person_id)
    .where(
        SESSION.c.id == bindparam("session_id"),
        SESSION.c.ended_at.is_(None),
        SESSION.c.expires_at > bindparam("at", type_=SESSION.c.expires_at.type),
    )
    .subquery("session_of")
)
_BY_PERSON = _asking(select(cast(bindparam("who_asks", type_=Uuid()), Uuid()).label("person_id")).subquery("known"))
WHO_AND_WHETHER = Statement(
    """
    select who.person_id, who.posts, who.facts, current_setting('app.locked') = 'true' as free, row_id, fingerprint,
      status, etag, answer
    from actor_of_session($1, $2, $3) as who
    left join keyed_answer as kept on kept.person_id = who.person_id and kept.key = $4
    """,
    ("asked", "at", "today", "key"),
    {},
)
"""Whose session this is (`Service.introduced`), and what was answered to them under this key."""
_KEEP = insertion(table_of(KeyedAnswer), *"person_id key row_id fingerprint status etag answer created_at".split())


class IdempotencyKeyMissing(Invalid):
    """请求缺少 Idempotency-Key（1–255 个可见字符）。"""


class IdempotencyKeyReused(Invalid):
    """这个 Idempotency-Key 已用于另一份内容，请换一个新的。"""


class Replay(Exception):
    """The request was answered before: this is that answer."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request that will keep its answer."""

    actor: Actor
    key: str
    fingerprint: bytes
    work: Work

    def kept(self, response: Response) -> KeptAnswer:
        """The answer as it is kept, for a statement that keeps it with its own work."""
        row_id, sealed = new_id(), self.work.keyring.seal
        return KeptAnswer(
            person_id=self.actor.person_id,
            key=self.key,
            row_id=row_id,
            fingerprint=self.fingerprint,
            status=response.status_code,
            etag=response.headers.get("etag"),
            answer=sealed(ANSWER, row_id, bytes(response.body)),
        )

    async def keep(self, response: Response) -> None:
        """Keep the answer of a request that has not done so itself."""
        await self.work.transaction.run(_KEEP, created_at=self.work.now, **self.kept(response)._asdict())


def lock_of(person_id: UUID, key: str) -> int:
    """The advisory lock of a person's key, for `Sight.lock`."""
    return _lock(person_id.bytes + key.encode())


def alone_of(person_id: UUID) -> int:
    """The advisory lock of all that a person does, for `Sight.alone`."""
    return _lock(b"alone" + person_id.bytes)


def _lock(of: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(of, digest_size=8).digest(), "big", signed=True)


CONTENT = "aid_content"
"""In the scope of a request whose body is not the same twice (multipart): what stands for it in the fingerprint."""


def key_of(request: Request) -> str:
    """The Idempotency-Key of a request. Raises IdempotencyKeyMissing."""
    key = request.headers.get("idempotency-key", "")
    if not _KEY.match(key):
        raise IdempotencyKeyMissing
    return key


async def keyed(request: Request, actor: Actor, key: str, work: Work, found: Record | None = None) -> Keyed:
    """Take the key of this request, whose transaction began with `lock_of` it; `found`: what was looked up already.

    Raises IdempotencyKeyMissing, IdempotencyKeyReused, IdempotencyInProgress; and Replay with the first answer.
    """
    fingerprint = await fingerprint_of(request, key)
    found = found or await work.transaction.row(_LOOK_UP, person_id=actor.person_id, key=key)
    assert found is not None
    answered_before(work, fingerprint, *(found[name] for name in ("row_id", "fingerprint", "status", "etag", "answer")))
    if not found["free"]:
        raise IdempotencyInProgress
    return Keyed(actor, key, fingerprint, work)


async def fingerprint_of(request: Request, key: str) -> bytes:
    """What a request asks for, as one hash. Raises IdempotencyKeyMissing."""
    if not _KEY.match(key):
        raise IdempotencyKeyMissing
    content: bytes | None = request.scope.get(CONTENT)
    body = await request.body() if content is None else content
    return hashlib.sha256(f"{request.method} {request.scope['path']}\n".encode() + body).digest()


def answered_before(
    work: Work, fingerprint: bytes, row_id: UUID | None, kept: bytes, status: int, etag: str | None, answer: bytes
) -> None:
    """Raises Replay with the answer that is kept, if there is one; IdempotencyKeyReused if it is for something else."""
    if row_id is None:
        return
    if kept != fingerprint:
        raise IdempotencyKeyReused
    raise Replay(_again(status, etag, work.keyring.open(ANSWER, row_id, answer)))


def beside_session(query: Select[Any]) -> Statement:
    """A question that is asked together with whose session this is and what was answered under the key before."""
    return _beside(_BY_SESSION, query)


def beside_answer(query: Select[Any]) -> Statement:
    """A question that is asked together with what was answered under the key of somebody known before."""
    return _beside(_BY_PERSON, query)


def _beside(asking: Subquery, query: Select[Any]) -> Statement:
    asked = query.subquery("asked")
    return statement(select(asking, asked).select_from(asking.outerjoin(asked, true())))


def _again(status: int, etag: str | None, body: bytes) -> Response:
    headers = {"Idempotency-Replayed": "true"} | ({"ETag": etag} if etag else {})
    # An answer that keeps a part of what was asked and refuses the rest is a problem, and is kept as one.
    media_type = "application/json" if status < 400 else MEDIA_TYPE
    return Response(body, status, headers, media_type if body else None)
