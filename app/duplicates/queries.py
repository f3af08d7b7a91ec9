"""Reading suspicions: a pair is seen by whoever reaches one of its files, never by the owner of either."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, any_, bindparam, exists, func, literal_column, or_, select, text, tuple_, union
from sqlalchemy.dialects.postgresql import ARRAY

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.duplicates.path import State
from app.duplicates.tables import DuplicateFlag
from app.households.tables import Household
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.organisations.tables import Organisation

F, H, UNION = (table_of(model) for model in (DuplicateFlag, Household, Organisation))
COUNT_CAP = 10_000
_AFTER = paging.place(F.c.created_at, F.c.id)


class DuplicateNotFound(NotFound):
    """没有找到这条疑似重复的记录。"""


def _reached(tiers: Shape) -> list[ColumnElement[bool]]:
    side = or_(H.c.id == F.c.household_a_id, H.c.id == F.c.household_b_id)
    own = bindparam("actor_id", type_=F.c.person_a_id.type)
    seen = select(H.c.id).where(side, within(H, tiers), H.c.submitted_at.is_not(None))
    return [exists(seen), F.c.person_a_id != own, F.c.person_b_id != own]


@cache
def _one(tiers: Shape, locked: bool) -> Statement:
    query = select(F).where(F.c.id == bindparam("id"), *_reached(tiers))
    return statement(query.with_for_update(of=F) if locked else query)


@cache
def _page(tiers: Shape, after: bool, counted: bool) -> Statement:
    """One index scan for each node of the reach and side of the pair, no longer than the page; then both together."""
    own = bindparam("actor_id", type_=F.c.person_a_id.type)
    conditions = [F.c.state == bindparam("state"), F.c.person_a_id != own, F.c.person_b_id != own]
    if after:
        conditions.append(tuple_(F.c.created_at, F.c.id) > _AFTER)
    size: ColumnElement[int] = literal_column(str(COUNT_CAP + 1)) if counted else bindparam("size")
    parts = [
        select(F.c.id, F.c.created_at)
        .where(F.c[f"{side}_{tier}_id"] == bindparam(f"node_{n}"), *conditions)
        .order_by(F.c.created_at, F.c.id)
        .limit(size)
        .subquery()
        for n, tier in enumerate(tiers)
        for side in "ab"
    ]
    found = union(*(select(part) for part in parts)).subquery()
    if counted:
        capped = select(found.c.id).limit(size).subquery()
        return statement(select(func.count()).select_from(capped))
    query = select(F).join(found, found.c.id == F.c.id)
    return statement(query.order_by(F.c.created_at, F.c.id).limit(bindparam("size")))


def _who(actor: Actor) -> tuple[Shape, dict[str, Any]]:
    reach = actor.reach(Permission.READ_CASES)
    return shape(reach), {"actor_id": actor.person_id, **nodes(reach)}


async def duplicate(transaction: Transaction, actor: Actor, flag_id: UUID, *, locked: bool = False) -> Record:
    """One suspicion. Raises DuplicateNotFound."""
    tiers, values = _who(actor)
    row = await transaction.row(_one(tiers, locked), id=flag_id, **values)
    if row is None:
        raise DuplicateNotFound
    return row


async def duplicates(
    transaction: Transaction, actor: Actor, state: State, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """The suspicions in a state within the actor's reach, oldest first."""
    tiers, values = _who(actor)
    position = paging.values(after)
    return await transaction.rows(_page(tiers, after is not None, False), state=state, size=size, **values, **position)


async def duplicate_count(transaction: Transaction, actor: Actor, state: State) -> int:
    """How many, at most COUNT_CAP + 1."""
    tiers, values = _who(actor)
    count: int = await transaction.value(_page(tiers, False, True), state=state, **values)
    return count


@cache
def _sides(tiers: Shape) -> Statement:
    query = select(H.c.id, H.c.number, H.c.state, H.c.head_masked).where(
        H.c.id == any_(bindparam("ids", type_=ARRAY(H.c.id.type))),
        within(H, tiers),
        H.c.person_id != bindparam("actor_id"),
        H.c.submitted_at.is_not(None),
    )
    return statement(query)


_NAMES = statement(
    select(UNION.c.id, UNION.c.name).where(UNION.c.id == any_(bindparam("ids", type_=ARRAY(UNION.c.id.type))))
)


async def sides(transaction: Transaction, actor: Actor, flags: Sequence[Record]) -> dict[UUID, Record]:
    """The files of these suspicions that the actor reaches, by id."""
    tiers, values = _who(actor)
    ids = [flag[f"household_{side}_id"] for flag in flags for side in "ab"]
    return {row["id"]: row for row in await transaction.rows(_sides(tiers), ids=ids, **values)}


async def owners(transaction: Transaction, flags: Sequence[Record]) -> dict[UUID, str]:
    """The names of the unions that own the files of these suspicions, by id."""
    ids = [flag[f"organisation_{side}_id"] for flag in flags for side in "ab"]
    return {row["id"]: row["name"] for row in await transaction.rows(_NAMES, ids=ids)}


# One key is looked up at a time, so that a crowd costs no more than its first members.
_SHARING = """
select k.household_id as one, o.household_id as other
from duplicate_key k cross join lateral (
  select s.household_id, count(*) over () as crowd
  from (select d.household_id from duplicate_key d where d.key = k.key limit :most) s
) o
where k.household_id = any(cast(:households as uuid[])) and o.crowd < :most and o.household_id <> k.household_id
"""
_PAIRS = statement(text(f"select distinct one, other from ({_SHARING}) p where one < other"))  # noqa: S608
_BESIDE = statement(text(f"select distinct one, other from ({_SHARING}) p"))  # noqa: S608


async def pairs(transaction: Transaction, household_ids: list[UUID], crowd: int) -> list[tuple[UUID, UUID]]:
    """The pairs that these files are the smaller half of: they share a key that no more than `crowd` files have."""
    rows = await transaction.rows(_PAIRS, households=household_ids, most=crowd + 1)
    return [(row["one"], row["other"]) for row in rows]


async def beside(transaction: Transaction, household_id: UUID, crowd: int) -> list[UUID]:
    """The files that share such a key with this one."""
    rows = await transaction.rows(_BESIDE, households=[household_id], most=crowd + 1)
    return [row["other"] for row in rows]
