"""Reading what the jobs alone may read: every decision that was ever made."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Table, any_, bindparam, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from app.applications.path import Kind
from app.applications.queries import A
from app.applications.tables import LIVE_STATES
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.queries import ACTIVE_STATES, H
from app.kernel.actor import Actor, Permission
from app.kernel.business_time import SHANGHAI
from app.organisations.tables import Organisation

PAGE: Final = 1_000
COUNT_CAP: Final = 1_000_000
_FIRST: Final = UUID(int=0)
_CITY = table_of(Organisation)
_COLUMNS = (A.c.id, A.c.kind, A.c.facts, A.c.facts_sha256, A.c.decision, A.c.policy_version, A.c.code_sha256)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions: of a kind, of applications submitted from one day to another (both included), so many."""

    kind: Kind | None = None
    since: date | None = None
    until: date | None = None
    limit: int | None = None

    def parameters(self) -> dict[str, Any]:
        named = {
            "kind": self.kind,
            "since": _midnight(self.since) if self.since else None,
            "before": _midnight(self.until + timedelta(days=1)) if self.until else None,
        }
        return {name: value for name, value in named.items() if value is not None}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def _where(by: frozenset[str]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [A.c.decision.is_not(None)]
    if "kind" in by:
        conditions.append(A.c.kind == bindparam("kind"))
    if "since" in by:
        conditions.append(A.c.submitted_at >= bindparam("since"))
    if "before" in by:
        conditions.append(A.c.submitted_at < bindparam("before"))
    return conditions


@cache
def _count(by: frozenset[str]) -> Statement:
    return statement(
        select(func.count()).select_from(select(A.c.id).where(*_where(by)).limit(bindparam("size")).subquery())
    )


@cache
def _page(by: frozenset[str]) -> Statement:
    return statement(
        select(*_COLUMNS, _CITY.c.division_code)
        .join(_CITY, _CITY.c.id == A.c.city_id)
        .where(*_where(by), A.c.id > bindparam("after"))
        .order_by(A.c.id)
        .limit(bindparam("size"))
    )


async def how_many_decided(transaction: Transaction, wanted: Wanted) -> int | None:
    """How many there are; None for more than COUNT_CAP, which nobody waits to have counted."""
    values, most = wanted.parameters(), COUNT_CAP + 1
    size = most if wanted.limit is None else min(wanted.limit, most)
    count: int = await transaction.value(_count(frozenset(values)), **values, size=size)
    return count if count <= COUNT_CAP else None


async def decided(transaction: Transaction, wanted: Wanted) -> AsyncIterator[list[Record]]:
    """The applications with their sealed facts and decisions, page by page: never more than a page in memory."""
    values, after, left = wanted.parameters(), _FIRST, wanted.limit
    query = _page(frozenset(values))
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        rows = await transaction.rows(query, **values, after=after, size=size)
        if rows:
            yield rows
        if len(rows) < size:
            return
        after, left = rows[-1]["id"], None if left is None else left - size


_HOUSEHOLD_LOCKED = statement(select(H).where(H.c.id == bindparam("id")).with_for_update())


async def household_locked(transaction: Transaction, household_id: UUID) -> Record | None:
    """A household file, held until commit."""
    return await transaction.row(_HOUSEHOLD_LOCKED, id=household_id)


_ACTIVE = H.c.state.in_([literal_column(f"'{state}'") for state in sorted(ACTIVE_STATES)])


def _of_area(city_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether a row is under a city of the area: a prefecture's own, or every one of a province."""
    within = func.left(_CITY.c.division_code, func.length(bindparam("within"))) == bindparam("within")
    return city_id.in_(select(_CITY.c.id).where(_CITY.c.tier == literal_column("'city'"), within))


_HOW_MANY_FILES = statement(select(func.count()).select_from(H).where(_ACTIVE, _of_area(H.c.city_id)))
_FILES = statement(
    select(H.c.id, H.c.district_id, H.c.state, H.c.submitted_at, H.c.form)
    .where(_ACTIVE, _of_area(H.c.city_id), H.c.id > bindparam("after"))
    .order_by(H.c.id)
    .limit(bindparam("size"))
)
_CLAIMS_WHERE: tuple[Any, ...] = (
    A.c.kind == literal_column("'secondary_medical'"),
    A.c.submitted_at >= bindparam("since"),
    _of_area(A.c.city_id),
    text(f"application.state in {LIVE_STATES}"),
)
_HOW_MANY_CLAIMS = statement(select(func.count()).select_from(A).where(*_CLAIMS_WHERE))
_CLAIMS = statement(
    select(A.c.id, A.c.district_id, A.c.household_id, A.c.submitted_at, A.c.facts)
    .where(*_CLAIMS_WHERE, A.c.id > bindparam("after"))
    .order_by(A.c.id)
    .limit(bindparam("size"))
)


def _within(area: str) -> str:
    """440500 → 4405, 440000 → 44."""
    return area.removesuffix("00").removesuffix("00")


async def how_many_living(transaction: Transaction, area: str, claims_since: datetime | None) -> int:
    """How many household files of an area are in force; or how many living claims were made since an instant."""
    within = _within(area)
    count: int = (
        await transaction.value(_HOW_MANY_FILES, within=within)
        if claims_since is None
        else await transaction.value(_HOW_MANY_CLAIMS, within=within, since=claims_since)
    )
    return count


async def living(transaction: Transaction, area: str, claims_since: datetime | None) -> AsyncIterator[list[Record]]:
    """These files or claims, page by page in the order of their ids: never more than a page in memory."""
    after, size, values = _FIRST, PAGE // 2, {"within": _within(area)}
    query, since = (_FILES, {}) if claims_since is None else (_CLAIMS, {"since": claims_since})
    while rows := await transaction.rows(query, **values, **since, after=after, size=size):
        yield rows
        after = rows[-1]["id"]


_EXPORTED = [
    H.c[name] for name in ("id", "number", "state", "submitted_at", "active_at", "form", "head_masked", "city_id",
                           "district_id", "street_id", "unit_id")
]  # fmt: skip


@cache
def _exportable(tiers: Shape, by_state: bool) -> Statement:
    query = select(*_EXPORTED).where(
        within(H, tiers),
        H.c.person_id != bindparam("actor_id"),
        H.c.submitted_at.is_not(None),
        H.c.id > bindparam("after"),
    )
    if by_state:
        query = query.where(H.c.state == any_(bindparam("states", type_=ARRAY(H.c.state.type))))
    return statement(query.order_by(H.c.id).limit(bindparam("size")))


async def exportable(transaction: Transaction, actor: Actor, states: list[str], after: UUID, size: int) -> list[Record]:
    """Submitted files within an actor's reach, never their own; in these states, or in any when none is named."""
    reach = actor.reach(Permission.READ_CASES)
    by_state = {"states": states} if states else {}
    query = _exportable(shape(reach), bool(states))
    return await transaction.rows(query, actor_id=actor.person_id, after=after, size=size, **by_state, **nodes(reach))


def scope_of_file(table: Table) -> Statement:
    """Give the rows that hang on a household file the unions that it stands under (`of_household`, `city_id` …)."""
    tiers = ("city_id", "district_id", "street_id", "unit_id")
    return statement(
        update(table)
        .where(table.c.household_id == bindparam("of_household"))
        .values({tier: bindparam(tier, type_=table.c[tier].type) for tier in tiers})
    )


_PEOPLE_OF_FILE = statement(
    text(
        """
        select h.person_id from household h where h.id = :id
        union
        select p.id from household_member m join person p on p.id_number_index = m.id_number_index
        where m.household_id = :id and p.closed_at is null
        """
    )
)


async def people_of_file(transaction: Transaction, household_id: UUID) -> list[UUID]:
    """Those with an account whom a file names, or named once, its owner among them."""
    return [row["person_id"] for row in await transaction.rows(_PEOPLE_OF_FILE, id=household_id)]
