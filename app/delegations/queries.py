"""Reading delegations: those that one gave or was given, and for administrators those within their reach."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, or_, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.sealing import Keyring
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.delegations.tables import Delegation
from app.kernel.actor import PERMISSIONS, Actor, Permission, Role
from app.kernel.errors import NotAllowed, NotFound
from app.organisations.queries import POST, UNION
from app.people.queries import NAME

D = table_of(Delegation)
_OWN_POST = statement(
    select(POST.c.id, POST.c.role, UNION.c.name, *(UNION.c[f"{t}_id"] for t in ("city", "district", "street", "unit")))
    .join(UNION, UNION.c.id == POST.c.organisation_id)
    .where(
        POST.c.person_id == bindparam("person_id"),
        POST.c.role == bindparam("role"),
        UNION.c.code == bindparam("code"),
        POST.c.ended_at.is_(None),
        POST.c.from_date <= bindparam("today"),
    )
)
_DELEGATES = Statement("select * from delegates_of($1, $2)", ("asked", "today"), {})


class PostNotHeld(NotAllowed):
    """您没有担任这个岗位，不能委托。"""


class DelegationNotFound(NotFound):
    """没有找到这项委托。"""


@dataclass(frozen=True, slots=True)
class Delegate:
    """Somebody who may be given a post."""

    person_id: UUID
    name: str
    role: Role
    organisation_name: str


async def own_post(transaction: Transaction, actor: Actor, role: str, code: str, today: date) -> Record:
    """A post that the actor holds themselves, with the scope of its union. Raises PostNotHeld."""
    row = await transaction.row(_OWN_POST, person_id=actor.person_id, role=role, code=code, today=today)
    if row is None:
        raise PostNotHeld
    return row


async def delegates(transaction: Transaction, keyring: Keyring, post_id: UUID, today: date) -> list[Delegate]:
    """Who may be given a post of one's own: who reads cases at its union or above it, the nearest first, each once."""
    found: dict[UUID, Delegate] = {}
    for row in await transaction.rows(_DELEGATES, asked=post_id, today=today):
        if Permission.READ_CASES in PERMISSIONS[Role(row["role"])]:
            name = keyring.open_text(NAME, row["person_id"], row["name"])
            delegate = Delegate(row["person_id"], name, Role(row["role"]), row["organisation_name"])
            found.setdefault(row["person_id"], delegate)
    return list(found.values())


def _to_see(tiers: Shape) -> ColumnElement[bool]:
    me = bindparam("actor_id", type_=D.c.from_person_id.type)
    return or_(D.c.from_person_id == me, D.c.to_person_id == me, within(D, tiers))


@cache
def _page(tiers: Shape, after: bool) -> Statement:
    query = select(D).where(_to_see(tiers))
    if after:
        query = query.where(tuple_(D.c.created_at, D.c.id) < paging.place(D.c.created_at, D.c.id))
    return statement(query.order_by(D.c.created_at.desc(), D.c.id.desc()).limit(bindparam("size")))


@cache
def _one(tiers: Shape) -> Statement:
    return statement(select(D).where(D.c.id == bindparam("id"), _to_see(tiers)).with_for_update())


async def delegations(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What the actor gave and was given, and what they administer, newest first."""
    reach = actor.reach(Permission.END_DELEGATIONS)
    return await transaction.rows(
        _page(shape(reach), after is not None),
        actor_id=actor.person_id,
        size=size,
        **nodes(reach),
        **paging.values(after),
    )


async def delegation(transaction: Transaction, actor: Actor, delegation_id: UUID) -> Record:
    """One of them, held until commit. Raises DelegationNotFound."""
    reach = actor.reach(Permission.END_DELEGATIONS)
    row = await transaction.row(_one(shape(reach)), id=delegation_id, actor_id=actor.person_id, **nodes(reach))
    if row is None:
        raise DelegationNotFound
    return row
