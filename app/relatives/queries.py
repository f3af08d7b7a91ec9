"""Reading what a member of staff declared, and what was signed across a declared relation within a reach."""

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, select, tuple_

from app.applications.queries import A, P
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.relatives.tables import Crossing, DeclaredRelative

R, X = table_of(DeclaredRelative), table_of(Crossing)
_SHOWN = [R.c[name] for name in ("id", "created_at", "name", "name_masked", "relation", "ended_at", "end_note")]
_ONE = statement(
    select(*_SHOWN).where(R.c.id == bindparam("id"), R.c.person_id == bindparam("person_id")).with_for_update()
)


class RelativeNotFound(NotFound):
    """没有找到这项亲属申报。"""


async def own_relative(transaction: Transaction, person_id: UUID, relative_id: UUID) -> Record:
    """A declaration of a person's own, held until commit. Raises RelativeNotFound."""
    row = await transaction.row(_ONE, id=relative_id, person_id=person_id)
    if row is None:
        raise RelativeNotFound
    return row


@cache
def _page(after: bool) -> Statement:
    query = select(*_SHOWN).where(R.c.person_id == bindparam("person_id"))
    if after:
        query = query.where(tuple_(R.c.created_at, R.c.id) < paging.place(R.c.created_at, R.c.id))
    return statement(query.order_by(R.c.created_at.desc(), R.c.id.desc()).limit(bindparam("size")))


async def own_relatives(
    transaction: Transaction, person_id: UUID, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What a person declared, ended or not, newest first."""
    return await transaction.rows(_page(after is not None), person_id=person_id, size=size, **paging.values(after))


_OF_CASE = [A.c[name] for name in ("number", "kind", "state", "applicant_masked", "organisation_name")]
_OF_STEP = [P.c.action, P.c.post_role, P.c.created_at.label("signed_at")]
_OF_STEP += [P.c.organisation_name.label("signed_at_union")]


@cache
def _crossings(tiers: Shape, after: bool) -> Statement:
    query = (
        select(X, *_OF_CASE, *_OF_STEP)
        .select_from(X.join(A, A.c.id == X.c.application_id).join(P, P.c.id == X.c.passage_id))
        .where(within(X, tiers), A.c.applicant_id != bindparam("actor_id"))
    )
    if after:
        query = query.where(tuple_(X.c.created_at, X.c.id) < paging.place(X.c.created_at, X.c.id))
    return statement(query.order_by(X.c.created_at.desc(), X.c.id.desc()).limit(bindparam("size")))


async def crossings(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What was signed across a relation within the actor's reach, newest found first; never on their own case."""
    reach = actor.reach(Permission.READ_CROSSINGS)
    return await transaction.rows(
        _crossings(shape(reach), after is not None),
        actor_id=actor.person_id,
        size=size,
        **nodes(reach),
        **paging.values(after),
    )
