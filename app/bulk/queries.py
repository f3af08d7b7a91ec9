"""Reading imports within one's reach, one's own exports, and what the dry run looks up."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from app.bulk.tables import BulkError, BulkExport, BulkImport, BulkRow, BulkUpload
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound

B, R, E, X, U = (table_of(model) for model in (BulkImport, BulkRow, BulkError, BulkExport, BulkUpload))
_ANY = statement(select(B).where(B.c.id == bindparam("id")))
_AFTER = paging.place(E.c.created_at, E.c.id)
_INDEXES = bindparam("indexes", type_=ARRAY(BYTEA()))
_GOOD = statement(
    select(R.c.id, R.c.content)
    .where(R.c.import_id == bindparam("import_id"), R.c.state == literal_column("'good'"), R.c.id > bindparam("after"))
    .order_by(R.c.id)
    .limit(bindparam("size"))
)
_COMMITTED = statement(
    select(R.c.head_index).where(R.c.import_id == bindparam("import_id"), R.c.state == literal_column("'committed'"))
)
_ALL_ERRORS = statement(
    select(E.c.id, E.c.line, E.c.column_title, E.c.message)
    .where(E.c.import_id == bindparam("import_id"), E.c.id > bindparam("after"))
    .order_by(E.c.id)
    .limit(bindparam("size"))
)
_LIVING = statement(
    text("select id_number_index from household_member where living and id_number_index = any(:indexes)").bindparams(
        _INDEXES
    )
)
_EXPORT = statement(select(X).where(X.c.id == bindparam("id")))
_OWN_EXPORT = statement(select(X).where(X.c.id == bindparam("id"), X.c.person_id == bindparam("person_id")))
_EXPIRED = statement(
    select(X.c.id)
    .where(X.c.state == literal_column("'done'"), X.c.expires_at < bindparam("before"))
    .limit(literal_column("500"))
)
_UPLOADED = statement(
    select(U.c.import_id).where(U.c.organisation_id == bindparam("organisation_id"), U.c.sha256 == bindparam("sha256"))
)


class ImportNotFound(NotFound):
    """没有找到这次导入。"""


class ExportNotFound(NotFound):
    """没有找到这次导出，或者下载时间（24 小时）已过。"""


@cache
def _in_reach(tiers: Shape, locked: bool) -> Statement:
    query = select(B).where(B.c.id == bindparam("id"), within(B, tiers))
    return statement(query.with_for_update() if locked else query)


async def bulk_import(transaction: Transaction, actor: Actor, import_id: UUID, *, locked: bool = False) -> Record:
    """An import under a union where the actor takes in cases. Raises ImportNotFound."""
    reach = actor.reach(Permission.ACCEPT_CASE)
    row = await transaction.row(_in_reach(shape(reach), locked), id=import_id, **nodes(reach))
    if row is None:
        raise ImportNotFound
    return row


async def by_id(transaction: Transaction, import_id: UUID) -> Record | None:
    """Any import, for the jobs."""
    return await transaction.row(_ANY, id=import_id)


async def uploaded_before(transaction: Transaction, organisation_id: UUID, sha256: bytes) -> UUID | None:
    """The import that this very workbook was uploaded for under a union."""
    found: UUID | None = await transaction.value(_UPLOADED, organisation_id=organisation_id, sha256=sha256)
    return found


@cache
def _errors(after: bool) -> Statement:
    query = select(E).where(E.c.import_id == bindparam("import_id"))
    if after:
        query = query.where(tuple_(E.c.created_at, E.c.id) > _AFTER)
    return statement(query.order_by(E.c.created_at, E.c.id).limit(bindparam("size")))


async def errors(
    transaction: Transaction, import_id: UUID, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What is wrong, in the order of the rows."""
    position = paging.values(after)
    return await transaction.rows(_errors(after is not None), import_id=import_id, size=size, **position)


async def some_errors(transaction: Transaction, import_id: UUID, after: UUID, size: int) -> list[Record]:
    """The same for the jobs, page by page."""
    return await transaction.rows(_ALL_ERRORS, import_id=import_id, after=after, size=size)


async def good(transaction: Transaction, import_id: UUID, after: UUID, size: int) -> list[Record]:
    """Households that can be committed, in order: their ids and what they say, sealed."""
    return await transaction.rows(_GOOD, import_id=import_id, after=after, size=size)


async def committed(transaction: Transaction, import_id: UUID) -> frozenset[bytes]:
    """The heads of the households that an import has committed already."""
    return frozenset(row["head_index"] for row in await transaction.rows(_COMMITTED, import_id=import_id))


async def living(transaction: Transaction, indexes: Iterable[bytes]) -> frozenset[bytes]:
    """Which of these numbers belong to a living household, wherever it is."""
    rows = await transaction.rows(_LIVING, indexes=list(indexes))
    return frozenset(row["id_number_index"] for row in rows)


async def own_export(transaction: Transaction, person_id: UUID, export_id: UUID) -> Record:
    """Raises ExportNotFound."""
    row = await transaction.row(_OWN_EXPORT, id=export_id, person_id=person_id)
    if row is None:
        raise ExportNotFound
    return row


async def export_by_id(transaction: Transaction, export_id: UUID) -> Record | None:
    """Any export, for the jobs."""
    return await transaction.row(_EXPORT, id=export_id)


async def expired_exports(transaction: Transaction, before: datetime) -> list[UUID]:
    return [row["id"] for row in await transaction.rows(_EXPIRED, before=before)]
