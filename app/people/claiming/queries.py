"""Reading claims: one's own, or those within one's reach."""

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.people.claiming.tables import AccountClaim

C = table_of(AccountClaim)
CODE = "account_claim.code"
OWN_AT_MOST = 100
_OWN = statement(
    select(C)
    .where(C.c.claimant_id == bindparam("person_id"))
    .order_by(C.c.created_at.desc(), C.c.id.desc())
    .limit(literal_column(str(OWN_AT_MOST)))
)


class AccountClaimNotFound(NotFound):
    """没有找到这项认领申请。"""


async def own(transaction: Transaction, person_id: UUID) -> list[Record]:
    """What an account has claimed, newest first."""
    return await transaction.rows(_OWN, person_id=person_id)


@cache
def _one(tiers: Shape) -> Statement:
    return statement(
        select(C)
        .where(C.c.id == bindparam("id"), within(C, tiers), C.c.claimant_id != bindparam("actor_id"))
        .with_for_update()
    )


async def to_decide(transaction: Transaction, actor: Actor, claim_id: UUID) -> Record:
    """A claim within the actor's reach, never their own, held until commit. Raises AccountClaimNotFound."""
    reach = actor.reach(Permission.ASSIST)
    row = await transaction.row(_one(shape(reach)), id=claim_id, actor_id=actor.person_id, **nodes(reach))
    if row is None:
        raise AccountClaimNotFound
    return row


@cache
def _page(tiers: Shape, after: bool) -> Statement:
    query = select(C).where(
        within(C, tiers),
        C.c.claimant_id != bindparam("actor_id"),
        C.c.state == literal_column("'open'"),
        C.c.expires_at > bindparam("now", type_=C.c.expires_at.type),
    )
    if after:
        position = paging.place(C.c.created_at, C.c.id)
        query = query.where(tuple_(C.c.created_at, C.c.id) > position)
    return statement(query.order_by(C.c.created_at, C.c.id).limit(bindparam("size")))


async def open_page(
    transaction: Transaction, actor: Actor, now: datetime, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What waits for somebody to come in person within the actor's reach, oldest first."""
    reach = actor.reach(Permission.ASSIST)
    position = paging.values(after)
    query = _page(shape(reach), after is not None)
    return await transaction.rows(query, now=now, size=size, actor_id=actor.person_id, **nodes(reach), **position)
