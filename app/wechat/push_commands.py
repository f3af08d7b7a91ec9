"""Keeping what WeChat pushed: once, with what the signature was used for."""

import hashlib
from datetime import timedelta
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from app.audit.commands import record
from app.db.base import table_of
from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.gateways.wechat.pushes import Content, Push, Signed
from app.kernel.errors import NotAllowed
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.wechat.events import PushCame
from app.wechat.tables import WechatNonce, WechatPush

CONTENT: Final = "wechat_push.content"
SYSTEM: Final = UUID(int=0)
"""What an audit entry about WeChat itself is about."""
_PUSH, _NONCE = table_of(WechatPush), table_of(WechatNonce)
_COLUMNS = ("id", "created_at", "account", "once", "kind", "said_at", "content")
_KEEP = statement(
    insert(_PUSH)
    .values({name: bindparam(name, type_=_PUSH.c[name].type) for name in _COLUMNS})
    .on_conflict_do_nothing(index_elements=["account", "once"])
)
_USE = statement(
    insert(_NONCE)
    .values(
        {name: bindparam(name, type_=_NONCE.c[name].type) for name in ("id", "created_at", "account", "signed", "body")}
    )
    .on_conflict_do_nothing(index_elements=["account", "signed"])
)
_USED_FOR = statement(
    select(_NONCE.c.body).where(_NONCE.c.account == bindparam("account"), _NONCE.c.signed == bindparam("signed"))
)
_ONE = statement(select(_PUSH).where(_PUSH.c.id == bindparam("id")).with_for_update())
_HANDLED = statement(
    update(_PUSH)
    .where(_PUSH.c.id == bindparam("row_id"))
    .values(
        handled_at=bindparam("now", type_=_PUSH.c.handled_at.type),
        outcome=bindparam("outcome", type_=_PUSH.c.outcome.type),
    )
)


_FORGET_NONCES = statement(delete(_NONCE).where(_NONCE.c.created_at < bindparam("before")))
_FORGET = statement(delete(_PUSH).where(_PUSH.c.created_at < bindparam("before"), _PUSH.c.handled_at.is_not(None)))
NONCES_KEPT: Final = timedelta(minutes=15)
"""Three times as long as a request may be old."""
PUSHES_KEPT: Final = timedelta(days=7)


class PushReplayed(NotAllowed):
    """这个签名已经用过。"""


async def use_signature(work: Work, account: str, signed: Signed, body: bytes) -> None:
    """A signature stands for one body: the signature of the plain mode does not cover it, so whoever overheard one
    could send anything under it. WeChat's own repetition has the same body. Raises PushReplayed."""
    key = hashlib.sha256("\x1f".join((signed.timestamp, signed.nonce, signed.signature)).encode()).digest()
    digest = hashlib.sha256(body).digest()
    new = await work.transaction.run(_USE, id=new_id(), created_at=work.now, account=account, signed=key, body=digest)
    if not new and await work.transaction.value(_USED_FOR, account=account, signed=key) != digest:
        raise PushReplayed


async def keep(work: Work, account: str, push: Push) -> bool:
    """Keep it for the worker process, and whether it is new."""
    row_id = new_id()
    new = await work.transaction.run(
        _KEEP,
        id=row_id,
        created_at=work.now,
        account=account,
        once=push.once,
        kind=push.kind,
        said_at=push.said_at,
        content=work.keyring.seal_document(CONTENT, row_id, push.content),
    )
    if new:
        await emit(work, PushCame(row_id))
    return bool(new)


async def note_refused(work: Work, account: str, reason: str, count: int) -> None:
    """In the audit trail: somebody called who is not WeChat, or our keys are wrong."""
    await record(
        work,
        person_id=None,
        action="wechat.push_refused",
        subject_kind="wechat",
        subject_id=SYSTEM,
        subject_person_id=None,
        account=account,
        reason=reason,
        count=str(count),
    )


async def waiting(work: Work, push_id: UUID) -> tuple[Record, Content] | None:
    """A push that nobody has handled yet, held until commit, and what it says."""
    row = await work.transaction.row(_ONE, id=push_id)
    if row is None or row["handled_at"] is not None:
        return None
    return row, orjson.loads(work.keyring.open(CONTENT, row["id"], row["content"]))


async def mark_handled(work: Work, push_id: UUID, outcome: str) -> None:
    await work.transaction.run(_HANDLED, row_id=push_id, now=work.now, outcome=outcome)


async def forget_old(work: Work) -> int:
    """Delete what nobody repeats any more; how many rows."""
    nonces = await work.transaction.run(_FORGET_NONCES, before=work.now - NONCES_KEPT)
    return nonces + await work.transaction.run(_FORGET, before=work.now - PUSHES_KEPT)
