"""Reading batches, what came back, and who has allowed it."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import any_, bindparam, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.tables import Household
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.matching.tables import MatchAuthorisation, MatchBatch, MatchPerson, MatchResult, MatchReturn
from app.people.consents import Purpose, consent_texts
from app.people.tables import Consent

M = table_of(MatchAuthorisation)
B, P, T, R = (table_of(model) for model in (MatchBatch, MatchPerson, MatchReturn, MatchResult))
H, CONSENT = table_of(Household), table_of(Consent)
_SHOWN = [column for column in B.c if column.name not in ("outgoing", "key")]


class MatchNotFound(NotFound):
    """没有找到这一批比对。"""


class AuthorisationNotFound(NotFound):
    """没有找到这份授权。"""


def _ids(name: str) -> Any:
    return any_(bindparam(name, type_=ARRAY(H.c.id.type)))


# ---- whom a batch may be about ----


@cache
def _files(tiers: Shape) -> Statement:
    query = select(H).where(
        H.c.id == _ids("ids"),
        within(H, tiers),
        H.c.person_id != bindparam("actor_id"),
        H.c.submitted_at.is_not(None),
    )
    return statement(query.order_by(H.c.id))


async def files(transaction: Transaction, actor: Actor, household_ids: Sequence[UUID]) -> list[Record]:
    """Of these files those where the actor may match, never their own."""
    reach = actor.reach(Permission.RUN_MATCH)
    return await transaction.rows(
        _files(shape(reach)), ids=list(household_ids), actor_id=actor.person_id, **nodes(reach)
    )


_CONSENTS = statement(
    select(CONSENT.c.person_id, CONSENT.c.id).where(
        CONSENT.c.person_id == any_(bindparam("people", type_=ARRAY(CONSENT.c.person_id.type))),
        CONSENT.c.purpose == literal_column(f"'{Purpose.DATA_MATCHING}'"),
        CONSENT.c.withdrawn_at.is_(None),
        CONSENT.c.text_sha256 == bindparam("sha256"),
    )
)
_AUTHORISATIONS = statement(
    select(M).where(M.c.household_id == _ids("ids"), M.c.withdrawn_at.is_(None), M.c.signed_on <= bindparam("today"))
)


async def consents(transaction: Transaction, person_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The consent to matching that each of these heads has given to the text in use, by person."""
    sha256 = consent_texts()[Purpose.DATA_MATCHING].sha256
    rows = await transaction.rows(_CONSENTS, people=list(person_ids), sha256=sha256)
    return {row["person_id"]: row["id"] for row in rows}


async def authorisations(
    transaction: Transaction, household_ids: Sequence[UUID], today: Any
) -> dict[tuple[UUID, bytes], Record]:
    """The authorisations in force, by household and identity index."""
    rows = await transaction.rows(_AUTHORISATIONS, ids=list(household_ids), today=today)
    return {(row["household_id"], bytes(row["id_number_index"])): row for row in rows}


_OF_FILE = statement(select(M).where(M.c.household_id == bindparam("household_id")).order_by(M.c.created_at, M.c.id))
_HOUSEHOLD = statement(select(M.c.household_id).where(M.c.id == bindparam("id")))
_ONE_AUTHORISATION = statement(
    select(M)
    .where(M.c.id == bindparam("id"), M.c.household_id == bindparam("household_id"), M.c.withdrawn_at.is_(None))
    .with_for_update()
)


async def authorisations_of(transaction: Transaction, household_id: UUID) -> list[Record]:
    """Every authorisation of a file, withdrawn ones too, oldest first."""
    return await transaction.rows(_OF_FILE, household_id=household_id)


async def household_of_authorisation(transaction: Transaction, authorisation_id: UUID) -> UUID | None:
    """Whose member signed it, withdrawn or not."""
    found: UUID | None = await transaction.value(_HOUSEHOLD, id=authorisation_id)
    return found


async def authorisation_locked(transaction: Transaction, household_id: UUID, authorisation_id: UUID) -> Record:
    """One in force. Raises AuthorisationNotFound."""
    row = await transaction.row(_ONE_AUTHORISATION, id=authorisation_id, household_id=household_id)
    if row is None:
        raise AuthorisationNotFound
    return row


# ---- batches ----


@cache
def _one(tiers: Shape) -> Statement:
    return statement(select(B).where(B.c.id == bindparam("id"), within(B, tiers)))


@cache
def _page(tiers: Shape, after: bool) -> Statement:
    query = select(*_SHOWN).where(within(B, tiers))
    if after:
        query = query.where(_before(B))
    return statement(query.order_by(B.c.created_at.desc(), B.c.id.desc()).limit(bindparam("size")))


def _before(table: Any) -> Any:
    return tuple_(table.c.created_at, table.c.id) < paging.place(table.c.created_at, table.c.id)


async def batch(transaction: Transaction, actor: Actor, batch_id: UUID) -> Record:
    """A batch within the actor's reach. Raises MatchNotFound."""
    reach = actor.reach(Permission.RUN_MATCH)
    row = await transaction.row(_one(shape(reach)), id=batch_id, **nodes(reach))
    if row is None:
        raise MatchNotFound
    return row


async def batches(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """The batches within the actor's reach, newest first."""
    reach = actor.reach(Permission.RUN_MATCH)
    query = _page(shape(reach), after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **paging.values(after))


_PEOPLE = statement(select(P).where(P.c.batch_id == bindparam("batch_id")).order_by(P.c.line))
_FILES_OF = statement(select(H).where(H.c.id == _ids("ids")))
_RETURNS = statement(select(T).where(T.c.batch_id == bindparam("batch_id")).order_by(T.c.created_at, T.c.id))


async def people(transaction: Transaction, batch_id: UUID) -> list[Record]:
    return await transaction.rows(_PEOPLE, batch_id=batch_id)


async def files_of(transaction: Transaction, household_ids: Sequence[UUID]) -> dict[UUID, Record]:
    """The files that people of a batch are in, as far as the second wall lets them be seen."""
    return {row["id"]: row for row in await transaction.rows(_FILES_OF, ids=list(household_ids))}


async def returns(transaction: Transaction, batch_id: UUID) -> list[Record]:
    return await transaction.rows(_RETURNS, batch_id=batch_id)


# ---- results ----


@cache
def _results(by: str, after: bool) -> Statement:
    query = select(R).where(R.c[by] == bindparam("of"))
    if after:
        query = query.where(_before(R))
    return statement(query.order_by(R.c.created_at.desc(), R.c.id.desc()).limit(bindparam("size")))


async def results_of_batch(
    transaction: Transaction, batch_id: UUID, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What came back for a batch, newest first."""
    query = _results("batch_id", after is not None)
    return await transaction.rows(query, of=batch_id, size=size, **paging.values(after))


async def results_of_file(
    transaction: Transaction, household_id: UUID, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What departments said of a file, newest first."""
    query = _results("household_id", after is not None)
    return await transaction.rows(query, of=household_id, size=size, **paging.values(after))


_COUNTS = statement(
    select(R.c.outcome, func.count().label("n")).where(R.c.batch_id == bindparam("of")).group_by(R.c.outcome)
)


async def outcomes(transaction: Transaction, batch_id: UUID) -> dict[str, int]:
    return {row["outcome"]: row["n"] for row in await transaction.rows(_COUNTS, of=batch_id)}
