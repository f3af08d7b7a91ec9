"""Who was not reached: within one's reach, masked, newest first, and never about oneself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, select, text, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission, nodes_of
from app.kernel.errors import NotFound
from app.messaging.tables import MISSED, Message, MessageSending
from app.reaching.tables import TextMessage

S, _M, _T = (table_of(model) for model in (MessageSending, Message, TextMessage))
SHOWN_FOR: Final = timedelta(days=30)
COUNT_CAP: Final = 10_000
ACTS: Final = (
    Permission.ACCEPT_CASE,
    Permission.REVIEW_AT_UNIT,
    Permission.REVIEW_AT_DISTRICT,
    Permission.APPROVE_AT_CITY,
    Permission.APPROVE_MUTUAL_AID,
)
"""Whoever deals with somebody's case may see to it that they hear of it."""
_COLUMNS = (
    *(S.c[name] for name in ("id", "message_id", "person_id", "created_at", "state", "moved_at", "grant_id")),
    *(S.c[name] for name in ("person_masked", "told_at")),
    *(_M.c[name] for name in ("kind", "title", "subject_kind", "subject_id", "read_at")),
    _T.c.state.label("text_state"),
)
_FROM = select(*_COLUMNS).join_from(S, _M, _M.c.id == S.c.message_id).outerjoin(_T, _T.c.message_id == S.c.message_id)
_OWN_AFFAIRS: Final = (
    "application", "household", "appeal", "card", "card_check", "discrepancy", "change", "visit", "account",
    "supplement_asked", "review_due",
)  # fmt: skip
"""Kinds of messages about somebody's own case: as the wall of `message_sending` has it. That somebody objected, say, is
nobody's but their own to know."""
_MISSED = text(MISSED.replace("state", "message_sending.state").replace("told_at", "message_sending.told_at"))


class DeliveryNotFound(NotFound):
    """没有找到这条消息的发送记录。"""


def _who(actor: Actor, *permissions: Permission) -> tuple[Shape, dict[str, Any]]:
    reach = nodes_of(post.place for permission in permissions for post in actor.posts_with(permission))
    return shape(reach), {"actor_id": actor.person_id, **nodes(reach)}


@cache
def _page(tiers: Shape, after: bool, counted: bool) -> Statement:
    query = _FROM.where(
        within(S, tiers),
        _MISSED,
        S.c.kind.in_([literal_column(f"'{kind}'") for kind in _OWN_AFFAIRS]),
        S.c.created_at > bindparam("since", type_=S.c.created_at.type),
        S.c.person_id != bindparam("actor_id"),
        _M.c.read_at.is_(None),
    )
    if counted:
        capped = query.with_only_columns(S.c.id).limit(literal_column(str(COUNT_CAP + 1))).subquery()
        return statement(select(func.count()).select_from(capped))
    if after:
        query = query.where(tuple_(S.c.created_at, S.c.id) < paging.place(S.c.created_at, S.c.id))
    return statement(query.order_by(S.c.created_at.desc(), S.c.id.desc()).limit(bindparam("size")))


@cache
def _one(tiers: Shape) -> Statement:
    return statement(
        _FROM.where(
            S.c.id == bindparam("id"),
            within(S, tiers),
            S.c.kind.in_([literal_column(f"'{kind}'") for kind in _OWN_AFFAIRS]),
            S.c.person_id != bindparam("actor_id"),
        )
    )


# Before it is looked at, so that what others have made of it, or of its text message, is seen.
_HELD = statement(select(S.c.id).where(S.c.id == bindparam("id")).with_for_update())


async def missed(
    transaction: Transaction, actor: Actor, now: datetime, size: int, after: tuple[datetime, UUID] | None
) -> Sequence[Record]:
    """Messages of the last thirty days that WeChat did not bring, that were not read and of which nobody told."""
    tiers, values = _who(actor, Permission.READ_CASES)
    values |= {"since": now - SHOWN_FOR, "size": size, **paging.values(after)}
    return await transaction.rows(_page(tiers, after is not None, False), **values)


async def missed_count(transaction: Transaction, actor: Actor, now: datetime) -> int:
    """How many, at most COUNT_CAP + 1."""
    tiers, values = _who(actor, Permission.READ_CASES)
    count: int = await transaction.value(_page(tiers, False, True), since=now - SHOWN_FOR, **values)
    return count


async def delivery(transaction: Transaction, actor: Actor, sending_id: UUID) -> Record:
    """One of them that the actor may act on, and it is theirs until the end. Raises DeliveryNotFound."""
    tiers, values = _who(actor, *ACTS)
    await transaction.row(_HELD, id=sending_id)
    row = await transaction.row(_one(tiers), id=sending_id, **values)
    if row is None:
        raise DeliveryNotFound
    return row
