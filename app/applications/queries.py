"""Reading applications: one's own, or those within one's reach. Anything else does not exist."""

from collections.abc import Set
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    any_,
    bindparam,
    func,
    literal_column,
    not_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy import case as case_of
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from app.applications.tables import LIVE_STATES, TAKES_SUBJECT, Application, Passage
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.funds.queries import drawn_for
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound

A = table_of(Application)
P = table_of(Passage)
AFTER = paging.place(A.c.created_at, A.c.id)

_STEP_COLUMNS = [column for column in P.c if column.name != "application_id"]
_PAIRS: list[Any] = []
for _column in _STEP_COLUMNS:
    _PAIRS += [literal_column(f"'{_column.name}'"), _column]
_STEP = func.jsonb_build_object(*_PAIRS)
_TIMELINE = (
    select(func.coalesce(func.jsonb_agg(aggregate_order_by(_STEP, P.c.id)), text("'[]'::jsonb")))
    .where(P.c.application_id == A.c.id)
    .scalar_subquery()
    .label("timeline")
)
# What of which fund it holds, and where it stands on the waiting list.
_MONEY = (
    drawn_for(A.c.id),
    case_of((A.c.state == literal_column("'waiting_funds'"), func.waiting_place(A.c.id))).label("place"),
)
_DETAIL = [c for c in A.c if c.name not in {"facts", "subject_index"}]
_STANDING = [c for c in _DETAIL if c.name not in {"form", "decision"}]
"""What a step needs to know. The sealed columns lie outside the row and are costly to fetch."""
SUMMARY = [
    A.c[name]
    for name in [
        "id",
        "number",
        "kind",
        "state",
        "version",
        "applicant_masked",
        "organisation_name",
        "amount_fen",
        "submitted_at",
        "due_at",
        "supplement",
        "reuse",
        "created_at",
    ]
]

_OWN = statement(
    select(*_DETAIL, _TIMELINE, *_MONEY).where(A.c.id == bindparam("id"), A.c.applicant_id == bindparam("applicant_id"))
)
_OWN_LOCKED = statement(
    select(*_DETAIL).where(A.c.id == bindparam("id"), A.c.applicant_id == bindparam("applicant_id")).with_for_update()
)
_EDITABLE = A.c.state.in_([literal_column("'draft'"), literal_column("'returned'")])
_EDITABLE_LOCKED = statement(
    select(*_STANDING)
    .where(A.c.applicant_id == bindparam("applicant_id"), _EDITABLE)
    .order_by(A.c.id)
    .with_for_update()
)
_OPEN_DRAFT = statement(
    select(A.c.id).where(
        A.c.applicant_id == bindparam("applicant_id"),
        A.c.kind == bindparam("kind"),
        A.c.period == bindparam("period"),
        _EDITABLE,
    )
)


class ApplicationNotFound(NotFound):
    """没有找到这份申请。"""


def _found(row: Record | None) -> Record:
    if row is None:
        raise ApplicationNotFound
    return row


async def own(transaction: Transaction, actor: Actor, application_id: UUID) -> Record:
    """The applicant's own application with its timeline. Raises ApplicationNotFound."""
    return _found(await transaction.row(_OWN, id=application_id, applicant_id=actor.person_id))


async def own_locked(transaction: Transaction, actor: Actor, application_id: UUID) -> Record:
    """The same, held until commit, without the timeline."""
    return _found(await transaction.row(_OWN_LOCKED, id=application_id, applicant_id=actor.person_id))


async def editable_locked(transaction: Transaction, actor: Actor) -> list[Record]:
    """The person's applications that they could submit, held until commit."""
    return await transaction.rows(_EDITABLE_LOCKED, applicant_id=actor.person_id)


async def open_draft(transaction: Transaction, applicant_id: UUID, kind: str, period: str) -> UUID | None:
    found: UUID | None = await transaction.value(_OPEN_DRAFT, applicant_id=applicant_id, kind=kind, period=period)
    return found


@cache
def _own_page(after: bool) -> Statement:
    query = select(*SUMMARY).where(A.c.applicant_id == bindparam("applicant_id"))
    if after:
        query = query.where(tuple_(A.c.created_at, A.c.id) < AFTER)
    return statement(query.order_by(A.c.created_at.desc(), A.c.id.desc()).limit(bindparam("size")))


