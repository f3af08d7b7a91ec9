"""Reading changes that were asked for, and whether payments wait for one."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, any_, bindparam, func, literal_column, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from app.change_requests.tables import ChangeRequest, PaymentHold
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission, Reach
from app.kernel.errors import NotFound

R, HOLD = table_of(ChangeRequest), table_of(PaymentHold)
COUNT_CAP = 10_000
_POSITION = paging.place(R.c.created_at, R.c.id)
# In the order of the keys, so that two who want both never wait for each other.
_LOCK = Statement("select pg_advisory_xact_lock($1), pg_advisory_xact_lock($2)", ("first", "second"), {})
_HELD = statement(
    select(HOLD.c.id)
    .where(
        HOLD.c.released_at.is_(None),
        or_(
            HOLD.c.person_id == bindparam("person_id"),
            HOLD.c.household_id == bindparam("household_id", type_=HOLD.c.household_id.type),
        ),
    )
    .limit(literal_column("1"))
)
_OPEN = statement(
    select(R).where(
        R.c.person_id == bindparam("person_id"),
        R.c.kind == bindparam("kind"),
        R.c.field == bindparam("field"),
        R.c.state == literal_column("'open'"),
    )
)
_BY_ID = statement(select(R).where(R.c.id == bindparam("id")))


class ChangeRequestNotFound(NotFound):
    """没有找到这项变更申请。"""


_ASKED = statement(select(R).where(R.c.id == bindparam("id"), R.c.asked_by == bindparam("asked_by")).with_for_update())


async def asked_by(transaction: Transaction, person_id: UUID, request_id: UUID) -> Record:
    """A request of one's own asking, held until commit. Raises ChangeRequestNotFound."""
    row = await transaction.row(_ASKED, id=request_id, asked_by=person_id)
    if row is None:
        raise ChangeRequestNotFound
    return row


async def lock_payments(transaction: Transaction, person_id: UUID, household_id: UUID | None) -> None:
    """Held until commit by whoever starts a payment to them or asks for a change of theirs: the second waits, and
    then sees what the first did."""
    first, second = sorted((_key(person_id), _key(household_id or person_id)))
    await transaction.row(_LOCK, first=first, second=second)


def _key(of: UUID) -> int:
    return int.from_bytes(hashlib.blake2b(b"payments" + of.bytes, digest_size=8).digest(), "big", signed=True)


async def is_held(transaction: Transaction, person_id: UUID, household_id: UUID | None) -> bool:
    """Whether payments to a person or a household wait for a change to be decided."""
    return await transaction.value(_HELD, person_id=person_id, household_id=household_id) is not None


Payee = tuple[UUID, UUID | None]
"""A person, and the household that is aided through them."""
_LOCK_ALL = Statement("select pg_advisory_xact_lock(key) from unnest($1::bigint[]) as key", ("keys",), {})
_HELD_AMONG = statement(
    select(HOLD.c.person_id, HOLD.c.household_id).where(
        HOLD.c.released_at.is_(None),
        or_(
            HOLD.c.person_id == any_(bindparam("person_ids", type_=ARRAY(HOLD.c.person_id.type))),
            HOLD.c.household_id == any_(bindparam("household_ids", type_=ARRAY(HOLD.c.household_id.type))),
        ),
    )
)


async def lock_payments_of(transaction: Transaction, payees: Iterable[Payee]) -> None:
    """`lock_payments` for many, in the order of the keys."""
    keys = sorted({_key(of) for person_id, household_id in payees for of in (person_id, household_id or person_id)})
    await transaction.rows(_LOCK_ALL, keys=keys)


async def held_among(transaction: Transaction, payees: Iterable[Payee]) -> frozenset[Payee]:
    """Those of them whose payments wait for a change to be decided."""
    asked = frozenset(payees)
    household_ids = [household_id for _, household_id in asked if household_id]
    held = await transaction.rows(_HELD_AMONG, person_ids=[of for of, _ in asked], household_ids=household_ids)
    people, households = {row["person_id"] for row in held}, {row["household_id"] for row in held} - {None}
    return frozenset(payee for payee in asked if payee[0] in people or payee[1] in households)


