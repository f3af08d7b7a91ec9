"""Running imports: the dry run, piece by piece and apart from each other, and the commit, all in one transaction."""

import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import structlog

from app.bulk import columns as c
from app.bulk import commands
from app.bulk.commands import ROW, Overtaken, Run, Staged
from app.bulk.queries import by_id, committed, good, living, some_errors
from app.bulk.rules import MAX_LINES, Household, Reader, places_in
from app.confined import running
from app.confined.running import MIB, Done, Limits
from app.db.transaction import Record
from app.db.work import Work
from app.files.store import SHEETS, FileStore
from app.jobs.running import Jobs
from app.kernel.errors import Unavailable
from app.kernel.ids import new_id
from app.organisations.queries import subtree
from app.proxy_filings.import_commands import ID_INDEX, Filled, open_many, waiting
from app.spreadsheets.annotating import annotate
from app.spreadsheets.precheck import Refused
from app.spreadsheets.reading import Chunk, read

BROKEN: Final = "import_broken"
PIECE: Final = 500
MAX_NOTED: Final = 50_000
_FIRST: Final = UUID(int=0)
_ANNOTATING = Limits(memory_bytes=1024 * MIB, cpu_seconds=60, seconds=90, file_bytes=512 * MIB)
log = structlog.get_logger("aid.imports")


class _Changed(Exception):
    """Somebody of the import has come into another file since its dry run."""


def sheets(files: FileStore) -> FileStore:
    return files.beside(SHEETS)


# ---- the dry run ----


@dataclass(slots=True)
class _Trial:
    """A dry run under way."""

    run: Run
    done: frozenset[bytes]
    """The heads of what was committed before."""
    unions: Mapping[str, Record]
    seen: set[bytes] = field(default_factory=set)
    hashed: Any = field(default_factory=hashlib.sha256)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("good", "bad", "lines", "errors"), 0))


async def check(jobs: Jobs, import_id: UUID) -> None:
    """One dry run, from nothing; twice is once. What breaks it fails the import by name.

    Raises Unavailable, to be tried again, when the database or the store is away.
    """
    async with jobs.work() as work:
        run = await commands.begin(work, import_id)
        if run is None:
            return
        row = await by_id(work.transaction, import_id)
        assert row is not None
        unions = {union["code"]: union for union in await subtree(work.transaction, row)}
        trial = _Trial(run, await committed(work.transaction, import_id), unions)
        today = work.today
    try:
        await _go_through(jobs, row, trial, today)
    except Unavailable:
        raise
    except Overtaken:
        log.info("import_overtaken", id=str(import_id))
    except Refused as refused:
        await _failed(jobs, trial.run, refused.code)
    except Exception as broken:
        log.error("import_failed", id=str(import_id), error=type(broken).__name__)
        await _failed(jobs, trial.run, BROKEN)


async def _go_through(jobs: Jobs, row: Record, trial: _Trial, today: date) -> None:
    content = await sheets(jobs.files).get(row["content_id"])
    if content is None:
        raise Refused("spreadsheet_unreadable")
    async with aclosing(_households(content, today)) as pieces:
        async for households, percent in pieces:
            async with jobs.work() as work:
                staged = await _judged(work, trial, households)
                wrong = [each for household in households for each in household.wrong]
                trial.counts["errors"] += len(wrong)
                await commands.stage(work, trial.run, staged, wrong, min(percent, 99))
    errors_id = await _annotated(jobs, trial.run.import_id, content) if trial.counts["errors"] else None
    async with jobs.work() as work:
        await commands.checked(work, trial.run, trial.counts, trial.hashed.digest(), errors_id)


async def _households(content: bytes, today: date) -> AsyncGenerator[tuple[list[Household], int]]:
    """The households of a workbook, some at a time, and how far they are. Raises Refused."""
    reader: Reader | None = None
    async with aclosing(read(content)) as chunks:
        async for chunk in chunks:
            lines = chunk.lines
            if reader is None:
                reader = _reader(chunk, today)
                lines = lines[1:]
            yield list(reader.take(lines)), 95 * chunk.lines[-1].number // chunk.total if chunk.lines else 0
    if reader is None:
        raise Refused("spreadsheet_empty")
    yield list(reader.rest()), 95


def _reader(chunk: Chunk, today: date) -> Reader:
    if chunk.total > MAX_LINES + 1:
        raise Refused("too_many_lines")
    places = places_in(chunk.lines[0]) if chunk.lines else None
    if places is None:
        raise Refused("columns_missing")
    return Reader(places, today)


