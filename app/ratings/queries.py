"""Reading ratings: one's own, or how satisfied the workers of each union were, without names."""

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import and_, bindparam, func, literal_column, or_, select, true, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.organisations.tables import Organisation
from app.ratings.tables import Rating

R, U = table_of(Rating), table_of(Organisation)
_OF = statement(select(R).where(R.c.application_id == bindparam("application_id")))


class RatingNotFound(NotFound):
    """这份申请还没有评价。"""


async def rating_of(transaction: Transaction, application_id: UUID) -> Record:
    """The rating of an application that the caller owns. Raises RatingNotFound."""
    row = await transaction.row(_OF, application_id=application_id)
    if row is None:
        raise RatingNotFound
    return row


_SCORES = [func.count().filter(R.c.score == literal_column(str(n))).label(f"score_{n}") for n in range(1, 6)]
# The ratings of those whose case stands under this union itself, not of its subtree: of two sums the smaller could be
# taken from the larger, and what is left might be one person.
_TIERS = ("city", "district", "street", "unit")
_ITS_OWN = or_(
    *(
        and_(
            U.c.tier == literal_column(f"'{tier}'"),
            R.c[f"{tier}_id"] == U.c.id,
            *(R.c[f"{lower}_id"].is_(None) for lower in _TIERS[_TIERS.index(tier) + 1 :]),
        )
        for tier in _TIERS
    )
)


@cache
def _by_union(tiers: Shape, after: bool) -> Statement:
    counted = select(*_SCORES).where(_ITS_OWN).correlate(U).lateral("counted")
    query = select(U.c.id, U.c.created_at, U.c.code, U.c.name, counted).join(counted, true()).where(within(U, tiers))
    if after:
        position = paging.place(U.c.created_at, U.c.id)
        query = query.where(tuple_(U.c.created_at, U.c.id) > position)
    return statement(query.order_by(U.c.created_at, U.c.id).limit(bindparam("size")))


async def by_union(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """How often each score was given, for every union within the reach of a leader's post."""
    reach = actor.reach(Permission.READ_RATINGS)
    position = paging.values(after)
    query = _by_union(shape(reach), after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **position)
