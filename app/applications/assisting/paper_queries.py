"""What waits for workers without WeChat: they can do nothing in the app, so staff see it, and help."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Text,
    Uuid,
    all_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.applications.queries import A
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.queries import H
from app.kernel.actor import Actor, Permission
from app.organisations.tables import Organisation

_O = table_of(Organisation)
_W = func.cases_on_paper().table_valued("id", "filing_id", name="waiting")
_AWAY = bindparam("away", type_=ARRAY(Uuid()))
_RETURNED = literal_column("'returned'", Text)
_NONE = literal_column("null", Text)


def _waiting(table: Table, tiers: Shape, **its_own: ColumnElement[Any]) -> Select[Any]:
    """Those of one table within a reach; its applicant or head and its household are none of whom the actor stands
    aside from."""
    union = func.coalesce(*(table.c[f"{tier}_id"] for tier in ("unit", "street", "district", "city")))
    shared = (table.c[name] for name in ("id", "number", "version", "submitted_at"))
    return (
        select(
            *shared, _W.c.filing_id, _O.c.name.label("organisation"),
            *(column.label(name) for name, column in its_own.items()),
        )
        .select_from(_W)
        .join(table, table.c.id == _W.c.id)
        .join(_O, _O.c.id == union)
        .where(within(table, tiers))
    )  # fmt: skip


@cache
def _page(tiers: Shape, after: bool) -> Statement:
    # fmt: off
    applications = _waiting(
        A, tiers, about=literal_column("'application'", Text), kind=A.c.kind, name_masked=A.c.applicant_masked,
        returned=A.c.state == _RETURNED, due_at=case((A.c.state != _RETURNED, A.c.due_at)),
    ).where(A.c.applicant_id != all_(_AWAY), func.coalesce(A.c.household_id != all_(_AWAY), literal_column("true")))
    files = _waiting(
        H, tiers, about=literal_column("'household'", Text), kind=_NONE, name_masked=H.c.head_masked,
        returned=literal_column("true"), due_at=cast(_NONE, A.c.due_at.type),
    ).where(H.c.person_id != all_(_AWAY), H.c.id != all_(_AWAY))
    # fmt: on
    both = union_all(applications, files).subquery()
    query = select(both)
    if after:
        query = query.where(tuple_(both.c.submitted_at, both.c.id) > paging.place(both.c.submitted_at, both.c.id))
    return statement(query.order_by(both.c.submitted_at, both.c.id).limit(bindparam("size")))


async def waiting_on_paper(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> Sequence[Record]:
    """Applications and household files within the actor's reach that wait for somebody without WeChat, oldest first:
    returned ones (`returned`), and applications that something was asked for. `filing_id`: what is filled in anew by
    now."""
    reach = actor.reach(Permission.ASSIST)
    away = [actor.person_id, *actor.apart.away]
    query = _page(shape(reach), after is not None)
    return await transaction.rows(query, size=size, away=away, **nodes(reach), **paging.values(after))
