"""Reading evaluations: those of an auditor's unions, or those that an evaluator was named in, on their days."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, func, literal_column, or_, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.queries import H
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotAllowed, NotFound
from app.supervision.evaluations.rules import STATES
from app.supervision.evaluations.tables import Evaluation, EvaluationCase, EvaluationScore

E, C, S = table_of(Evaluation), table_of(EvaluationCase), table_of(EvaluationScore)
Page = tuple[datetime, UUID] | None
_SHOWN = [column for column in E.c if column.name not in ("population", "seed_sealed")]
_ACTOR = bindparam("actor_id", type_=E.c.id.type)
_NAMED = and_(
    or_(E.c.first_evaluator_id == _ACTOR, E.c.second_evaluator_id == _ACTOR),
    E.c.state != literal_column("'announced'"),
)
_ON_DAYS = or_(
    E.c.state == literal_column("'closed'"),
    bindparam("today", type_=E.c.first_day.type).between(E.c.first_day, E.c.last_day),
)


class EvaluationNotFound(NotFound):
    """没有找到这次评估。"""


class EvaluationCaseNotFound(NotFound):
    """没有找到这份评估个案。"""


class OutsideEvaluationDays(NotAllowed):
    """现在不在评估期间，不能查看和评分。"""


def _seen(tiers: Shape, named: bool) -> ColumnElement[bool]:
    """To auditors by their unions, to evaluators by their names."""
    return or_(within(E, tiers), _NAMED) if named else within(E, tiers)


def _who(actor: Actor) -> tuple[Shape, bool, dict[str, Any]]:
    reach, named = actor.reach(Permission.SUPERVISE), actor.may(Permission.EVALUATE)
    return shape(reach), named, nodes(reach) | ({"actor_id": actor.person_id} if named else {})


@cache
def _evaluations(tiers: Shape, named: bool, after: bool) -> Statement:
    seen = or_(within(E, tiers), and_(_NAMED, _ON_DAYS)) if named else within(E, tiers)
    query = select(*_SHOWN).where(seen)
    if after:
        query = query.where(tuple_(E.c.created_at, E.c.id) < paging.place(E.c.created_at, E.c.id))
    return statement(query.order_by(E.c.created_at.desc(), E.c.id.desc()).limit(bindparam("size")))


async def evaluations(transaction: Transaction, actor: Actor, today: date, size: int, after: Page) -> list[Record]:
    """Newest first."""
    tiers, named, values = _who(actor)
    query = _evaluations(tiers, named, after is not None)
    on = {"today": today} if named else {}
    return await transaction.rows(query, size=size, **values, **on, **paging.values(after))


@cache
def _evaluation(tiers: Shape, named: bool) -> Statement:
    return statement(select(*_SHOWN).where(E.c.id == bindparam("id"), _seen(tiers, named)))


async def evaluation(transaction: Transaction, actor: Actor, today: date, evaluation_id: UUID) -> Record:
    """One that the actor audits, or was named in; to the latter on its days, and once it is closed.

    Raises EvaluationNotFound, OutsideEvaluationDays.
    """
    tiers, named, values = _who(actor)
    row = await transaction.row(_evaluation(tiers, named), id=evaluation_id, **values)
    if row is None:
        raise EvaluationNotFound
    if named and row["state"] != "closed" and not row["first_day"] <= today <= row["last_day"]:
        raise OutsideEvaluationDays
    return row


@cache
def _held(tiers: Shape) -> Statement:
    sealed = [column for column in E.c if column.name != "population"]
    return statement(select(*sealed).where(E.c.id == bindparam("id"), within(E, tiers)).with_for_update())


async def evaluation_held(transaction: Transaction, actor: Actor, evaluation_id: UUID) -> Record:
    """One that the actor audits, with its sealed seed, held until commit. Raises EvaluationNotFound."""
    reach = actor.reach(Permission.SUPERVISE)
    row = await transaction.row(_held(shape(reach)), id=evaluation_id, **nodes(reach))
    if row is None:
        raise EvaluationNotFound
    return row


_BY_ID = statement(select(*_SHOWN).where(E.c.id == bindparam("id")))
_POPULATION = statement(select(E.c.population).where(E.c.id == bindparam("id")))
_EVALUATORS = Statement("select id, name_masked from evaluators_of($1, $2) order by id", ("asked", "today"), {})
_PROGRESS = Statement("select stratum, firsts, seconds, pairs from evaluation_progress($1)", ("asked",), {})


async def by_id(transaction: Transaction, evaluation_id: UUID) -> Record | None:
    """For jobs."""
    return await transaction.row(_BY_ID, id=evaluation_id)


async def population_of(transaction: Transaction, evaluation_id: UUID) -> bytes | None:
    """The frozen list of one that was found; none before it is drawn."""
    found: bytes | None = await transaction.value(_POPULATION, id=evaluation_id)
    return found


async def evaluators_of(transaction: Transaction, union_id: UUID, today: date) -> dict[UUID, str]:
    """Who may be named to evaluate a union that the caller audits, masked."""
    return {row["id"]: row["name_masked"] for row in await transaction.rows(_EVALUATORS, asked=union_id, today=today)}


async def progress_of(transaction: Transaction, evaluation_id: UUID) -> dict[str, Record]:
    """How many files of each stratum the first, the second and both have scored: to auditors alone."""
    return {row["stratum"]: row for row in await transaction.rows(_PROGRESS, asked=evaluation_id)}


@cache
def _files(tier: str) -> Statement:
    states: list[ColumnElement[str]] = [literal_column(f"'{state}'") for each in STATES.values() for state in each]
    columns = [H.c[name] for name in "id person_id number state".split()]
    return statement(
        select(*columns).where(
            H.c[f"{tier}_id"] == bindparam("union_id"), H.c.state.in_(states), H.c.submitted_at.is_not(None)
        )
    )


async def files_under(transaction: Transaction, union: Record, tier: str) -> list[Record]:
    """The files in a state of some stratum under a union, as they are now."""
    return await transaction.rows(_files(tier), union_id=union["organisation_id"])


_FILE = statement(select(H).where(H.c.id == bindparam("id")))


async def file_now(transaction: Transaction, household_id: UUID) -> Record:
    """A file of that list, whole."""
    row = await transaction.row(_FILE, id=household_id)
    assert row is not None
    return row


# ---- what was drawn ----

_MINE = (
    select(func.count())
    .select_from(S)
    .where(S.c.case_id == C.c.id, S.c.person_id == _ACTOR)
    .scalar_subquery()
    .label("revisions")
)
_LINE = [C.c[name] for name in "id created_at serial stratum household_id person_id number".split()]


@cache
def _cases(after: bool) -> Statement:
    query = select(*_LINE, _MINE).where(C.c.evaluation_id == bindparam("evaluation_id"))
    if after:
        query = query.where(tuple_(C.c.created_at, C.c.id) > paging.place(C.c.created_at, C.c.id))
    return statement(query.order_by(C.c.created_at, C.c.id).limit(bindparam("size")))


async def cases(
    transaction: Transaction, actor: Actor, evaluation_id: UUID, size: int, after: Page
) -> Sequence[Record]:
    """The files drawn for an evaluation that was found, as they were drawn, and how often the actor scored each."""
    values = {"evaluation_id": evaluation_id, "actor_id": actor.person_id, "size": size}
    return await transaction.rows(_cases(after is not None), **values, **paging.values(after))


_CASE = statement(
    select(*_LINE, C.c.content, _MINE).where(C.c.id == bindparam("id"), C.c.evaluation_id == bindparam("evaluation_id"))
)


async def case(transaction: Transaction, actor: Actor, evaluation_id: UUID, case_id: UUID) -> Record:
    """One of them. Raises EvaluationCaseNotFound."""
    row = await transaction.row(_CASE, id=case_id, evaluation_id=evaluation_id, actor_id=actor.person_id)
    if row is None:
        raise EvaluationCaseNotFound
    return row


_LATEST = (S.c.case_id, S.c.person_id, S.c.revision.desc())
_SCORES = statement(
    select(S).where(S.c.case_id == bindparam("case_id")).ext(distinct_on(S.c.case_id, S.c.person_id)).order_by(*_LATEST)
)
_ALL_SCORES = statement(
    select(S, C.c.stratum, C.c.serial, C.c.number)
    .join(C, C.c.id == S.c.case_id)
    .where(S.c.evaluation_id == bindparam("evaluation_id"))
    .ext(distinct_on(S.c.case_id, S.c.person_id))
    .order_by(*_LATEST)
)


async def scores_of(transaction: Transaction, case_id: UUID) -> dict[UUID, Record]:
    """The scores of a case that count, of those whom this transaction may see, by evaluator."""
    return {row["person_id"]: row for row in await transaction.rows(_SCORES, case_id=case_id)}


async def pairs_of(transaction: Transaction, row: Record) -> list[tuple[Record, Record]]:
    """Of a closed evaluation: what the first and the second said of each case that both have scored."""
    found: dict[UUID, dict[UUID, Record]] = {}
    for score in await transaction.rows(_ALL_SCORES, evaluation_id=row["id"]):
        found.setdefault(score["case_id"], {})[score["person_id"]] = score
    both = (row["first_evaluator_id"], row["second_evaluator_id"])
    pairs = [(said[both[0]], said[both[1]]) for said in found.values() if len(said) == 2]
    return sorted(pairs, key=lambda pair: pair[0]["serial"])
