"""Asking for imports and exports, and writing down how they go. A dry run that is begun again begins from nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, delete, literal_column, update

from app.audit.commands import record
from app.bulk.events import ExportAsked, ImportAsked, ImportConfirmed
from app.bulk.queries import B, E, R, U, X, uploaded_before
from app.bulk.rules import Wrong
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import Conflict, NotAllowed
from app.kernel.ids import new_id
from app.messaging.outbox import emit

ROW, REASON = "bulk_row.content", "bulk_export.reason"
EXPORT_KEPT: Final = timedelta(hours=24)
RESUMABLE: Final = ("checked", "committed")
_TIERS = ("city_id", "district_id", "street_id", "unit_id")
_INSERT = insertion(
    B,
    *"id created_at asked_by post_role organisation_id organisation_name state content_id".split(),
    *_TIERS, *"percent good bad committed lines errors".split(),
)  # fmt: skip
_UPLOAD = insertion(U, *"id created_at import_id organisation_id sha256".split())
_ROW = insertion(R, *"id created_at import_id line head_index content state".split())
_ERROR = insertion(E, *"id created_at import_id line column_title code message".split())
_ID = B.c.id == bindparam("row_id")


def _in(*states: str) -> Any:
    return B.c.state.in_([literal_column(f"'{state}'") for state in states])


_AGAIN = statement(
    update(B)
    .where(_ID, _in(*RESUMABLE))
    .values(
        state=literal_column("'queued'"), percent=literal_column("0"), content_id=bindparam("content"),
        dry_run=literal_column("null"), ended_at=literal_column("null"),
    )
)  # fmt: skip
_BEGIN = statement(
    update(B)
    .where(_ID, _in("queued", "checking"))
    .values(
        state=literal_column("'checking'"), percent=literal_column("0"), run_id=bindparam("run", type_=B.c.run_id.type)
    )
    .returning(B.c.id)
)
_FORGET_ROWS = statement(delete(R).where(R.c.import_id == bindparam("row_id"), R.c.state != "committed"))
_FORGET_ERRORS = statement(delete(E).where(E.c.import_id == bindparam("row_id")))
_RUNNING = statement(
    update(B)
    .where(_ID, B.c.run_id == bindparam("run"), _in("checking"))
    .values(percent=bindparam("reached"))
    .returning(B.c.id)
)
_ADVANCE = statement(update(B).where(_ID).values(percent=bindparam("reached")))
_CHECKED = statement(
    update(B)
    .where(_ID, B.c.run_id == bindparam("run"), _in("checking"))
    .values(
        state=literal_column("'checked'"), percent=literal_column("100"),
        **{name: bindparam(f"new_{name}", type_=B.c[name].type)
           for name in "good bad lines errors dry_run errors_id ended_at".split()},
    )
)  # fmt: skip
_CONFIRM = statement(
    update(B).where(_ID, _in("checked")).values(state=literal_column("'committing'"), percent=literal_column("0"))
)
_REQUEUE = statement(
    update(B).where(_ID, _in("committing")).values(state=literal_column("'queued'"), percent=literal_column("0"))
)
_COMMITTED = statement(
    update(B)
    .where(_ID, _in("committing"))
    .values(
        state=literal_column("'committed'"),
        percent=literal_column("100"),
        committed=B.c.committed + bindparam("count"),
        good=literal_column("0"),
        ended_at=bindparam("now", type_=B.c.ended_at.type),
    )
)
_ROW_COMMITTED = statement(
    update(R)
    .where(R.c.id == bindparam("row_id"))
    .values(
        state=literal_column("'committed'"),
        filing_id=bindparam("filing", type_=R.c.filing_id.type),
        content=literal_column("null"),
    )
)
_FAIL = statement(
    update(B)
    .where(_ID, B.c.run_id == bindparam("run"), _in("checking"))
    .values(
        state=literal_column("'failed'"),
        failure=bindparam("why"),
        ended_at=bindparam("now", type_=B.c.ended_at.type),
    )
)
_FORGET_UPLOADS = statement(delete(U).where(U.c.import_id == bindparam("row_id")))
_EXPORT = insertion(X, *"id created_at person_id reason wanted state percent".split())
_EXPORT_DONE = statement(
    update(X)
    .where(X.c.id == bindparam("row_id"), X.c.state == literal_column("'queued'"))
    .values(
        state=literal_column("'done'"), percent=literal_column("100"), rows=bindparam("count", type_=X.c.rows.type),
        expires_at=bindparam("until", type_=X.c.expires_at.type),
    )
)  # fmt: skip
_EXPORT_ADVANCE = statement(update(X).where(X.c.id == bindparam("row_id")).values(percent=bindparam("reached")))
_EXPORT_FAIL = statement(
    update(X)
    .where(X.c.id == bindparam("row_id"), X.c.state == literal_column("'queued'"))
    .values(state=literal_column("'failed'"), failure=bindparam("why"))
)
_EXPORT_FORGET = statement(delete(X).where(X.c.id == bindparam("row_id")))


class ImportedBefore(Conflict):
    """这个工会已经导入过同一个文件，请不要重复上传。"""


class ImportNotReady(Conflict):
    """这次导入正在处理或已经结束，现在不能这样办理。"""


class DryRunChanged(Conflict):
    """试算结果已经变化，请重新查看后再提交。"""


class ImportHasErrors(Conflict):
    """还有不能导入的户。请改正后重新上传，或者只提交没有错误的户。"""


class NothingToCommit(Conflict):
    """没有可以提交的户。"""


class Overtaken(Exception):
    """Another dry run of the same import has begun."""


class UnionOutOfReach(NotAllowed):
    """您不能为这个工会导入档案。"""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A workbook that lies in the store."""

    content_id: UUID
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """A dry run of an import. The same import tried by two workers is tried by the later one."""

    import_id: UUID
    id: UUID


