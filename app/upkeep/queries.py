"""The lists of files that need looking after, verifications, watch tasks, and what is to be reminded of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    text,
    tuple_,
    union_all,
)

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, under, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.queries import H
from app.households.tables import CHANGED_AT, WATCHED
from app.kernel.actor import Actor, Permission, Tier
from app.kernel.errors import NotFound
from app.upkeep.rules import ListName
from app.upkeep.tables import HouseholdVerification, WatchTask

V, W = table_of(HouseholdVerification), table_of(WatchTask)
COUNT_CAP = 10_000
UNCHANGED_FOR = timedelta(days=365)
Position = tuple[datetime, UUID]
_SHOWN = (
    "id number state version head_masked active_at review_due_on last_helped_at has_open_plan district_id unit_id"
).split()


class WatchTaskNotFound(NotFound):
    """没有找到这项回访任务。"""


@dataclass(frozen=True, slots=True)
class Looked:
    """A list at an instant: which, and what its files are compared with."""

    name: ListName
    now: datetime
    today: date

    def parameters(self) -> dict[str, Any]:
        limits: dict[str, Any] = {"unchanged": self.now - UNCHANGED_FOR, "overdue": self.today}
        return {"limit_at": limits[self.name]} if self.name in limits else {}


def _listed(name: ListName) -> list[ColumnElement[bool]]:
    """What puts a file on a list. The condition of the partial index is repeated word for word, for the planner."""
    column, which = WATCHED[name]
    conditions: list[ColumnElement[bool]] = [text(which)]  # type: ignore[list-item]
    if name in ("unchanged", "overdue"):
        conditions.append(H.c[column] < bindparam("limit_at"))
    return conditions


def _after(table: Table, column: str) -> ColumnElement[bool]:
    return tuple_(table.c[column], table.c.id) > paging.place(table.c[column], table.c.id)


def _keyset(parts: list[Select[Any]], by: str) -> Statement:
    """The parts, each in the order of its own index and no longer than a page, merged in that order."""
    if len(parts) == 1:
        return statement(parts[0])
    merged = union_all(*(part.subquery().select() for part in parts)).subquery()
    distinct = select(merged).distinct().subquery()
    return statement(select(distinct).order_by(distinct.c[by], distinct.c.id).limit(bindparam("size")))


def _counted(parts: list[Select[Any]]) -> Statement:
    capped = union_all(*(part.subquery().select() for part in parts)).subquery()
    return statement(select(func.count()).select_from(select(capped.c.id).distinct().limit(COUNT_CAP + 1).subquery()))


def _file_part(name: ListName, n: int, tier: Tier) -> Select[Any]:
    return select(*(H.c[c] for c in (*_SHOWN, CHANGED_AT))).where(
        under(H, tier, n), *_listed(name), H.c.person_id != bindparam("actor_id")
    )


@cache
def _files(name: ListName, tiers: Shape, after: bool) -> Statement:
    by, parts = WATCHED[name][0], []
    for n, tier in enumerate(tiers):
        part = _file_part(name, n, tier)
        if after:
            part = part.where(_after(H, by))
        parts.append(part.order_by(H.c[by], H.c.id).limit(bindparam("size")))
    return _keyset(parts, by)


@cache
def _file_count(name: ListName, tiers: Shape) -> Statement:
    cap: ColumnElement[int] = literal_column(str(COUNT_CAP + 1))
    return _counted([_file_part(name, n, tier).with_only_columns(H.c.id).limit(cap) for n, tier in enumerate(tiers)])


def _place(column: ColumnElement[Any], after: Position | None) -> dict[str, Any]:
    """Where to go on from; what is a date stands in a cursor as its midnight (UTC)."""
    if after is None:
        return {}
    return {"at": after[0].date() if isinstance(column.type, Date) else after[0], "after_id": after[1]}


def midnight(day: date) -> datetime:
    """A date as it stands in a cursor."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def files_listed(
    transaction: Transaction, actor: Actor, looked: Looked, size: int, after: Position | None
) -> list[Record]:
    """The files on a list within the actor's reach, whoever waits longest first."""
    reach = actor.reach(Permission.READ_CASES)
    if not reach:
        return []
    query = _files(looked.name, shape(reach), after is not None)
    place = _place(H.c[WATCHED[looked.name][0]], after)
    return await transaction.rows(
        query, size=size, actor_id=actor.person_id, **looked.parameters(), **nodes(reach), **place
    )


