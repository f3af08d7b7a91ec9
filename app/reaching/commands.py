"""What is done about a message that did not reach somebody: tried again where it cannot be twice, or told otherwise."""

from collections.abc import Mapping
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import bindparam, text, update

from app.audit.commands import record
from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor
from app.kernel.errors import Conflict
from app.messaging.outbox import emit
from app.messaging.tables import MISSED_STATES
from app.reaching.events import PersonTold, SendingRetried
from app.reaching.queries import S, delivery
from app.reaching.rules import may_retry

How = Literal["phone", "visit", "letter"]
HOW: Final[Mapping[How, str]] = {"phone": "电话", "visit": "当面", "letter": "书信"}
_AGAIN = statement(
    text(
        "update message_sending set state = 'queued', due_at = :now, moved_at = :now "
        "where id = :row_id and state = :state"
    )
)
_TOLD = statement(
    update(S)
    .where(S.c.id == bindparam("row_id"), S.c.told_at.is_(None))
    .values(told_at=bindparam("now", type_=S.c.told_at.type), told_by=bindparam("by", type_=S.c.told_by.type))
)


class AlreadyRead(Conflict):
    """对方已经在小程序里读过这条消息，不用再告知。"""


class AlreadyTold(Conflict):
    """已经有人告知过对方。"""


class SendingUnderWay(Conflict):
    """这条消息正在发送或已经送达，不用另行告知。"""


class CannotBeSentAgain(Conflict):
    """这条消息不能重发：可能已经送到，或已过七十二小时。请电话告知。"""


async def retry(work: Work, actor: Actor, sending_id: UUID) -> Record:
    """Try a message again by WeChat. Raises DeliveryNotFound, AlreadyRead, AlreadyTold, CannotBeSentAgain."""
    row = await _waiting(work, actor, sending_id)
    if not may_retry(row["state"], row["grant_id"], row["text_state"], row["created_at"], work.now):
        raise CannotBeSentAgain
    await work.transaction.run(_AGAIN, row_id=sending_id, state=row["state"], now=work.now)
    await _noted(work, actor, row, "message.retried")
    await emit(work, SendingRetried(row["message_id"]))
    return row


async def note_told(work: Work, actor: Actor, sending_id: UUID, how: How) -> Record:
    """Somebody of the union told the person. Raises DeliveryNotFound, AlreadyRead, AlreadyTold, SendingUnderWay."""
    row = await _waiting(work, actor, sending_id)
    if row["state"] not in MISSED_STATES:
        raise SendingUnderWay
    await work.transaction.run(_TOLD, row_id=sending_id, now=work.now, by=actor.person_id)
    await _noted(work, actor, row, "message.told", how=how)
    await emit(work, PersonTold(row["message_id"]))
    return row


async def _waiting(work: Work, actor: Actor, sending_id: UUID) -> Record:
    row = await delivery(work.transaction, actor, sending_id)
    if row["told_at"] is not None:
        raise AlreadyTold
    if row["read_at"] is not None:
        raise AlreadyRead
    return row


async def _noted(work: Work, actor: Actor, row: Record, action: str, **details: str) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=action,
        subject_kind="message",
        subject_id=row["message_id"],
        subject_person_id=row["person_id"],
        **details,
    )
