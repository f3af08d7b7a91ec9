"""Reading home visits: those within one's reach, those that one is sent on, and those to one's own household."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Text, any_, bindparam, exists, func, literal_column, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, post_over, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.tables import Household
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.organisations.tables import Organisation, Post
from app.people.tables import Person
from app.visits.path import VISITORS
from app.visits.tables import OPEN, Visit, VisitVisitor

V, W, H = table_of(Visit), table_of(VisitVisitor), table_of(Household)
_POST, _UNION, _PERSON = table_of(Post), table_of(Organisation), table_of(Person)
COUNT_CAP = 10_000
OPEN_STATES: Final = ("planned", "started", "ended")
After = tuple[datetime, UUID] | None
_AFTER = paging.place(V.c.created_at, V.c.id)
_OPEN: ColumnElement[bool] = text(f"visit.{OPEN}")  # type: ignore[assignment]
_MINE = exists().where(W.c.visit_id == V.c.id, W.c.person_id == bindparam("actor_id"))
_NOT_OWN = V.c.person_id != bindparam("actor_id")
_HEAVY: Final = ("content", "changed", "photos", "position", "address", "objection", "cancelled_because")
_LINE = [column for column in V.c if column.name not in _HEAVY]
_HOUSEHOLD = statement(select(H).where(H.c.id == bindparam("id")))
_CONFIRMED = statement(
    select(
        exists().where(
            V.c.household_id == bindparam("household_id"),
            V.c.round == bindparam("round"),
            V.c.purpose == literal_column("'admission'"),
            V.c.state == literal_column("'confirmed'"),
        )
    )
)


class VisitNotFound(NotFound):
    """没有找到这次走访。"""


async def confirmed_admission_visit(transaction: Transaction, household_id: UUID, round: int) -> bool:
    """Whether the household was visited for its admission in this round of its file, and confirmed what was found."""
    found: bool = await transaction.value(_CONFIRMED, household_id=household_id, round=round)
    return found


@cache
def _one(tiers: Shape, locked: bool) -> Statement:
    query = select(V, _MINE.label("assigned")).where(V.c.id == bindparam("id"), or_(within(V, tiers), _MINE), _NOT_OWN)
    return statement(query.with_for_update(of=V) if locked else query)


async def visit(transaction: Transaction, actor: Actor, visit_id: UUID, *, locked: bool = False) -> Record:
    """A visit within the actor's reach or assigned to them, never to their own household; `assigned` says which.

    Raises VisitNotFound.
    """
    reach = actor.reach(Permission.READ_CASES)
    query = _one(shape(reach), locked)
    row = await transaction.row(query, id=visit_id, actor_id=actor.person_id, **nodes(reach))
    if row is None:
        raise VisitNotFound
    return row


async def shown_visit(transaction: Transaction, actor: Actor, visit_id: UUID) -> Record:
    """The same, to look at: whoever was only sent there sees it no longer once it is closed. Raises VisitNotFound."""
    row = await visit(transaction, actor, visit_id)
    if row["state"] not in OPEN_STATES and post_over(actor, Permission.READ_CASES, row) is None:
        raise VisitNotFound
    return row


@cache
def _page(tiers: Shape | None, after: bool, counted: bool) -> Statement:
    """Open visits: within a reach of this shape, or (None) those assigned to the actor."""
    query = select(*_LINE).where(_OPEN, _NOT_OWN)
    if tiers is None:
        query = query.join(W, W.c.visit_id == V.c.id).where(W.c.person_id == bindparam("actor_id"))
    else:
        query = query.where(within(V, tiers))
    if counted:
        capped = query.with_only_columns(V.c.id).limit(literal_column(str(COUNT_CAP + 1))).subquery()
        return statement(select(func.count()).select_from(capped))
    if after:
        query = query.where(tuple_(V.c.created_at, V.c.id) > _AFTER)
    return statement(query.order_by(V.c.created_at, V.c.id).limit(bindparam("size")))


def _scope(actor: Actor, mine: bool) -> tuple[Shape | None, dict[str, Any]]:
    reach = actor.reach(Permission.READ_CASES)
    values: dict[str, Any] = {"actor_id": actor.person_id}
    return (None, values) if mine or not reach else (shape(reach), values | nodes(reach))


async def open_visits(transaction: Transaction, actor: Actor, size: int, after: After, *, mine: bool) -> list[Record]:
    """What is not confirmed or cancelled yet, oldest first: `mine`, or within the actor's reach.

    Who has no reach has only what is assigned to them.
    """
    tiers, values = _scope(actor, mine)
    position = paging.values(after)
    return await transaction.rows(_page(tiers, after is not None, False), size=size, **values, **position)


async def open_visit_count(transaction: Transaction, actor: Actor, *, mine: bool) -> int:
    """How many there are, at most COUNT_CAP + 1."""
    tiers, values = _scope(actor, mine)
    count: int = await transaction.value(_page(tiers, False, True), **values)
    return count


@cache
def _of_household(after: bool) -> Statement:
    query = select(*_LINE).where(V.c.household_id == bindparam("household_id"))
    if after:
        query = query.where(tuple_(V.c.created_at, V.c.id) > _AFTER)
    return statement(query.order_by(V.c.created_at, V.c.id).limit(bindparam("size")))


async def visits_to(transaction: Transaction, household: Record, size: int, after: After) -> list[Record]:
    """Every visit to a household whose file the actor has found, oldest first."""
    position = paging.values(after)
    query = _of_household(after is not None)
    return await transaction.rows(query, household_id=household["id"], size=size, **position)


@cache
def _own_page(after: bool) -> Statement:
    query = select(V).where(V.c.person_id == bindparam("person_id"))
    if after:
        query = query.where(tuple_(V.c.created_at, V.c.id) > _AFTER)
    return statement(query.order_by(V.c.created_at, V.c.id).limit(bindparam("size")))


async def own_visits(transaction: Transaction, person_id: UUID, size: int, after: After) -> list[Record]:
    """Every visit to the person's own household, oldest first."""
    position = paging.values(after)
    return await transaction.rows(_own_page(after is not None), person_id=person_id, size=size, **position)