@dataclass(frozen=True, slots=True)
class Staged:
    """A household as the dry run left it."""

    line: int
    head_index: bytes | None
    content: Mapping[str, Any] | None
    good: bool


async def ask(work: Work, actor: Actor, union: Record, uploaded: Uploaded) -> UUID:
    """Have a workbook tried under a union; answers the import. Raises UnionOutOfReach, ImportedBefore."""
    post = post_over(actor, Permission.ACCEPT_CASE, union)
    if post is None:
        raise UnionOutOfReach
    return await begin_import(work, actor.person_id, post, union, uploaded)


async def begin_import(
    work: Work, person_id: UUID, post: Post, union: Record, uploaded: Uploaded, *, announced: bool = True
) -> UUID:
    """The same for somebody whose post was looked up already; not `announced`: the caller runs it. Raises
    ImportedBefore."""
    import_id = new_id()
    await work.transaction.run(
        _INSERT,
        id=import_id,
        created_at=work.now,
        asked_by=person_id,
        post_role=post.role.value,
        organisation_id=union["id"],
        organisation_name=union["name"],
        state="queued",
        content_id=uploaded.content_id,
        **{tier: union[tier] for tier in _TIERS},
        **dict.fromkeys("percent good bad committed lines errors".split(), 0),
    )
    await _upload(work, import_id, union["id"], uploaded, person_id)
    if announced:
        await emit(work, ImportAsked(import_id))
    return import_id


async def resume(work: Work, row: Record, person_id: UUID, uploaded: Uploaded) -> None:
    """Try a corrected workbook in the same import. What was committed stays. Raises ImportNotReady, ImportedBefore."""
    if not await work.transaction.run(_AGAIN, row_id=row["id"], content=uploaded.content_id):
        raise ImportNotReady
    await _upload(work, row["id"], row["organisation_id"], uploaded, person_id)
    await emit(work, ImportAsked(row["id"]))