async def own_page(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """The applicant's applications, newest first."""
    position = paging.values(after)
    return await transaction.rows(_own_page(after is not None), applicant_id=actor.person_id, size=size, **position)


# ---- staff: within a reach, and never one's own case (回避) ----


def _in_reach(query: Select[Any], tiers: Shape) -> Select[Any]:
    # Not "is no draft": one that was withdrawn before it was ever submitted is nobody else's business either.
    return query.where(within(A, tiers), A.c.applicant_id != bindparam("actor_id"), A.c.submitted_at.is_not(None))


def to_act(tiers: Shape) -> Select[Any]:
    """What a step needs to know of a case within a reach of this shape; `case_asked` gives the parameters."""
    return _in_reach(select(*_STANDING), tiers).where(A.c.id == bindparam("id"))


def these_to_act(tiers: Shape) -> Select[Any]:
    """The same of many cases: those of `ids`."""
    return _in_reach(select(*_STANDING), tiers).where(A.c.id == any_(bindparam("ids", type_=ARRAY(A.c.id.type))))


def case_asked(actor: Actor, application_id: UUID) -> dict[str, Any]:
    """The parameters of a case within the actor's reach."""
    return {"id": application_id, "actor_id": actor.person_id, **nodes(actor.reach(Permission.READ_CASES))}


def to_act_found(row: Record) -> Record:
    """A row of `to_act`; beside another question it is there without an id where there is no such case.

    Raises ApplicationNotFound.
    """
    return _found(row if row["id"] else None)


@cache
def _case(tiers: Shape, whole: bool, locked: bool) -> Statement:
    if not whole:
        return statement(to_act(tiers).with_for_update(of=A) if locked else to_act(tiers))
    return statement(whole_case(tiers))


async def case(
    transaction: Transaction, actor: Actor, application_id: UUID, *, whole: bool = True, locked: bool = False
) -> Record:
    """A case within the actor's reach; `whole`: with form, decision and timeline; `locked`, and not whole: held until
    commit. Raises ApplicationNotFound."""
    reach = actor.reach(Permission.READ_CASES)
    return _found(await transaction.row(_case(shape(reach), whole, locked), **case_asked(actor, application_id)))


def whole_case(tiers: Shape, *beside: ColumnElement[Any]) -> Select[Any]:
    """The same, whole, with whatever else is asked of it; `case_asked` gives the parameters."""
    return _in_reach(select(*_DETAIL, _TIMELINE, *_MONEY, *beside), tiers).where(A.c.id == bindparam("id"))


_VERSION = statement(select(A.c.version).where(A.c.id == bindparam("id")))


async def version_now(transaction: Transaction, application_id: UUID) -> int:
    """The version of an application that this transaction can see, as it is by now."""
    version: int = await transaction.value(_VERSION, id=application_id)
    return version


def has_signed(actor: Actor, row: Record) -> bool:
    """Whether the actor, or somebody near them, took a step of this round that keeps them from another; `row` has its
    timeline."""
    return signed_by({actor.person_id, *actor.apart.near}, row)


_PAID_AGAIN = {
    (state, action) for state in ("approved", "payment_failed") for action in ("start_payment", "check_payment")
}


def signed_by(people: Set[UUID], row: Record) -> bool:
    """Whether one of these people took such a step, or somebody took it for them."""
    signers = {str(each) for each in people}
    return any(
        step["counts_as_review"]
        and step["round"] == row["round"]
        and not signers.isdisjoint((step["person_id"], step["on_behalf_of"]))
        # A payment that was stopped, or came back, is started again by the same hands as well.
        and (row["state"], step["action"]) not in _PAID_AGAIN
        for step in row["timeline"]
    )


# Two index scans; only who applies or whose household it is, in whatever union.
_BEING_PAID = statement(
    select(*_STANDING)
    .where(
        A.c.state == literal_column("'paying'"),
        not_(func.is_payment_sent(A.c.id)),
        A.c.id.in_(
            union_all(
                select(A.c.id).where(A.c.applicant_id == bindparam("person_id")),
                select(A.c.id).where(A.c.household_id == bindparam("household_id", type_=A.c.household_id.type)),
            )
        ),
    )
    .order_by(A.c.id)
    .with_for_update()
)


async def being_paid(transaction: Transaction, person_id: UUID, household_id: UUID | None) -> list[Record]:
    """The applications of a person or household whose payment has been started, and of which no bank knows yet, held
    until commit."""
    return await transaction.rows(_BEING_PAID, person_id=person_id, household_id=household_id)


_OF_SUBJECT = statement(
    select(A.c.id).where(
        A.c.kind == bindparam("kind"),
        A.c.subject_index == bindparam("subject_index"),
        A.c.id != bindparam("except_id"),
        text(TAKES_SUBJECT),
    )
)
# What was paid before an appeal raised it was given, whatever has become of the rest.
_GIVES = text(f"(application.state in {LIVE_STATES} or application.paid_before_fen is not null)")
_GIVEN = literal_column(
    f"case when application.state in {LIVE_STATES} then application.amount_fen else application.paid_before_fen end",
    BigInteger,
).label("given_fen")
_ONLY = literal_column(
    f"case when application.state in {LIVE_STATES} then null else application.paid_before_fen end", BigInteger
).label("only_fen")
_DECIDED = statement(
    select(A.c.id, A.c.decision, A.c.facts, A.c.cover_id, _ONLY)
    .where(
        A.c.applicant_id == bindparam("applicant_id"),
        A.c.kind == bindparam("kind"),
        A.c.id != bindparam("except_id"),
        _GIVES,
    )
    .order_by(A.c.submitted_at, A.c.id)
)


_LIVING_OF_KIND = statement(
    union_all(
        *(
            select(A.c.id, A.c.form, _GIVEN).where(
                A.c.kind == bindparam("kind"), A.c.id != bindparam("except_id"), _GIVES, whose
            )
            for whose in (
                A.c.applicant_id == bindparam("applicant_id"),
                (A.c.household_id == bindparam("household_id")) & (A.c.applicant_id != bindparam("applicant_id")),
            )
        )
    )
)


async def living_of_kind(
    transaction: Transaction, kind: str, applicant_id: UUID, household_id: UUID | None, *, except_id: UUID
) -> list[Record]:
    """The paid or pending applications of one kind of a person and their household, with sealed forms and what each of
    them gave or is to give (`given_fen`)."""
    return await transaction.rows(
        _LIVING_OF_KIND, kind=kind, applicant_id=applicant_id, household_id=household_id, except_id=except_id
    )


_TEMPORARY_ELSEWHERE = Statement("select temporary_aid_elsewhere($1, $2)", ("applicant_id", "since"), {})


async def temporary_aid_elsewhere(transaction: Transaction, applicant_id: UUID, since: datetime) -> int:
    """What temporary aid the same person was granted since, or has in flight, under other accounts, closed ones too."""
    found: int = await transaction.value(_TEMPORARY_ELSEWHERE, applicant_id=applicant_id, since=since)
    return found


async def subject_is_aided(transaction: Transaction, kind: str, subject_index: bytes, *, except_id: UUID) -> bool:
    """Whether a living application that this transaction can see is for the same subject; the index knows the rest."""
    found = await transaction.value(_OF_SUBJECT, kind=kind, subject_index=subject_index, except_id=except_id)
    return found is not None


async def decided_of_kind(transaction: Transaction, kind: str, applicant_id: UUID, *, except_id: UUID) -> list[Record]:
    """The living applications of a person of one kind with their sealed decisions and facts, oldest first;
    `only_fen`: of what was paid and of which more came to nothing, how much that was."""
    return await transaction.rows(_DECIDED, kind=kind, applicant_id=applicant_id, except_id=except_id)


_BY_ID_LOCKED = statement(select(*_DETAIL).where(A.c.id == bindparam("id")).with_for_update())


async def by_id_locked(transaction: Transaction, application_id: UUID) -> Record | None:
    """For jobs, which see every application: one of them, held until commit."""
    return await transaction.row(_BY_ID_LOCKED, id=application_id)


_ALL_OWN = statement(
    select(*_DETAIL, _TIMELINE, *_MONEY)
    .where(A.c.applicant_id == bindparam("applicant_id"))
    .order_by(A.c.id.desc())
    .limit(bindparam("size"))
)


async def all_own(transaction: Transaction, actor: Actor, size: int | None = None) -> list[Record]:
    """Every application of a person, or so many, whole, newest first: for the copy of their data."""
    return await transaction.rows(_ALL_OWN, applicant_id=actor.person_id, size=size)