async def files_counted(transaction: Transaction, actor: Actor, looked: Looked) -> int:
    """How many there are, at most COUNT_CAP + 1."""
    reach = actor.reach(Permission.READ_CASES)
    if not reach:
        return 0
    query = _file_count(looked.name, shape(reach))
    count: int = await transaction.value(query, actor_id=actor.person_id, **looked.parameters(), **nodes(reach))
    return count


def _watch_part(n: int, tier: Tier) -> Select[Any]:
    return select(W).where(under(W, tier, n), W.c.done_at.is_(None), W.c.head_id != bindparam("actor_id"))


@cache
def _watch(tiers: Shape, after: bool) -> Statement:
    parts = [_watch_part(n, tier) for n, tier in enumerate(tiers)]
    if after:
        parts = [part.where(_after(W, "due_on")) for part in parts]
    return _keyset([part.order_by(W.c.due_on, W.c.id).limit(bindparam("size")) for part in parts], "due_on")


@cache
def _watch_count(tiers: Shape) -> Statement:
    cap: ColumnElement[int] = literal_column(str(COUNT_CAP + 1))
    return _counted([_watch_part(n, tier).with_only_columns(W.c.id).limit(cap) for n, tier in enumerate(tiers)])


async def watch_tasks(transaction: Transaction, actor: Actor, size: int, after: Position | None) -> list[Record]:
    """The watch tasks within the actor's reach that are not done, the earliest due first."""
    reach = actor.reach(Permission.READ_CASES)
    if not reach:
        return []
    query, place = _watch(shape(reach), after is not None), _place(W.c.due_on, after)
    return await transaction.rows(query, size=size, actor_id=actor.person_id, **nodes(reach), **place)


async def watch_task_count(transaction: Transaction, actor: Actor) -> int:
    """How many are not done, at most COUNT_CAP + 1."""
    reach = actor.reach(Permission.READ_CASES)
    if not reach:
        return 0
    count: int = await transaction.value(_watch_count(shape(reach)), actor_id=actor.person_id, **nodes(reach))
    return count


@cache
def _watch_task(tiers: Shape) -> Statement:
    query = select(W).where(W.c.id == bindparam("id"), within(W, tiers), W.c.head_id != bindparam("actor_id"))
    return statement(query.with_for_update())


async def watch_task_locked(transaction: Transaction, actor: Actor, task_id: UUID) -> Record:
    """A watch task within the actor's reach, held until commit. Raises WatchTaskNotFound."""
    reach = actor.reach(Permission.READ_CASES)
    row = await transaction.row(_watch_task(shape(reach)), id=task_id, actor_id=actor.person_id, **nodes(reach))
    if row is None:
        raise WatchTaskNotFound
    return row


_VERIFICATIONS = statement(
    select(V)
    .where(V.c.household_id == bindparam("household_id"))
    .order_by(V.c.verified_on.desc(), V.c.id.desc())
    .limit(literal_column("50"))
)


async def verifications_of(transaction: Transaction, household_id: UUID) -> list[Record]:
    """The newest verifications of a household that this transaction can see."""
    return await transaction.rows(_VERIFICATIONS, household_id=household_id)


@cache
def _earlier(tiers: Shape) -> Statement:
    return statement(
        select(H)
        .where(
            H.c.person_id == bindparam("head_id"),
            H.c.person_id != bindparam("actor_id"),
            within(H, tiers),
            H.c.id != bindparam("except_id"),
            H.c.state.in_([literal_column("'lifted'"), literal_column("'cancelled'")]),
            H.c.submitted_at < bindparam("before"),
        )
        .order_by(H.c.submitted_at.desc(), H.c.id.desc())
        .limit(literal_column("1"))
    )


async def earlier_file(transaction: Transaction, actor: Actor, row: Mapping[str, Any]) -> Record | None:
    """The file that the same head left last, within the actor's reach."""
    reach = actor.reach(Permission.READ_CASES)
    return await transaction.row(
        _earlier(shape(reach)),
        head_id=row["person_id"],
        actor_id=actor.person_id,
        except_id=row["id"],
        before=row["submitted_at"],
        **nodes(reach),
    )
