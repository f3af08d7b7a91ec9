"""Reading policy versions: as a book to decide by, and one by one for those who look after them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog
from pydantic import ValidationError
from sqlalchemy import Select, bindparam, func, literal_column, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.database import Database
from app.db.statements import Statement, statement
from app.db.transaction import COMMAND_SECONDS, Record, Sight, Transaction
from app.kernel.errors import NotFound, Unavailable
from app.policies.rules import digest
from app.policies.tables import PolicyVersion
from app.policy.book import PolicyBook, PolicyKind
from app.policy.replay import canonical
from app.policy.versions import Version

Models = Mapping[PolicyKind, type[Version]]
"""What the documents of each kind must look like (app/programmes.py)."""
CHECK_SECONDS: Final = 5.0
"""How long a process may not know of a publication. A version begins on the next day at the earliest."""
LOOK_SECONDS: Final = 1.0
"""So long a request that has the book looks for a newer one, before it goes on with its own affair."""

P = table_of(PolicyVersion)
_PUBLISHED = P.c.state == literal_column("'published'")
_BOOK = statement(
    select(P.c.id, P.c.kind, P.c.area, P.c.document, P.c.sha256).where(_PUBLISHED).order_by(P.c.in_force_from, P.c.id)
)
# Published rows are neither changed nor deleted: how many there are says whether there are new ones.
_HOW_MANY = statement(select(func.count().label("published")).select_from(P).where(_PUBLISHED))
_BY_ID = statement(select(P).where(P.c.id == bindparam("id")))
_FOLLOWED = statement(
    select(P)
    .where(
        P.c.kind == bindparam("kind"),
        P.c.area.in_([bindparam("area"), bindparam("province")]),
        P.c.in_force_from < bindparam("in_force_from"),
        _PUBLISHED,
    )
    # The area's own versions come before its province's, as where a decision looks for them.
    .order_by((P.c.area == bindparam("area")).desc(), P.c.in_force_from.desc())
    .limit(literal_column("1"))
)
_NAMED = statement(
    select(P.c.id, P.c.sha256).where(
        P.c.kind == bindparam("kind"),
        P.c.area == bindparam("area"),
        P.c.name == bindparam("name"),
        P.c.state != literal_column("'withdrawn'"),
    )
)
_OF_DAY = statement(
    select(P.c.id).where(
        P.c.kind == bindparam("kind"),
        P.c.area == bindparam("area"),
        P.c.in_force_from == bindparam("in_force_from"),
        _PUBLISHED,
    )
)
_SUMMARY = [column for column in P.c if column.name not in {"document", "sha256"}]
_AFTER = paging.place(P.c.created_at, P.c.id)
log = structlog.get_logger("aid.policies")


class PolicyNotFound(NotFound):
    """没有找到这个政策版本。"""


async def book(transaction: Transaction, models: Models) -> PolicyBook:
    """Every published version. One that cannot be read closes its kind and area, and is logged by its id."""
    versions: dict[PolicyKind, list[Version]] = {kind: [] for kind in models}
    closed: set[tuple[PolicyKind, str]] = set()
    for row in await transaction.rows(_BOOK):
        kind: PolicyKind = row["kind"]
        read = _read(models[kind], row)
        if read is None:
            closed.add((kind, row["area"]))
            log.error("policy_unreadable", id=str(row["id"]), kind=kind, area=row["area"])
        else:
            versions[kind].append(read)
    return PolicyBook({kind: tuple(found) for kind, found in versions.items()}, frozenset(closed))


def _read(model: type[Version], row: Record) -> Version | None:
    if digest(row["document"]) != row["sha256"]:
        return None
    try:
        return model.model_validate_json(canonical(row["document"]))
    except ValidationError:
        return None


@dataclass
class KeptPolicies:
    """The book as one process last read it. Every few seconds one request looks whether there is a newer one.

    While the database is away the book that is there is used: a version that nobody has seen here yet does not begin
    before the next day.
    """

    database: Database
    models: Models
    seconds: float = CHECK_SECONDS
    _kept: PolicyBook | None = None
    _published: int = field(default=-1, repr=False)
    _look_again_at: float = field(default=0.0, repr=False)

    async def get(self) -> PolicyBook:
        """The book. Raises Unavailable when there is none yet and the database is away."""
        if self._kept is None:
            return await self._refreshed()
        if self._look_again_at <= time.monotonic():
            # Before the question, so that one request asks and the others go on with what is there.
            self._look_again_at = time.monotonic() + self.seconds
            try:
                return await self._refreshed(LOOK_SECONDS)
            except (Unavailable, asyncpg.PostgresError) as away:
                log.warning("policies_not_refreshed", error=type(away).__name__)
        return self._kept

    async def _refreshed(self, patience: float = COMMAND_SECONDS) -> PolicyBook:
        counted = await self.database.look(_HOW_MANY, patience)
        published = counted["published"] if counted else 0
        if self._kept is None or published != self._published:
            async with self.database.begin(Sight("public")) as transaction:
                self._kept = await book(transaction, self.models)
            # Counted before it was read: one that came between is counted, and read, once more.
            self._published = published
            self._look_again_at = time.monotonic() + self.seconds
        return self._kept


async def policy(transaction: Transaction, policy_id: UUID) -> Record:
    """A version, whole. Raises PolicyNotFound."""
    row = await transaction.row(_BY_ID, id=policy_id)
    if row is None:
        raise PolicyNotFound
    return row


async def followed(transaction: Transaction, kind: str, area: str, in_force_from: date) -> Record | None:
    """The published version that is in force until one of this kind, area and day begins."""
    return await transaction.row(
        _FOLLOWED, kind=kind, area=area, province=f"{area[:2]}0000", in_force_from=in_force_from
    )


async def named(transaction: Transaction, kind: str, area: str, name: str) -> Record | None:
    """The id and hash of the version of this name that is not withdrawn, if there is one."""
    return await transaction.row(_NAMED, kind=kind, area=area, name=name)


async def day_is_taken(transaction: Transaction, kind: str, area: str, in_force_from: date) -> bool:
    """Whether a published version begins on this day."""
    return await transaction.value(_OF_DAY, kind=kind, area=area, in_force_from=in_force_from) is not None


@cache
def _page(by: frozenset[str]) -> Statement:
    query: Select[Any] = select(*_SUMMARY)
    for name in sorted(by - {"after"}):
        query = query.where(P.c[name] == bindparam(name))
    if "after" in by:
        query = query.where(tuple_(P.c.created_at, P.c.id) < _AFTER)
    return statement(query.order_by(P.c.created_at.desc(), P.c.id.desc()).limit(bindparam("size")))


async def policies(
    transaction: Transaction, wanted: Mapping[str, str], size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """Versions without their documents, newest first; `wanted` may name a kind, an area and a state."""
    values: dict[str, Any] = dict(wanted)
    by = frozenset(values)
    if after:
        by, values = by | {"after"}, values | {"at": after[0], "after_id": after[1]}
    return await transaction.rows(_page(by), size=size, **values)