async def _upload(work: Work, import_id: UUID, union_id: UUID, uploaded: Uploaded, person_id: UUID) -> None:
    before = await uploaded_before(work.transaction, union_id, uploaded.sha256)
    if before is not None:
        raise ImportedBefore(import_id=str(before))
    try:
        await work.transaction.run(
            _UPLOAD, id=new_id(), created_at=work.now, import_id=import_id, organisation_id=union_id,
            sha256=uploaded.sha256,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as taken:
        raise ImportedBefore from taken
    await _audit(work, person_id, "import.uploaded", import_id, sha256=uploaded.sha256.hex())


async def confirm(
    work: Work, row: Record, person_id: UUID, dry_run: bytes, *, valid_only: bool, announced: bool = True
) -> None:
    """Have what a dry run found good committed, all or nothing; not `announced`: the caller runs it.

    Raises ImportNotReady, DryRunChanged, ImportHasErrors, NothingToCommit.
    """
    if row["state"] != "checked":
        raise ImportNotReady
    if row["dry_run"] != dry_run:
        raise DryRunChanged
    if row["bad"] and not valid_only:
        raise ImportHasErrors(bad=row["bad"])
    if not row["good"]:
        raise NothingToCommit
    if not await work.transaction.run(_CONFIRM, row_id=row["id"]):
        raise ImportNotReady
    await _audit(work, person_id, "import.confirmed", row["id"], dry_run=dry_run.hex())
    if announced:
        await emit(work, ImportConfirmed(row["id"]))


# ---- the jobs ----


async def begin(work: Work, import_id: UUID) -> Run | None:
    """A dry run, from nothing but what was committed; None when it is not due."""
    run = Run(import_id, new_id())
    if await work.transaction.value(_BEGIN, row_id=import_id, run=run.id) is None:
        return None
    await work.transaction.run(_FORGET_ROWS, row_id=import_id)
    await work.transaction.run(_FORGET_ERRORS, row_id=import_id)
    return run


async def stage(work: Work, run: Run, staged: Iterable[Staged], wrong: Iterable[Wrong], percent: int) -> None:
    """Keep a piece of a dry run. Raises Overtaken."""
    import_id = run.import_id
    if await work.transaction.value(_RUNNING, row_id=import_id, run=run.id, reached=percent) is None:
        raise Overtaken
    rows = []
    for each in staged:
        row_id = new_id()
        content = work.keyring.seal_document(ROW, row_id, each.content) if each.content is not None else None
        rows.append(
            {
                "id": row_id,
                "created_at": work.now,
                "import_id": import_id,
                "line": each.line,
                "head_index": each.head_index,
                "content": content,
                "state": "good" if each.good else "bad",
            }
        )
    await work.transaction.many(_ROW, rows)
    errors = [
        {"id": new_id(), "created_at": work.now, "import_id": import_id, "line": each.line,
         "column_title": each.column, "code": each.code, "message": each.message}
        for each in wrong
    ]  # fmt: skip
    await work.transaction.many(_ERROR, errors)


async def advance(work: Work, import_id: UUID, percent: int) -> None:
    """How far a commit is; in a transaction of its own."""
    await work.transaction.run(_ADVANCE, row_id=import_id, reached=percent)


async def checked(work: Work, run: Run, counts: Mapping[str, int], dry_run: bytes, errors_id: UUID | None) -> None:
    """The dry run is over; `counts`: good, bad, lines, errors. Nothing happens when it was overtaken."""
    new = {f"new_{name}": count for name, count in counts.items()}
    await work.transaction.run(
        _CHECKED,
        row_id=run.import_id,
        run=run.id,
        **new,
        new_dry_run=dry_run,
        new_errors_id=errors_id,
        new_ended_at=work.now,
    )


async def commit_rows(work: Work, filed: Sequence[tuple[UUID, UUID]]) -> None:
    """These rows (row, filing) are files now."""
    await work.transaction.many(_ROW_COMMITTED, [{"row_id": row, "filing": filing} for row, filing in filed])


async def committed(work: Work, row: Record, count: int) -> None:
    """All of them are, in this very transaction."""
    await work.transaction.run(_COMMITTED, row_id=row["id"], count=count, now=work.now)
    await _audit(work, row["asked_by"], "import.committed", row["id"], households=str(count))


async def requeue(work: Work, import_id: UUID) -> None:
    """Something has changed since the dry run, and nothing was committed: it is tried again."""
    if await work.transaction.run(_REQUEUE, row_id=import_id):
        await emit(work, ImportAsked(import_id))


async def fail(work: Work, run: Run, why: str) -> None:
    """The workbook cannot be used; it may be uploaded again. Nothing happens when the dry run was overtaken."""
    import_id = run.import_id
    if await work.transaction.run(_FAIL, row_id=import_id, run=run.id, why=why, now=work.now):
        await work.transaction.run(_FORGET_ROWS, row_id=import_id)
        await work.transaction.run(_FORGET_ERRORS, row_id=import_id)
        await work.transaction.run(_FORGET_UPLOADS, row_id=import_id)


async def ask_export(work: Work, person_id: UUID, reason: str, wanted: Mapping[str, Any]) -> UUID:
    """Have a list made; answers the export."""
    export_id = new_id()
    await work.transaction.run(
        _EXPORT,
        id=export_id,
        created_at=work.now,
        person_id=person_id,
        reason=work.keyring.seal_text(REASON, export_id, reason),
        wanted=dict(wanted),
        state="queued",
        percent=0,
    )
    await _audit(work, person_id, "export.asked", export_id)
    await emit(work, ExportAsked(export_id))
    return export_id


async def advance_export(work: Work, export_id: UUID, percent: int) -> None:
    await work.transaction.run(_EXPORT_ADVANCE, row_id=export_id, reached=percent)


async def exported(work: Work, row: Record, count: int) -> None:
    """The list lies in the store, for a day."""
    await work.transaction.run(_EXPORT_DONE, row_id=row["id"], count=count, until=work.now + EXPORT_KEPT)
    await _audit(work, row["person_id"], "export.made", row["id"], rows=str(count))


async def fail_export(work: Work, export_id: UUID, why: str) -> None:
    await work.transaction.run(_EXPORT_FAIL, row_id=export_id, why=why)


async def forget_export(work: Work, export_id: UUID) -> None:
    await work.transaction.run(_EXPORT_FORGET, row_id=export_id)


async def downloaded(work: Work, person_id: UUID, row: Record) -> None:
    """Record that somebody took an export."""
    await _audit(work, person_id, "export.downloaded", row["id"], rows=str(row["rows"]))


async def _audit(work: Work, person_id: UUID, action: str, subject_id: UUID, **details: str) -> None:
    kind = action.partition(".")[0]
    await record(
        work, person_id=person_id, action=action, subject_kind=kind, subject_id=subject_id, subject_person_id=None,
        **details,
    )  # fmt: skip
