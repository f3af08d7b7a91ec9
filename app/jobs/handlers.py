"""What happens next: each fact and what is done about it. Every handler is safe to run twice."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from app.applications.commands import take_as_system
from app.applications.events import ApplicationMoved
from app.applications.path import Action, State
from app.applications.queries import by_id_locked
from app.bulk.events import ExportAsked, ImportAsked, ImportConfirmed
from app.db.transaction import Record
from app.db.work import Work
from app.files.events import FileKept
from app.jobs import exports, files, imports, rehearsals
from app.jobs.running import Jobs
from app.notices import commands as notices
from app.notices.commands import Published
from app.rehearsals.events import RehearsalAsked
from app.settings import settings

Handler = Callable[[Work, dict[str, str]], Awaitable[None]]
LongHandler = Callable[[Jobs, dict[str, str]], Awaitable[None]]


async def open_notice(work: Work, fact: dict[str, str]) -> None:
    """An application that reached the public notice is shown to the public."""
    if fact["to_state"] != State.PUBLIC_NOTICE:
        return
    row = await by_id_locked(work.transaction, UUID(fact["application_id"]))
    if row is None or row["state"] != State.PUBLIC_NOTICE:
        return
    shown = Published(
        application_id=row["id"],
        round=row["round"],
        number=row["number"],
        kind=row["kind"],
        name_masked=row["applicant_masked"],
        organisation_name=row["organisation_name"],
        amount_fen=row["amount_fen"],
    )
    await notices.publish(work, shown, seconds=settings().public_notice_seconds)


async def run_rehearsal(jobs: Jobs, fact: dict[str, str]) -> None:
    """A policy version is rehearsed on the files that live now."""
    await rehearsals.run(jobs, UUID(fact["rehearsal_id"]))


async def scan_file(jobs: Jobs, fact: dict[str, str]) -> None:
    """A file that waits for the virus scanner is looked at; as long as the scanner is away it waits on."""
    await files.scan(jobs, UUID(fact["file_id"]), settings().files_scanner)


async def check_import(jobs: Jobs, fact: dict[str, str]) -> None:
    """An uploaded workbook of household files gets its dry run."""
    await imports.check(jobs, UUID(fact["import_id"]))


async def commit_import(jobs: Jobs, fact: dict[str, str]) -> None:
    """A dry run that was confirmed becomes filings."""
    await imports.carry_out(jobs, UUID(fact["import_id"]))


async def make_export(jobs: Jobs, fact: dict[str, str]) -> None:
    """A list that was asked for is written."""
    await exports.make(jobs, UUID(fact["export_id"]))


HANDLERS: dict[str, Handler] = {ApplicationMoved.__name__: open_notice}
LONG_HANDLERS: dict[str, LongHandler] = {
    RehearsalAsked.__name__: run_rehearsal,
    FileKept.__name__: scan_file,
    ImportAsked.__name__: check_import,
    ImportConfirmed.__name__: commit_import,
    ExportAsked.__name__: make_export,
}
"""What takes longer than one transaction may."""
FACTS = frozenset({*HANDLERS, *LONG_HANDLERS})
"""The facts that somebody handles."""


async def end_notice(work: Work, notice: Record) -> None:
    """A notice whose time is over comes down, and its application is approved; nothing happens the second time."""
    row = await by_id_locked(work.transaction, notice["application_id"])
    if not await notices.close(work, notice["id"]):
        return
    if row is not None and row["state"] == State.PUBLIC_NOTICE and row["round"] == notice["round"]:
        await take_as_system(work, row, Action.END_NOTICE)
