"""Reading posts and what was proposed about them, by those who administer or audit a union."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Date,
    DateTime,
    LargeBinary,
    String,
    Uuid,
    bindparam,
    column,
    func,
    literal_column,
    select,
    tuple_,
)

from app.appointments.tables import PostChange
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound

C = table_of(PostChange)
PERSON_NAME = "post_change.person_name"
_P = func.posts_administered().table_valued(
    *(column(name, Uuid()) for name in ("id", "person_id", "organisation_id", "city_id", "district_id")),
    *(column(name, Uuid()) for name in ("street_id", "unit_id")),
    *(column(name, String()) for name in ("role", "person_masked", "organisation_code", "organisation_name")),
    column("name", LargeBinary()),
    column("from_date", Date()),
    column("created_at", DateTime(timezone=True)),
    name="held",
)
_HELD = Statement("select role, organisation_id from roles_held($1)", ("person_id",), {})


class PostNotFound(NotFound):
    """没有找到这个岗位，或者已经免去。"""


class PostChangeNotFound(NotFound):
    """没有找到这项任免。"""


@cache
def _posts(tiers: Shape, by: frozenset[str]) -> Statement:
    query = select(_P).where(within(_P, tiers), *(_P.c[name] == bindparam(name) for name in sorted(by - {"at"})))
    if "at" in by:
        query = query.where(tuple_(_P.c.created_at, _P.c.id) < paging.place(_P.c.created_at, _P.c.id))
    return statement(query.order_by(_P.c.created_at.desc(), _P.c.id.desc()).limit(bindparam("size")))


async def posts_held(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None, **wanted: str | None
) -> Sequence[Record]:
    """Posts that people hold or will hold within the actor's reach, newest first. `wanted`: role, organisation_code."""
    reach = actor.reach(Permission.READ_POSTS)
    values: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    by = frozenset(values) | ({"at"} if after else frozenset())
    return await transaction.rows(
        _posts(shape(reach), frozenset(by)), size=size, **values, **nodes(reach), **paging.values(after)
    )


async def post_held(transaction: Transaction, actor: Actor, post_id: UUID) -> Record:
    """One of them. Raises PostNotFound."""
    reach = actor.reach(Permission.READ_POSTS)
    row = await transaction.row(_posts(shape(reach), frozenset({"id"})), id=post_id, size=1, **nodes(reach))
    if row is None:
        raise PostNotFound
    return row


async def roles_of(transaction: Transaction, person_id: UUID) -> Sequence[Record]:
    """What somebody holds or will hold, wherever: role and organisation_id. For who would give them a post."""
    return await transaction.rows(_HELD, person_id=person_id)


@cache
def _changes(tiers: Shape, waiting: bool, after: bool) -> Statement:
    query = select(C).where(within(C, tiers))
    if waiting:
        query = query.where(C.c.state == literal_column("'proposed'"))
    if after:
        query = query.where(tuple_(C.c.created_at, C.c.id) < paging.place(C.c.created_at, C.c.id))
    return statement(query.order_by(C.c.created_at.desc(), C.c.id.desc()).limit(bindparam("size")))


async def changes(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None, *, waiting: bool
) -> Sequence[Record]:
    """What was proposed within the actor's reach, newest first."""
    reach = actor.reach(Permission.READ_POSTS)
    query = _changes(shape(reach), waiting, after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **paging.values(after))


@cache
def _change(tiers: Shape) -> Statement:
    return statement(select(C).where(C.c.id == bindparam("id"), within(C, tiers)))


_BY_ID = statement(select(C).where(C.c.id == bindparam("id")))


async def by_id(transaction: Transaction, change_id: UUID) -> Record | None:
    """For jobs."""
    return await transaction.row(_BY_ID, id=change_id)


async def change(transaction: Transaction, actor: Actor, change_id: UUID) -> Record:
    """One of them. Raises PostChangeNotFound."""
    reach = actor.reach(Permission.READ_POSTS)
    row = await transaction.row(_change(shape(reach)), id=change_id, **nodes(reach))
    if row is None:
        raise PostChangeNotFound
    return row