_OWN_LOCKED = statement(
    select(V).where(V.c.id == bindparam("id"), V.c.person_id == bindparam("person_id")).with_for_update()
)


async def own_visit(transaction: Transaction, person_id: UUID, visit_id: UUID) -> Record:
    """A visit to the person's own household, held until commit. Raises VisitNotFound."""
    row = await transaction.row(_OWN_LOCKED, id=visit_id, person_id=person_id)
    if row is None:
        raise VisitNotFound
    return row


async def visited_household(transaction: Transaction, visit: Record) -> Record | None:
    """The file of a household that one is sent to. The visit is the leave to read it."""
    return await transaction.row(_HOUSEHOLD, id=visit["household_id"])


@cache
def _visitors(of: bool, after: bool) -> Statement:
    """Living posts of visitors that reach a household, with the masked name of their holder."""
    query = (
        select(_POST.c.id, _POST.c.created_at, _POST.c.person_id, _POST.c.role, _UNION.c.name, _PERSON.c.name_masked)
        .join(_UNION, _UNION.c.id == _POST.c.organisation_id)
        .join(_PERSON, _PERSON.c.id == _POST.c.person_id)
        .where(
            _POST.c.organisation_id == any_(bindparam("union_ids", type_=ARRAY(_UNION.c.id.type))),
            _POST.c.role == any_(bindparam("roles", type_=ARRAY(Text))),
            _POST.c.ended_at.is_(None),
            _POST.c.from_date <= bindparam("today"),
            _PERSON.c.closed_at.is_(None),
            _PERSON.c.id != bindparam("head_id"),
        )
    )
    if of:
        query = query.where(_POST.c.person_id == any_(bindparam("person_ids", type_=ARRAY(_PERSON.c.id.type))))
    if after:
        query = query.where(tuple_(_POST.c.created_at, _POST.c.id) > _AFTER)
    return statement(query.order_by(_POST.c.created_at, _POST.c.id).limit(bindparam("size")))


async def visitors_for(
    transaction: Transaction,
    household: Record,
    today: date,
    size: int,
    *,
    among: Sequence[UUID] | None = None,
    after: After = None,
) -> list[Record]:
    """Who may be sent to a household: posts at its unions whose holders visit; `among`: only of these people."""
    values: dict[str, Any] = {
        "union_ids": [household[f"{tier}_id"] for tier in ("city", "district", "street", "unit")],
        "roles": [role.value for role in VISITORS],
        "today": today,
        "head_id": household["person_id"],
        "size": size,
    }
    values |= {} if among is None else {"person_ids": list(among)}
    values |= paging.values(after)
    return await transaction.rows(_visitors(among is not None, after is not None), **values)
