"""Reading appeals: those on one's own applications, or those that wait for somebody who had no part in the decision."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, literal_column, not_, or_, select, text, tuple_

from app.appeals.path import CITY, AppealState
from app.appeals.rules import DECISIONS, deciders_at
from app.appeals.tables import WAITING, Appeal
from app.applications.path import Action, Kind, State
from app.applications.queries import A, P
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound

APPEAL = table_of(Appeal)
COUNT_CAP = 10_000
_AFTER = paging.place(APPEAL.c.created_at, APPEAL.c.id)
_OF_CASE = [A.c.number, A.c.applicant_masked, A.c.organisation_name, A.c.state.label("case_state")]
_OF_CASE += [A.c.version.label("case_version")]
_JOINED = APPEAL.join(A, A.c.id == APPEAL.c.application_id)
_NEAR = statement(select(func.is_near_case(bindparam("application_id", type_=A.c.id.type))))
_OWN = statement(
    select(APPEAL)
    .where(
        APPEAL.c.application_id == bindparam("application_id"),
        APPEAL.c.applicant_id == bindparam("applicant_id"),
    )
    .order_by(APPEAL.c.created_at, APPEAL.c.id)
)
# What is against a case now: a refusal, what a meeting decided, the city's approval, or what an appeal has changed.
_DECISION = statement(
    select(P.c.id, P.c.created_at, P.c.from_state, exists().where(APPEAL.c.decision_id == P.c.id).label("appealed"))
    .where(
        P.c.application_id == bindparam("application_id"),
        or_(
            P.c.action.in_([literal_column(f"'{action}'") for action in DECISIONS]),
            and_(
                P.c.action == literal_column(f"'{Action.APPROVE}'"),
                P.c.from_state == literal_column(f"'{State.CITY_APPROVAL}'"),
            ),
        ),
    )
    .order_by(P.c.created_at.desc(), P.c.id.desc())
    .limit(literal_column("1"))
)


_OWN_LOCKED = statement(
    select(APPEAL)
    .where(
        APPEAL.c.id == bindparam("id"),
        APPEAL.c.application_id == bindparam("application_id"),
        APPEAL.c.applicant_id == bindparam("applicant_id"),
    )
    .with_for_update()
)
_HAS_DECIDER = Statement("select appeal_has_decider($1, $2, $3)", ("asked", "roles", "today"), {})


class AppealNotFound(NotFound):
    """没有找到这项申诉。"""


async def decision_of(transaction: Transaction, application_id: UUID) -> Record | None:
    """The step that decided an application last, and whether it was appealed against."""
    return await transaction.row(_DECISION, application_id=application_id)


async def own_appeals(transaction: Transaction, actor: Actor, application_id: UUID) -> list[Record]:
    """The applicant's appeals on one of their applications, oldest first."""
    return await transaction.rows(_OWN, application_id=application_id, applicant_id=actor.person_id)


async def own_appeal_locked(transaction: Transaction, actor: Actor, application_id: UUID, appeal_id: UUID) -> Record:
    """One of the applicant's appeals, held until commit. Raises AppealNotFound."""
    row = await transaction.row(_OWN_LOCKED, id=appeal_id, application_id=application_id, applicant_id=actor.person_id)
    if row is None:
        raise AppealNotFound
    return row


async def has_decider(transaction: Transaction, application_id: UUID, kind: Kind, state: str, today: date) -> bool:
    """Whether anybody who is not near the case holds a post that decides an appeal against it in this state."""
    roles = [role.value for role in deciders_at(kind, state)]
    found: bool = await transaction.value(_HAS_DECIDER, asked=application_id, roles=roles, today=today)
    return found


async def is_near(transaction: Transaction, application_id: UUID) -> bool:
    """Whether whoever this transaction works for is near a case: took a step on it, lives with the applicant, or is
    the applicant, under whichever account."""
    near: bool = await transaction.value(_NEAR, application_id=application_id)
    return near


