"""Reading hints and card alerts: within one's reach, and never about oneself."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, any_, bindparam, exists, func, literal_column, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from app.applications.queries import A
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.queries import H
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.organisations.tables import Organisation
from app.reuse.path import State
from app.reuse.tables import WAITING, CardAlert, ReuseHint

R, C, UNION = (table_of(model) for model in (ReuseHint, CardAlert, Organisation))
COUNT_CAP: Final = 10_000
_AFTER = paging.place(R.c.created_at, R.c.id)
_AFTER_CARD = paging.place(C.c.created_at, C.c.id)
_ME: Any = bindparam("actor_id")
OTHERS_ALONE = (R.c.applicant_id != _ME, R.c.other_applicant_id != _ME)
"""Hints about nobody who asks."""
OTHERS_CARDS = (C.c.person_a_id != _ME, C.c.person_b_id != _ME)


class ReuseNotFound(NotFound):
    """没有找到这条一票多用提示。"""


def _who(actor: Actor) -> tuple[Shape, dict[str, Any]]:
    reach = actor.reach(Permission.READ_CASES)
    return shape(reach), {"actor_id": actor.person_id, **nodes(reach)}


def _case_in(tiers: Shape, *sides: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether one of these cases lies within the reach."""
    side = or_(*(A.c.id == each for each in sides))
    return exists(select(A.c.id).where(side, within(A, tiers), A.c.submitted_at.is_not(None)))


@cache
def _one(tiers: Shape) -> Statement:
    either = _case_in(tiers, R.c.application_id, R.c.other_id)
    return statement(select(R).where(R.c.id == bindparam("id"), either, *OTHERS_ALONE))


@cache
def _page(tiers: Shape, after: bool, counted: bool) -> Statement:
    """What is asked of cases within the reach; those who only see the other case are asked nothing."""
    query = select(R).where(R.c.state == bindparam("state"), _case_in(tiers, R.c.application_id), *OTHERS_ALONE)
    if counted:
        capped = query.with_only_columns(R.c.id).limit(literal_column(str(COUNT_CAP + 1))).subquery()
        return statement(select(func.count()).select_from(capped))
    if after:
        query = query.where(tuple_(R.c.created_at, R.c.id) > _AFTER)
    return statement(query.order_by(R.c.created_at, R.c.id).limit(bindparam("size")))


async def hint(transaction: Transaction, actor: Actor, hint_id: UUID) -> Record:
    """One hint, of which the actor sees either case. Raises ReuseNotFound."""
    tiers, values = _who(actor)
    row = await transaction.row(_one(tiers), id=hint_id, **values)
    if row is None:
        raise ReuseNotFound
    return row


async def hints(
    transaction: Transaction, actor: Actor, state: State, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """The hints in a state on cases within the actor's reach, oldest first."""
    tiers, values = _who(actor)
    position = paging.values(after)
    return await transaction.rows(_page(tiers, after is not None, False), state=state, size=size, **values, **position)


async def hint_count(transaction: Transaction, actor: Actor, state: State) -> int:
    """How many, at most COUNT_CAP + 1."""
    tiers, values = _who(actor)
    count: int = await transaction.value(_page(tiers, False, True), state=state, **values)
    return count


@cache
def _seen(tiers: Shape) -> Statement:
    return statement(
        select(A.c.id).where(
            A.c.id == any_(bindparam("ids", type_=ARRAY(A.c.id.type))),
            within(A, tiers),
            A.c.applicant_id != _ME,
            A.c.submitted_at.is_not(None),
        )
    )


async def seen(transaction: Transaction, actor: Actor, rows: Sequence[Record]) -> frozenset[UUID]:
    """The cases of these hints that the actor reaches."""
    tiers, values = _who(actor)
    ids = [row[name] for row in rows for name in ("application_id", "other_id")]
    return frozenset(row["id"] for row in await transaction.rows(_seen(tiers), ids=ids, **values))


def _side_in(tiers: Shape) -> ColumnElement[bool]:
    people = (C.c.person_a_id, C.c.person_b_id)
    applied = select(A.c.id).where(
        or_(*(A.c.applicant_id == each for each in people)), within(A, tiers), A.c.submitted_at.is_not(None)
    )
    filed = select(H.c.id).where(
        or_(*(H.c.person_id == each for each in people)), within(H, tiers), H.c.submitted_at.is_not(None)
    )
    return or_(exists(applied), exists(filed))


@cache
def _cards(tiers: Shape, after: bool) -> Statement:
    query = select(C).where(text(f"card_alert.{WAITING}"), _side_in(tiers), *OTHERS_CARDS)
    if after:
        query = query.where(tuple_(C.c.created_at, C.c.id) > _AFTER_CARD)
    return statement(query.order_by(C.c.created_at, C.c.id).limit(bindparam("size")))


async def card_alerts(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """The cards that two households share now, either of them within the actor's reach, oldest first."""
    tiers, values = _who(actor)
    return await transaction.rows(_cards(tiers, after is not None), size=size, **values, **paging.values(after))


@cache
def _people_seen(tiers: Shape) -> Statement:
    ids: Any = bindparam("ids", type_=ARRAY(A.c.applicant_id.type))
    applied = select(A.c.applicant_id).where(
        A.c.applicant_id == any_(ids), within(A, tiers), A.c.submitted_at.is_not(None)
    )
    filed = select(H.c.person_id).where(H.c.person_id == any_(ids), within(H, tiers), H.c.submitted_at.is_not(None))
    return statement(applied.union(filed))


async def people_seen(transaction: Transaction, actor: Actor, rows: Sequence[Record]) -> frozenset[UUID]:
    """Those of the two people of each alert who have a case or a file within the actor's reach."""
    tiers, values = _who(actor)
    del values["actor_id"]
    ids = [row[f"person_{side}_id"] for row in rows for side in "ab"]
    return frozenset(row["applicant_id"] for row in await transaction.rows(_people_seen(tiers), ids=ids, **values))


_NAMES = statement(
    select(UNION.c.id, UNION.c.name).where(UNION.c.id == any_(bindparam("ids", type_=ARRAY(UNION.c.id.type))))
)


async def unions_of(transaction: Transaction, rows: Sequence[Record]) -> dict[UUID, str]:
    """The names of the unions of these alerts, by id."""
    ids = [row[f"organisation_{side}_id"] for row in rows for side in "ab" if row[f"organisation_{side}_id"]]
    return {row["id"]: row["name"] for row in await transaction.rows(_NAMES, ids=ids)}
