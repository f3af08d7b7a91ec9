"""Reading uploaded files: one's own, or those that a case within one's reach names."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import any_, bindparam, exists, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.db.base import table_of
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.files.tables import File, FileUse
from app.kernel.errors import FieldError, Invalid, NotFound

F, U = table_of(File), table_of(FileUse)
_IDS = bindparam("ids", type_=ARRAY(F.c.id.type))
_ONE = statement(select(F).where(F.c.id == bindparam("id")))
_OWN = statement(select(F).where(F.c.id == bindparam("id"), F.c.person_id == bindparam("person_id")))
_STATES = statement(
    select(F.c.id, F.c.state, F.c.sha256).where(F.c.person_id == bindparam("person_id"), F.c.id == any_(_IDS))
)
# Of a worker's own cases and file, as far as the caller sees them; not what they said elsewhere, maybe without a name.
_HANDED_IN = Statement(
    """
    select f.id, f.state, f.sha256 from file f
    where f.person_id = $1 and f.id = any($2::uuid[]) and exists (
      select 1 from file_use u where u.file_id = f.id and u.living and (
        u.subject_kind = 'application'
          and exists (select 1 from application a where a.id = u.subject_id and a.applicant_id = f.person_id)
        or u.subject_kind = 'household'
          and exists (select 1 from household h where h.id = u.subject_id and h.person_id = f.person_id)
        or u.subject_kind = 'supplement'
          and exists (select 1 from supplement s where s.id = u.subject_id and s.applicant_id = f.person_id)))
    """,
    ("worker_id", "ids"),
    {},
)
_ALL_OWN = statement(
    select(F.c.id, F.c.sha256, F.c.media_type, F.c.size, F.c.state, F.c.purpose, F.c.created_at)
    .where(F.c.person_id == bindparam("person_id"))
    .order_by(F.c.id)
)
_USES = statement(select(U.c.subject_kind, U.c.subject_id).where(U.c.file_id == bindparam("id"), U.c.living))
NAMED = exists().where(U.c.file_id == F.c.id, U.c.living)
_HOW_MANY_LOOSE = statement(select(func.count()).select_from(F).where(F.c.person_id == bindparam("person_id"), ~NAMED))
_LOOSE = statement(
    select(F.c.id).where(F.c.created_at < bindparam("before"), ~NAMED).order_by(F.c.created_at).limit(bindparam("size"))
)
_REJECTED = statement(select(F.c.id).where(F.c.id == any_(_IDS), F.c.state == literal_column("'rejected'")))
_KNOWN = statement(select(F.c.id).where(F.c.id == any_(_IDS)))
MESSAGES: Final[Mapping[str, str]] = {
    "file_unknown": "没有找到这份材料，请重新上传。",
    "file_rejected": "这份材料没有通过安全检查，请重新上传。",
}
"""The codes with which a form that names files is refused."""


_NAMED_BY = statement(
    select(U.c.subject_id, U.c.file_id)
    .where(
        U.c.subject_kind == bindparam("kind"),
        U.c.subject_id == any_(bindparam("subjects", type_=ARRAY(U.c.subject_id.type))),
        U.c.living,
    )
    .order_by(U.c.file_id)
)


class FileNotFound(NotFound):
    """没有找到这份材料。"""


async def own(transaction: Transaction, person_id: UUID, file_id: UUID) -> Record | None:
    """A file of the person's own."""
    return await transaction.row(_OWN, id=file_id, person_id=person_id)


async def all_own(transaction: Transaction, person_id: UUID) -> list[Record]:
    """What a person has uploaded, without the contents."""
    return await transaction.rows(_ALL_OWN, person_id=person_id)


async def by_id(transaction: Transaction, file_id: UUID) -> Record | None:
    """Any file, for the jobs; the wall of the database lets staff see only what a case in their reach names."""
    return await transaction.row(_ONE, id=file_id)


async def check_signature(transaction: Transaction, person_id: UUID, file_id: UUID, *beside: UUID) -> frozenset[UUID]:
    """The picture of a signature, of the person's own: one stands for one paper, and none of those `beside` it.

    Raises Invalid.
    """
    at = {"signature_file_id": str(file_id)}
    found = await check_named(transaction, person_id, at)
    if file_id in beside or await uses(transaction, file_id):
        raise Invalid(FieldError("/signature_file_id", "signature_used", "这张照片已用于别的材料，请重新拍照上传。"))
    return frozenset(found)


