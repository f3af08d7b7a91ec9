"""Reading objections and what is made of them: by those above the unit, never by whom the line is about."""

from datetime import date, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission, Post, Tier, nodes_of
from app.kernel.errors import NotFound
from app.notices.tables import NoticeInvestigation, NoticeObjection

I, O = table_of(NoticeInvestigation), table_of(NoticeObjection)  # noqa: E741
COUNT_CAP: Final = 10_000
_AFTER = paging.place(I.c.created_at, I.c.id)
_OPEN = I.c.state == literal_column("'open'")
_OBJECTIONS = statement(select(O).where(O.c.notice_id == bindparam("id")).order_by(O.c.id).limit(literal_column("100")))
_OBJECTED = statement(select(O.c.id).where(O.c.notice_id == bindparam("id"), O.c.objector_id == bindparam("person_id")))
_LINE_OF = statement(select(O.c.notice_id).where(O.c.id == bindparam("id")))
_DECIDED = statement(select(I).where(I.c.id == bindparam("id")))
_BY_RECEIPT = Statement("select * from objection_of_receipt($1)", ("asked",), {})
_OBJECTORS = statement(
    select(O.c.objector_id).where(O.c.notice_id == bindparam("id"), O.c.objector_id.is_not(None)).order_by(O.c.id)
)


class ReceiptUnknown(NotFound):
    """没有找到这个受理编号，请核对后再试。"""


class InvestigationNotFound(NotFound):
    """没有找到这项异议核查。"""


def posts_above(actor: Actor) -> tuple[Post, ...]:
    """The actor's posts, at a district or the city, that look into objections."""
    return tuple(
        post for post in actor.posts_with(Permission.INVESTIGATE) if post.place.tier in (Tier.CITY, Tier.DISTRICT)
    )


def post_above(actor: Actor, row: Record) -> Post | None:
    """The actor's post, if any, that looks into this one."""
    return next((p for p in posts_above(actor) if row[f"{p.place.tier}_id"] == p.place.id), None)


def _asked(actor: Actor) -> tuple[Shape, dict[str, Any]]:
    reach = nodes_of(post.place for post in posts_above(actor))
    return shape(reach), {"actor_id": actor.person_id, **nodes(reach)}


@cache
def _one(tiers: Shape) -> Statement:
    return statement(
        select(I).where(I.c.id == bindparam("id"), within(I, tiers), I.c.person_id != bindparam("actor_id"))
    )


async def investigation(transaction: Transaction, actor: Actor, investigation_id: UUID) -> Record:
    """One within the actor's reach, never about themselves. Raises InvestigationNotFound."""
    tiers, values = _asked(actor)
    row = await transaction.row(_one(tiers), id=investigation_id, **values)
    if row is None:
        raise InvestigationNotFound
    return row


async def objections(transaction: Transaction, investigation_id: UUID) -> list[Record]:
    """What was said against the line, oldest first."""
    return await transaction.rows(_OBJECTIONS, id=investigation_id)


async def has_objected(transaction: Transaction, investigation_id: UUID, person_id: UUID) -> bool:
    return await transaction.value(_OBJECTED, id=investigation_id, person_id=person_id) is not None


async def evidence_of(transaction: Transaction, actor: Actor, objection_id: UUID) -> Record:
    """Whether the actor may see what an objection names. Raises InvestigationNotFound. Tells of nobody."""
    line = await transaction.value(_LINE_OF, id=objection_id)
    if line is None:
        raise InvestigationNotFound
    found = await investigation(transaction, actor, line)
    return {"id": found["id"]}


@cache
def _waiting(tiers: Shape, overdue: bool, after: bool, counted: bool) -> Statement:
    conditions = [within(I, tiers), _OPEN, I.c.person_id != bindparam("actor_id")]
    if overdue:
        conditions.append(I.c.due_on < bindparam("today"))
    if counted:
        capped = select(I.c.id).where(*conditions).limit(literal_column(str(COUNT_CAP + 1))).subquery()
        return statement(select(func.count()).select_from(capped))
    if after:
        conditions.append(tuple_(I.c.created_at, I.c.id) > _AFTER)
    return statement(select(I).where(*conditions).order_by(I.c.created_at, I.c.id).limit(bindparam("size")))


async def waiting(
    transaction: Transaction,
    actor: Actor,
    size: int,
    after: tuple[datetime, UUID] | None,
    *,
    overdue_on: date | None = None,
) -> list[Record]:
    """What is to be looked into within the actor's reach, oldest first; `overdue_on`: only what was due before."""
    tiers, values = _asked(actor)
    values |= paging.values(after) | ({"today": overdue_on} if overdue_on else {})
    query = _waiting(tiers, overdue_on is not None, after is not None, False)
    return await transaction.rows(query, size=size, **values)


async def waiting_count(transaction: Transaction, actor: Actor, *, overdue_on: date | None = None) -> int:
    """How much of it there is, at most COUNT_CAP + 1."""
    tiers, values = _asked(actor)
    values |= {"today": overdue_on} if overdue_on else {}
    count: int = await transaction.value(_waiting(tiers, overdue_on is not None, False, True), **values)
    return count


async def decided(transaction: Transaction, investigation_id: UUID) -> Record | None:
    """For the jobs, which see every investigation: one of them."""
    return await transaction.row(_DECIDED, id=investigation_id)


async def objectors(transaction: Transaction, investigation_id: UUID) -> list[UUID]:
    """For the jobs: who objected and was signed in. To be told to nobody but themselves."""
    return [row["objector_id"] for row in await transaction.rows(_OBJECTORS, id=investigation_id)]


async def by_receipt(transaction: Transaction, index: bytes) -> Record | None:
    """What everyone may know of an objection whose receipt they hold, and nothing of who is concerned."""
    return await transaction.row(_BY_RECEIPT, asked=index)
