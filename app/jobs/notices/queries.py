"""What waits to be published, and who signed it: for the jobs, which see every application and household file."""

from collections.abc import Iterable
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Table, any_, bindparam, exists, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.applications.queries import A, P
from app.applications.tables import OPEN_STATES
from app.db.base import table_of
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.queries import H
from app.households.tables import HouseholdPassage
from app.kernel.actor import Tier
from app.notices.queries import N

Column = Literal["application_id", "household_id"]
_HP = table_of(HouseholdPassage)
_TABLES: dict[Column, Table] = {"application_id": A, "household_id": H}
_SHOWN: dict[Column, list[Any]] = {
    "application_id": [
        A.c[name]
        for name in "id number kind round organisation_name amount_fen city_id district_id street_id unit_id".split()
    ]
    + [A.c.applicant_id.label("person_id"), A.c.applicant_masked.label("name_masked")],
    "household_id": [H.c[name] for name in "id number round person_id city_id district_id street_id unit_id".split()]
    + [H.c.head_masked.label("name_masked")],
}
_COUNTING: list[Any] = [literal_column(f"'{state}'") for state in ("open", "suspended", "ended")]
_IDS = bindparam("ids", type_=ARRAY(A.c.id.type))


def _signers() -> ColumnElement[Any]:
    """Whoever took a step, and for whom somebody took it."""
    lent = func.array_agg(P.c.on_behalf_of.distinct()).filter(P.c.on_behalf_of.is_not(None))
    return func.array_cat(func.array_agg(P.c.person_id.distinct()), lent).label("by")


_SIGNED = {
    "application_id": statement(
        select(P.c.application_id.label("id"), _signers())
        .join(A, A.c.id == P.c.application_id)
        .where(
            P.c.application_id == any_(_IDS), P.c.round == A.c.round, P.c.counts_as_review,
            P.c.person_id.is_not(None),
        )
        .group_by(P.c.application_id)
    ),
    "household_id": statement(
        select(_HP.c.household_id.label("id"), func.array_agg(_HP.c.person_id.distinct()).label("by"))
        .join(H, H.c.id == _HP.c.household_id)
        .where(
            _HP.c.household_id == any_(_IDS), _HP.c.round == H.c.round, _HP.c.counts_as_review,
            _HP.c.person_id.is_not(None),
        )
        .group_by(_HP.c.household_id)
    ),
}  # fmt: skip


_LIVES = N.c.state.in_(_COUNTING)
_ONE: dict[Column, Statement] = {
    of: statement(
        select(*_SHOWN[of])
        .where(table.c.id == bindparam("id"), table.c.state == bindparam("state"))
        .with_for_update(of=table)
    )
    for of, table in _TABLES.items()
}


def _together(of: Column, tier: Tier) -> Statement:
    table = _TABLES[of]
    lined = exists().where(
        N.c[of] == table.c.id, N.c.round == table.c.round, N.c.kind == bindparam("kind", type_=N.c.kind.type), _LIVES
    )
    query = select(*_SHOWN[of]).where(
        table.c[f"{tier}_id"] == bindparam("union_id"), table.c.state == bindparam("state"), ~lined
    )
    # Word for word as the indexes by union and state have it.
    if of == "household_id":
        query = query.where(H.c.submitted_at.is_not(None))
    else:
        query = query.where(
            A.c.kind == bindparam("kind", type_=N.c.kind.type), literal_column(f"application.state in {OPEN_STATES}")
        )
    query = query.where(table.c.id != bindparam("except_id")).order_by(table.c.submitted_at, table.c.id)
    return statement(query.limit(bindparam("size")).with_for_update(of=table, skip_locked=True))


_TOGETHER = {(of, tier): _together(of, tier) for of in _TABLES for tier in Tier}


# Whoever waited for a row sees that as it is now, but lines as they were when the statement began: these are asked for
# once more.
_LINED = {
    of: statement(
        select(N.c[of].label("id"), N.c.round).where(N.c[of] == any_(_IDS), N.c.kind == bindparam("kind"), _LIVES)
    )
    for of in _TABLES
}


async def unpublished(transaction: Transaction, of: Column, subject_id: UUID, state: str, kind: str) -> Record | None:
    """One that waits in this state for its notice, held until commit; None where it has its line, or moved on."""
    row = await transaction.row(_ONE[of], id=subject_id, state=state)
    rows = await _without_line(transaction, of, kind, [row] if row else [])
    return rows[0] if rows else None


async def unpublished_with(
    transaction: Transaction, of: Column, tier: Tier, union_id: UUID, state: str, kind: str, *, but: UUID, size: int
) -> list[Record]:
    """What else waits under a union for a notice of this kind, oldest first, held until commit."""
    rows = await transaction.rows(
        _TOGETHER[of, tier], union_id=union_id, state=state, kind=kind, except_id=but, size=size
    )
    return await _without_line(transaction, of, kind, rows)


async def _without_line(transaction: Transaction, of: Column, kind: str, held: list[Record]) -> list[Record]:
    if not held:
        return held
    lined = await transaction.rows(_LINED[of], ids=[row["id"] for row in held], kind=kind)
    there = {(row["id"], row["round"]) for row in lined}
    return [row for row in held if (row["id"], row["round"]) not in there]


async def signers(transaction: Transaction, of: Column, ids: Iterable[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    """Who signed the round that these are in."""
    return {row["id"]: tuple(row["by"]) for row in await transaction.rows(_SIGNED[of], ids=list(ids))}