@cache
def _in_reach(tiers: Shape, locked: bool) -> Statement:
    query = select(APPEAL, *_OF_CASE).select_from(_JOINED)
    query = query.where(
        APPEAL.c.id == bindparam("id"), within(APPEAL, tiers), APPEAL.c.applicant_id != bindparam("actor_id")
    )
    return statement(query.with_for_update(of=APPEAL) if locked else query)


async def appeal(transaction: Transaction, actor: Actor, appeal_id: UUID, *, locked: bool = False) -> Record:
    """One within the actor's reach, never their own. Raises AppealNotFound."""
    reach = actor.reach(Permission.READ_CASES)
    row = await transaction.row(_in_reach(shape(reach), locked), id=appeal_id, actor_id=actor.person_id, **nodes(reach))
    if row is None:
        raise AppealNotFound
    return row


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where appeals of a state, and of some kinds, wait for the holders of a permission."""

    state: AppealState
    permission: Permission
    kinds: tuple[Kind, ...]


_DESKS = (
    _Desk(AppealState.AT_DISTRICT, Permission.REVIEW_AT_DISTRICT, tuple(Kind)),
    *(
        _Desk(AppealState.AT_CITY, city, tuple(kind for kind in Kind if CITY[kind] is city))
        for city in dict.fromkeys(CITY.values())
    ),
)


@cache
def _waiting(tiers: tuple[Shape, ...], overdue: bool, after: bool, counted: bool) -> Statement:
    """`tiers`: the reach at each of `_DESKS`, whose nodes are numbered through."""
    places: list[ColumnElement[bool]] = []
    first = 0
    for desk, of in zip(_DESKS, tiers, strict=True):
        kinds = APPEAL.c.kind.in_([literal_column(f"'{kind}'") for kind in desk.kinds])
        places.append(and_(APPEAL.c.state == literal_column(f"'{desk.state}'"), kinds, within(APPEAL, of, first)))
        first += len(of)
    conditions: list[ColumnElement[bool]] = [
        or_(*places),
        text(f"appeal.{WAITING}"),  # type: ignore[list-item]
        APPEAL.c.applicant_id != bindparam("actor_id"),
        not_(func.is_near_case(APPEAL.c.application_id)),
    ]
    if overdue:
        conditions.append(APPEAL.c.due_at < bindparam("now", type_=APPEAL.c.due_at.type))
    if counted:
        capped = select(APPEAL.c.id).where(*conditions).limit(literal_column(str(COUNT_CAP + 1))).subquery()
        return statement(select(func.count()).select_from(capped))
    if after:
        conditions.append(tuple_(APPEAL.c.created_at, APPEAL.c.id) > _AFTER)
    query = select(APPEAL, *_OF_CASE).select_from(_JOINED).where(*conditions)
    return statement(query.order_by(APPEAL.c.created_at, APPEAL.c.id).limit(bindparam("size")))


def _asked(actor: Actor, overdue_at: datetime | None) -> tuple[tuple[Shape, ...], dict[str, Any]]:
    reaches = [actor.reach(desk.permission) for desk in _DESKS]
    values: dict[str, Any] = {"actor_id": actor.person_id, **nodes(tuple(node for reach in reaches for node in reach))}
    return tuple(shape(reach) for reach in reaches), values | ({"now": overdue_at} if overdue_at else {})


async def waiting(
    transaction: Transaction,
    actor: Actor,
    size: int,
    after: tuple[datetime, UUID] | None,
    *,
    overdue_at: datetime | None = None,
) -> list[Record]:
    """What the actor may decide, oldest first; `overdue_at`: only what was due before that instant."""
    tiers, values = _asked(actor, overdue_at)
    position = paging.values(after)
    return await transaction.rows(
        _waiting(tiers, overdue_at is not None, after is not None, False), size=size, **values, **position
    )


async def waiting_count(transaction: Transaction, actor: Actor, *, overdue_at: datetime | None = None) -> int:
    """How much of it there is, at most COUNT_CAP + 1."""
    tiers, values = _asked(actor, overdue_at)
    count: int = await transaction.value(_waiting(tiers, overdue_at is not None, False, True), **values)
    return count
