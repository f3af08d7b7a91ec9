"""Keeping uploaded files, naming them in forms, and letting go of those that nobody names."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import any_, bindparam, delete, literal_column, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from app.audit.commands import record
from app.db.statements import insertion, statement
from app.db.work import Work
from app.files.events import FileKept
from app.files.queries import NAMED, F, U, check_named, how_many_loose
from app.kernel.errors import Conflict
from app.messaging.outbox import emit

MAX_LOOSE: Final = 100
"""So many files may a person have that no form names."""
LOOSE_KEPT: Final = timedelta(days=30)
_INSERT = insertion(F, *"id created_at person_id sha256 media_type size state purpose".split())
_USE = statement(
    text(
        """
        with gone as (
          update file_use set living = false
          where subject_kind = :kind and subject_id = :subject_id and living and not file_id = any(:ids)
        )
        insert into file_use (file_id, subject_kind, subject_id, living)
        select named, :kind, :subject_id, true from unnest(:ids) as named
        on conflict (file_id, subject_kind, subject_id) do update set living = true
        """
    ).bindparams(bindparam("ids", type_=ARRAY(F.c.id.type)))
)
_SCANNED = statement(
    update(F)
    .where(F.c.id == bindparam("row_id"), F.c.state == literal_column("'pending'"))
    .values(state=bindparam("found"))
)
_FORGET_USES = statement(delete(U).where(U.c.file_id == any_(bindparam("ids", type_=ARRAY(F.c.id.type))), ~U.c.living))
_REMOVE = statement(
    delete(F).where(F.c.id == any_(bindparam("ids", type_=ARRAY(F.c.id.type))), ~NAMED).returning(F.c.id)
)


class TooManyFiles(Conflict):
    """您上传的材料太多了，请先把已上传的材料用到申请中。"""


class FileGone(Conflict):
    """有一份材料太久没有用到，已被清除，请重新上传。"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file whose clean copy lies in the store."""

    id: UUID
    sha256: bytes
    media_type: str
    size: int
    purpose: str


async def keep(work: Work, person_id: UUID, file: Kept, *, scanned: bool) -> str:
    """Write down an upload; answers its state. It waits for the scanner where there is one (`scanned`).

    Raises TooManyFiles.
    """
    if await how_many_loose(work.transaction, person_id) >= MAX_LOOSE:
        raise TooManyFiles
    state = "pending" if scanned else "clean"
    await work.transaction.run(
        _INSERT,
        id=file.id,
        created_at=work.now,
        person_id=person_id,
        sha256=file.sha256,
        media_type=file.media_type,
        size=file.size,
        state=state,
        purpose=file.purpose,
    )
    if scanned:
        await emit(work, FileKept(file.id))
    return state


async def name(work: Work, kind: str, subject_id: UUID, ids: Iterable[UUID]) -> None:
    """A form, or other document, now names exactly these files (`check_named` has looked at them). Raises FileGone."""
    try:
        await work.transaction.run(_USE, kind=kind, subject_id=subject_id, ids=list(ids))
    except asyncpg.ForeignKeyViolationError as gone:
        raise FileGone from gone


async def attach(work: Work, person_id: UUID, kind: str, subject_id: UUID, said: Any, at: str = "") -> None:
    """What a person said (plain JSON, at this pointer) names files of their own. Raises Invalid, FileGone."""
    await name(work, kind, subject_id, await check_named(work.transaction, person_id, said, at))


async def scanned(work: Work, file_id: UUID, *, clean: bool) -> None:
    """What the scanner says of a file that waits for it; nothing happens the second time."""
    await work.transaction.run(_SCANNED, row_id=file_id, found="clean" if clean else "rejected")


async def read(work: Work, person_id: UUID, file_id: UUID, about: UUID) -> None:
    """Record that somebody read a file; `about`: whose own it is, or whom the document that names it is about."""
    await record(
        work,
        person_id=person_id,
        action="file.read",
        subject_kind="file",
        subject_id=file_id,
        subject_person_id=about,
    )


async def forget(work: Work, ids: list[UUID]) -> list[UUID]:
    """Delete the rows of those of these files that still no form names; answers which."""
    await work.transaction.run(_FORGET_USES, ids=ids)
    return [row["id"] for row in await work.transaction.rows(_REMOVE, ids=ids)]
