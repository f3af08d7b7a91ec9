"""Writing down how imports and exports go, for the jobs that run them. A dry run that is begun again begins from
nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import bindparam, delete, literal_column, text, update

from app.bulk.commands import ROW, audit, in_states
from app.bulk.events import ImportAsked
from app.bulk.queries import B, E, R, U, X
from app.bulk.rules import Wrong
from app.db.statements import Statement, insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.ids import new_id
from app.messaging.outbox import emit

EXPORT_KEPT: Final = timedelta(hours=24)
_ID = B.c.id == bindparam("row_id")
_ROW = insertion(R, *"id created_at import_id line head_index content state organisation_id kind household_id".split())
_ERROR = insertion(E, *"id created_at import_id line column_title code message".split())
_BEGIN = statement(
    update(B)
    .where(_ID, in_states("queued", "checking"))
    .values(
        state=literal_column("'checking'"), percent=literal_column("0"), run_id=bindparam("run", type_=B.c.run_id.type)
    )
    .returning(B.c.id)
)
_FORGET_ROWS = statement(delete(R).where(R.c.import_id == bindparam("row_id"), R.c.state != "committed"))
_FORGET_ERRORS = statement(delete(E).where(E.c.import_id == bindparam("row_id")))
_RUNNING = statement(
    update(B)
    .where(_ID, B.c.run_id == bindparam("run"), in_states("checking"))
    .values(percent=bindparam("reached"))
    .returning(B.c.id)
)
_ADVANCE = statement(update(B).where(_ID).values(percent=bindparam("reached")))
_CHECKED = statement(
    update(B)
    .where(_ID, B.c.run_id == bindparam("run"), in_states("checking"))
    .values(
        state=literal_column("'checked'"), percent=literal_column("100"),
        **{name: bindparam(f"new_{name}", type_=B.c[name].type)
           for name in "good bad updates unchanged lines errors dry_run errors_id ended_at".split()},
    )
)  # fmt: skip
_SETTLED = statement(
    text(
        """
        update bulk_import b set percent = 100, chosen = null, committed = r.committed, good = r.good,
          updates = r.updates, ended_at = cast(:now as timestamptz),
          state = case when cast(:again as boolean) then 'queued' when r.good > 0 then 'checked' else 'committed' end
        from (select count(*) filter (where state = 'committed') as committed,
                count(*) filter (where state = 'good') as good,
                count(*) filter (where state = 'good' and kind = 'update') as updates
              from bulk_row where import_id = :row_id) r
        where b.id = :row_id and b.state = 'committing'
        """
    )
)
_ALONE = Statement("select pg_try_advisory_xact_lock($1)", ("key",), {})
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
    .where(_ID, B.c.run_id == bindparam("run"), in_states("checking"))
    .values(
        state=literal_column("'failed'"),
        failure=bindparam("why"),
        ended_at=bindparam("now", type_=B.c.ended_at.type),
    )
)
_FORGET_UPLOADS = statement(delete(U).where(U.c.import_id == bindparam("row_id")))
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


class Overtaken(Exception):
    """Another dry run of the same import has begun."""


@dataclass(frozen=True, slots=True)
class Run:
    """A dry run of an import. The same import tried by two workers is tried by the later one."""

    import_id: UUID
    id: UUID


@dataclass(frozen=True, slots=True)
class Staged:
    """A household as the dry run left it: its form for a filing, or what changes in its file."""

    line: int
    organisation_id: UUID
    state: Literal["good", "bad", "unchanged"]
    kind: Literal["filing", "update"] = "filing"
    head_index: bytes | None = None
    content: Mapping[str, Any] | None = None
    household_id: UUID | None = None


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
                "state": each.state,
                "organisation_id": each.organisation_id,
                "kind": each.kind,
                "household_id": each.household_id,
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
    """The dry run is over; `counts`: good, bad, updates, unchanged, lines, errors. Nothing happens when it was
    overtaken."""
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


async def alone(work: Work, import_id: UUID) -> bool:
    """Whether nobody else is committing a part of this import, until the end of the transaction."""
    key = int.from_bytes(blake2b(b"import" + import_id.bytes, digest_size=8).digest(), "big", signed=True)
    free: bool = await work.transaction.value(_ALONE, key=key)
    return free


async def commit_rows(work: Work, filed: Sequence[tuple[UUID, UUID | None]]) -> None:
    """These rows (row, filing) are filings now, or changes of files."""
    await work.transaction.many(_ROW_COMMITTED, [{"row_id": row, "filing": filing} for row, filing in filed])


async def committed(work: Work, row: Record, organisation_id: UUID, count: int) -> None:
    """All the households of a union are, in this very transaction."""
    details = {"households": str(count), "organisation_id": str(organisation_id)}
    await audit(work, row["asked_by"], "import.committed", row["id"], **details)


async def settle(work: Work, import_id: UUID, *, again: bool) -> None:
    """The commit is over. `again`: something has changed since the dry run, and of some unions nothing was committed:
    it is tried again."""
    if await work.transaction.run(_SETTLED, row_id=import_id, now=work.now, again=again) and again:
        await emit(work, ImportAsked(import_id))


async def fail(work: Work, run: Run, why: str) -> None:
    """The workbook cannot be used; it may be uploaded again. Nothing happens when the dry run was overtaken."""
    import_id = run.import_id
    if await work.transaction.run(_FAIL, row_id=import_id, run=run.id, why=why, now=work.now):
        await work.transaction.run(_FORGET_ROWS, row_id=import_id)
        await work.transaction.run(_FORGET_ERRORS, row_id=import_id)
        await work.transaction.run(_FORGET_UPLOADS, row_id=import_id)


async def advance_export(work: Work, export_id: UUID, percent: int) -> None:
    await work.transaction.run(_EXPORT_ADVANCE, row_id=export_id, reached=percent)


async def exported(work: Work, row: Record, count: int) -> None:
    """The list lies in the store, for a day."""
    await work.transaction.run(_EXPORT_DONE, row_id=row["id"], count=count, until=work.now + EXPORT_KEPT)
    await audit(work, row["person_id"], "export.made", row["id"], rows=str(count))


async def fail_export(work: Work, export_id: UUID, why: str) -> None:
    await work.transaction.run(_EXPORT_FAIL, row_id=export_id, why=why)


async def forget_export(work: Work, export_id: UUID) -> None:
    await work.transaction.run(_EXPORT_FORGET, row_id=export_id)