async def _judged(work: Work, trial: _Trial, households: list[Household]) -> list[Staged]:
    """What the form alone cannot tell: who else has the same number, here or in a living file."""
    indexes = {
        number: work.keyring.blind_index(ID_INDEX, number) for household in households for _, number in household.people
    }
    elsewhere = await living(work.transaction, indexes.values())
    filed = await waiting(work.transaction, indexes.values())
    staged = []
    for household in households:
        head = indexes.get(household.head_number)
        if head in trial.done:
            household.wrong.clear()
            continue
        _refuse_twins(trial, household, indexes, elsewhere, filed)
        trial.counts["lines"] += len(household.lines)
        staged.append(_staged(trial, household, head))
    return staged


def _refuse_twins(
    trial: _Trial,
    household: Household,
    indexes: Mapping[str, bytes],
    elsewhere: frozenset[bytes],
    filed: frozenset[bytes],
) -> None:
    for line, number in household.people:
        index = indexes[number]
        if index in trial.seen:
            household.refuse(line, c.NUMBER, "member_repeated")
        elif index in elsewhere:
            household.refuse(line, c.NUMBER, "member_elsewhere")
        elif index in filed:
            household.refuse(line, c.NUMBER, "filing_open")
        trial.seen.add(index)
    if household.union_code and household.union_code not in trial.unions:
        household.refuse(household.lines[0], c.UNION, "union_unknown")


def _staged(trial: _Trial, household: Household, head: bytes | None) -> Staged:
    line = household.lines[0]
    if household.wrong or household.form is None:
        trial.counts["bad"] += 1
        return Staged(line, None, None, good=False)
    trial.counts["good"] += 1
    content = {"form": household.form, "phone": household.phone, "union": household.union_code}
    trial.hashed.update(orjson.dumps([line, content], option=orjson.OPT_SORT_KEYS))
    return Staged(line, head, content, good=True)


async def _annotated(jobs: Jobs, import_id: UUID, content: bytes) -> UUID | None:
    """The workbook with its column of errors, in the store; None when it cannot be made."""
    notes: dict[str, str] = {}
    async with jobs.work() as work:
        after = _FIRST
        while len(notes) < MAX_NOTED and (rows := await some_errors(work.transaction, import_id, after, PIECE)):
            for row in rows:
                line, said = str(row["line"]), f"{row['column_title']}：{row['message']}"
                notes[line] = notes[line] + said if line in notes else said
            after = rows[-1]["id"]
    made = await running.run(annotate, content, notes, c.ERRORS, limits=_ANNOTATING)
    if not isinstance(made, Done) or not made.values:
        log.warning("annotating_failed", id=str(import_id))
        return None
    errors_id = new_id()
    await sheets(jobs.files).put(errors_id, made.values[0])
    return errors_id


async def _failed(jobs: Jobs, run: Run, why: str) -> None:
    async with jobs.work() as work:
        await commands.fail(work, run, why)


# ---- the commit ----


async def carry_out(jobs: Jobs, import_id: UUID) -> None:
    """Everything that the dry run found good becomes filings, or nothing does and it is tried anew.

    Raises Unavailable, to be tried again.
    """
    try:
        async with jobs.work() as work:
            row = await by_id(work.transaction, import_id)
            if row is None or row["state"] != "committing":
                return
            unions = {union["code"]: union for union in await subtree(work.transaction, row)}
            own = next(union for union in unions.values() if union["id"] == row["organisation_id"])
            count, after = 0, _FIRST
            while rows := await good(work.transaction, import_id, after, PIECE):
                await _commit_piece(work, row, rows, unions, own)
                count, after = count + len(rows), rows[-1]["id"]
                await _advance(jobs, import_id, min(99, 100 * count // max(row["good"], 1)))
            await commands.committed(work, row, count)
    except (_Changed, asyncpg.UniqueViolationError):
        async with jobs.work() as work:
            await commands.requeue(work, import_id)


async def _commit_piece(
    work: Work, row: Record, rows: Sequence[Record], unions: Mapping[str, Record], own: Record
) -> None:
    contents = [work.keyring.open_document(ROW, each["id"], each["content"]) for each in rows]
    numbers = [person["id_number"] for each in contents for person in (each["form"]["head"], *each["form"]["members"])]
    if await living(work.transaction, [work.keyring.blind_index(ID_INDEX, number) for number in numbers]):
        raise _Changed
    filled = [Filled(each["form"], each["phone"], unions.get(each["union"], own)) for each in contents]
    filings = await open_many(work, filled, assisted_by=row["asked_by"], post_role=row["post_role"])
    await commands.commit_rows(work, list(zip((each["id"] for each in rows), filings, strict=True)))


async def _advance(jobs: Jobs, import_id: UUID, percent: int) -> None:
    async with jobs.work() as work:
        await commands.advance(work, import_id, percent)
