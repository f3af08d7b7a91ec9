"""Asking for imports and exports, and confirming what a dry run has found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, update

from app.audit.commands import record
from app.bulk.events import ExportAsked, ImportAsked, ImportConfirmed
from app.bulk.queries import B, U, X, tallies, uploaded_before
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed
from app.kernel.ids import new_id
from app.messaging.outbox import emit

ROW, REASON, WHY = "bulk_row.content", "bulk_export.reason", "bulk_import.reason"
RESUMABLE: Final = ("checked", "committed")
_TIERS = ("city_id", "district_id", "street_id", "unit_id")
_INSERT = insertion(
    B,
    *"id created_at asked_by post_role organisation_id organisation_name state content_id".split(),
    *_TIERS, *"percent good bad committed updates unchanged lines errors".split(),
)  # fmt: skip
_UPLOAD = insertion(U, *"id created_at import_id organisation_id sha256".split())
_ID = B.c.id == bindparam("row_id")


def in_states(*states: str) -> Any:
    """The imports in one of these states."""
    return B.c.state.in_([literal_column(f"'{state}'") for state in states])


_AGAIN = statement(
    update(B)
    .where(_ID, in_states(*RESUMABLE))
    .values(
        state=literal_column("'queued'"), percent=literal_column("0"), content_id=bindparam("content"),
        dry_run=literal_column("null"), ended_at=literal_column("null"),
    )
)  # fmt: skip
_CONFIRM = statement(
    update(B)
    .where(_ID, in_states("checked"))
    .values(
        state=literal_column("'committing'"), percent=literal_column("0"),
        chosen=bindparam("units", type_=B.c.chosen.type), reason=bindparam("why", type_=B.c.reason.type),
    )
)  # fmt: skip
_EXPORT = insertion(X, *"id created_at person_id reason wanted state percent".split())


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


class UnionOutOfReach(NotAllowed):
    """您不能为这个工会导入档案。"""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A workbook that lies in the store."""

    content_id: UUID
    sha256: bytes


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
        **dict.fromkeys("percent good bad committed updates unchanged lines errors".split(), 0),
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
    await audit(work, person_id, "import.uploaded", import_id, sha256=uploaded.sha256.hex())


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What somebody confirms: exactly this dry run, of these unions (None: all), with or without those in which
    something is wrong; and why files are changed."""

    dry_run: bytes
    valid_only: bool
    organisation_ids: frozenset[UUID] | None = None
    reason: str | None = None


async def confirm(work: Work, row: Record, person_id: UUID, given: Confirmed, *, announced: bool = True) -> None:
    """Have what a dry run found good committed, for each union all or nothing; not `announced`: the caller runs it.

    Raises ImportNotReady, DryRunChanged, ImportHasErrors, NothingToCommit, Invalid.
    """
    if row["state"] != "checked":
        raise ImportNotReady
    if row["dry_run"] != given.dry_run:
        raise DryRunChanged
    chosen = given.organisation_ids
    units = [unit for unit in await tallies(work.transaction, row["id"]) if chosen is None or unit["id"] in chosen]
    if (bad := sum(unit["bad"] for unit in units)) and not given.valid_only:
        raise ImportHasErrors(bad=bad)
    if not any(unit["good"] for unit in units):
        raise NothingToCommit
    if not given.reason and any(unit["updates"] for unit in units):
        raise Invalid(FieldError("/reason", "reason_required", "有更新已有档案的，请填写更新的理由。"))
    why = work.keyring.seal_text(WHY, row["id"], given.reason) if given.reason else None
    units_chosen = None if chosen is None else sorted(chosen)
    if not await work.transaction.run(_CONFIRM, row_id=row["id"], units=units_chosen, why=why):
        raise ImportNotReady
    await audit(work, person_id, "import.confirmed", row["id"], dry_run=given.dry_run.hex())
    if announced:
        await emit(work, ImportConfirmed(row["id"]))


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
    await audit(work, person_id, "export.asked", export_id)
    await emit(work, ExportAsked(export_id))
    return export_id


async def looked_at(work: Work, person_id: UUID, import_id: UUID, files: int) -> None:
    """Record that somebody was shown what an import would change."""
    await audit(work, person_id, "import.changes_read", import_id, files=str(files))


async def downloaded(work: Work, person_id: UUID, row: Record) -> None:
    """Record that somebody took an export."""
    await audit(work, person_id, "export.downloaded", row["id"], rows=str(row["rows"]))


async def audit(work: Work, person_id: UUID, action: str, subject_id: UUID, **details: str) -> None:
    """Record what was done to an import or an export."""
    kind = action.partition(".")[0]
    await record(
        work, person_id=person_id, action=action, subject_kind=kind, subject_id=subject_id, subject_person_id=None,
        **details,
    )  # fmt: skip