async def open_one(transaction: Transaction, person_id: UUID, kind: str, field: str) -> Record | None:
    """The open request for the same thing, if the caller can see it."""
    return await transaction.row(_OPEN, person_id=person_id, kind=kind, field=field)


async def by_id(transaction: Transaction, request_id: UUID) -> Record | None:
    """For jobs, which see every request."""
    return await transaction.row(_BY_ID, id=request_id)


def reach(actor: Actor) -> Reach:
    """Where they may ask or decide."""
    held = (*actor.reach(Permission.DECIDE_CHANGE), *actor.reach(Permission.ASSIST))
    return tuple(dict.fromkeys(held))


def _in_reach(tiers: Shape) -> tuple[ColumnElement[bool], ...]:
    """Within the reach, and never about oneself (回避)."""
    return within(R, tiers), R.c.person_id != bindparam("actor_id")


@cache
def _to_decide(tiers: Shape) -> Statement:
    return statement(select(R).where(R.c.id == bindparam("id"), *_in_reach(tiers)).with_for_update())


async def to_decide(transaction: Transaction, actor: Actor, request_id: UUID) -> Record:
    """A request within the actor's reach, held until commit. Raises ChangeRequestNotFound."""
    held = reach(actor)
    row = await transaction.row(_to_decide(shape(held)), id=request_id, actor_id=actor.person_id, **nodes(held))
    if row is None:
        raise ChangeRequestNotFound
    return row


def _listed(tiers: Shape, by: frozenset[str]) -> list[ColumnElement[bool]]:
    filters = {
        "state": R.c.state == bindparam("state"),
        "kind": R.c.kind == bindparam("kind"),
        "at": tuple_(R.c.created_at, R.c.id) > _POSITION,
    }
    return [*_in_reach(tiers), *(filters[name] for name in sorted(by))]


@cache
def _page(tiers: Shape, by: frozenset[str]) -> Statement:
    query = select(R).where(*_listed(tiers, by)).order_by(R.c.created_at, R.c.id)
    return statement(query.limit(bindparam("size")))


@cache
def _count(tiers: Shape, by: frozenset[str]) -> Statement:
    capped = select(R.c.id).where(*_listed(tiers, by)).limit(COUNT_CAP + 1).subquery()
    return statement(select(func.count()).select_from(capped))


def _wanted(actor: Actor, given: dict[str, Any]) -> tuple[Shape, frozenset[str], dict[str, Any]]:
    values = {name: value for name, value in given.items() if value is not None}
    held = reach(actor)
    by = frozenset(values) - {"after_id"}
    return shape(held), by, values | {"actor_id": actor.person_id} | nodes(held)


async def in_reach(
    transaction: Transaction,
    actor: Actor,
    size: int,
    after: tuple[datetime, UUID] | None,
    *,
    state: str | None,
    kind: str | None,
) -> Sequence[Record]:
    """The requests that the actor may see, oldest first."""
    at, after_id = after or (None, None)
    tiers, by, values = _wanted(actor, {"state": state, "kind": kind, "at": at, "after_id": after_id})
    return await transaction.rows(_page(tiers, by), size=size, **values)


async def count_in_reach(transaction: Transaction, actor: Actor, *, state: str | None, kind: str | None) -> int:
    """How many there are, at most COUNT_CAP + 1."""
    tiers, by, values = _wanted(actor, {"state": state, "kind": kind})
    count: int = await transaction.value(_count(tiers, by), **values)
    return count


@cache
def _own(after: bool) -> Statement:
    query = select(R).where(R.c.person_id == bindparam("person_id"))
    if after:
        query = query.where(tuple_(R.c.created_at, R.c.id) < _POSITION)
    return statement(query.order_by(R.c.created_at.desc(), R.c.id.desc()).limit(bindparam("size")))


async def own_page(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> Sequence[Record]:
    """What was asked for the worker or by them, newest first."""
    position = paging.values(after)
    return await transaction.rows(_own(after is not None), person_id=actor.person_id, size=size, **position)