async def uses(transaction: Transaction, file_id: UUID) -> list[Record]:
    """What names a file: `subject_kind`, `subject_id`."""
    return await transaction.rows(_USES, id=file_id)


async def named_by(transaction: Transaction, kind: str, subjects: list[UUID]) -> dict[UUID, list[UUID]]:
    """The files that these documents of one kind name."""
    found: dict[UUID, list[UUID]] = {}
    for row in await transaction.rows(_NAMED_BY, kind=kind, subjects=subjects):
        found.setdefault(row["subject_id"], []).append(row["file_id"])
    return found


async def own_clean(transaction: Transaction, person_id: UUID, ids: Iterable[UUID]) -> frozenset[UUID]:
    """Which of these files are the person's own and clean."""
    return frozenset(i for i, state in (await states(transaction, person_id, ids)).items() if state == "clean")


async def states(transaction: Transaction, person_id: UUID, ids: Iterable[UUID]) -> dict[UUID, str]:
    """The states of those of these files that are the person's own."""
    return {file_id: row["state"] for file_id, row in (await own_of(transaction, person_id, ids)).items()}


async def own_of(transaction: Transaction, person_id: UUID, ids: Iterable[UUID]) -> dict[UUID, Record]:
    """Those of these files that are the person's own, with `state` and `sha256`."""
    wanted = list(ids)
    if not wanted:
        return {}
    return {row["id"]: row for row in await transaction.rows(_STATES, person_id=person_id, ids=wanted)}


async def rejected(transaction: Transaction, ids: Iterable[UUID]) -> frozenset[UUID]:
    """Those of these files that the scanner refused, whoever uploaded them."""
    return frozenset(row["id"] for row in await transaction.rows(_REJECTED, ids=list(ids)))


def named_in(form: Any, at: str = "") -> Iterator[tuple[str, UUID]]:
    """Every file id that a form (as plain JSON) names, with its JSON pointer."""
    if isinstance(form, Mapping):
        for key, value in form.items():
            if key in ("file_id", "signature_file_id") and isinstance(value, str):
                yield f"{at}/{key}", UUID(value)
            elif key == "file_ids" and isinstance(value, list):
                yield from ((f"{at}/{key}/{n}", UUID(str(each))) for n, each in enumerate(value))
            else:
                yield from named_in(value, f"{at}/{key}")
    elif isinstance(form, list):
        for n, each in enumerate(form):
            yield from named_in(each, f"{at}/{n}")


async def check_named(
    transaction: Transaction, person_id: UUID, form: Any, at: str = "", *, worker_id: UUID | None = None
) -> frozenset[UUID]:
    """The files that a form names: the person's own, or what the worker for whom they fill it in has handed in already
    for a case or file that they see; and none rejected. Raises Invalid, at their pointers."""
    named = list(named_in(form, at))
    ids = [file_id for _, file_id in named]
    known = await states(transaction, person_id, ids)
    if worker_id is not None and set(ids) - known.keys():
        handed_in = await transaction.rows(_HANDED_IN, worker_id=worker_id, ids=ids)
        known |= {row["id"]: row["state"] for row in handed_in}
    wrong = [(pointer, "file_unknown") for pointer, file_id in named if file_id not in known]
    wrong += [(pointer, "file_rejected") for pointer, file_id in named if known.get(file_id) == "rejected"]
    if wrong:
        raise Invalid(*(FieldError(pointer, code, MESSAGES[code]) for pointer, code in wrong))
    return frozenset(file_id for _, file_id in named)


async def how_many_loose(transaction: Transaction, person_id: UUID) -> int:
    """How many files a person has uploaded that no form names."""
    count: int = await transaction.value(_HOW_MANY_LOOSE, person_id=person_id)
    return count


async def loose(transaction: Transaction, before: datetime, size: int) -> list[UUID]:
    """Files that are older and that no form names, oldest first."""
    return [row["id"] for row in await transaction.rows(_LOOSE, before=before, size=size)]


async def known(transaction: Transaction, ids: list[UUID]) -> frozenset[UUID]:
    """Which of these have a row."""
    return frozenset(row["id"] for row in await transaction.rows(_KNOWN, ids=ids))
