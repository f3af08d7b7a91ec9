"""The same Idempotency-Key and body get the first answer again.

The answer is kept in the transaction that did the work, so after a crash either both exist or neither.
While a request runs it holds an advisory lock on its key; a second one is told so at once. The lock is taken
when the transaction begins, a statement before the look-up: whoever gets it after another sees what that one kept.
"""

import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import text

from app.db.base import table_of
from app.db.statements import Statement, insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor
from app.kernel.errors import Conflict, Invalid
from app.kernel.ids import new_id
from app.messaging.answers import KeptAnswer
from app.messaging.tables import KeyedAnswer

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
WHO_AND_WHETHER = Statement(
    """
    select who.person_id, who.posts, current_setting('app.locked') = 'true' as free, row_id, fingerprint, status, etag,
      answer
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


class IdempotencyInProgress(Conflict):
    """同一请求正在处理，请稍候再试。"""


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
    if not _KEY.match(key):
        raise IdempotencyKeyMissing
    content: bytes | None = request.scope.get(CONTENT)
    body = await request.body() if content is None else content
    fingerprint = hashlib.sha256(f"{request.method} {request.scope['path']}\n".encode() + body).digest()
    found = found or await work.transaction.row(_LOOK_UP, person_id=actor.person_id, key=key)
    assert found is not None
    if found["row_id"] is not None:
        if found["fingerprint"] != fingerprint:
            raise IdempotencyKeyReused
        raise Replay(
            _again(found["status"], found["etag"], work.keyring.open(ANSWER, found["row_id"], found["answer"]))
        )
    if not found["free"]:
        raise IdempotencyInProgress
    return Keyed(actor, key, fingerprint, work)


def _again(status: int, etag: str | None, body: bytes) -> Response:
    headers = {"Idempotency-Replayed": "true"} | ({"ETag": etag} if etag else {})
    return Response(body, status, headers, "application/json" if body else None)
