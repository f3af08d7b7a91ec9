"""Running imports: the dry run, piece by piece and apart from each other, and the commit, a transaction a union."""

import hashlib
from collections import Counter
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
from app.bulk import job_commands as commands
from app.bulk.commands import ROW, WHY
from app.bulk.job_commands import Overtaken, Run, Staged
from app.bulk.queries import by_id, committed, good, living, some_errors, tallies
from app.bulk.rules import MAX_LINES, Household, Reader, places_in
from app.bulk.updating import Update
from app.confined import running
from app.confined.running import MIB, Done, Limits
from app.db.transaction import Record
from app.db.work import Work
from app.files.store import SHEETS, FileStore
from app.households.queries import keeper_of
from app.jobs.import_updates import MOST_REQUESTS, Importer, Known, file_of, importer, judged, known
from app.jobs.import_updates import carry_out as carry_out_updates
from app.jobs.import_updates import staged as staged_update
from app.jobs.running import Jobs
from app.kernel.errors import Conflict, DomainError, Unavailable
from app.kernel.ids import new_id
from app.organisations.queries import subtree
from app.proxy_filings.import_commands import ID_INDEX, Filled, open_many
from app.spreadsheets.annotating import annotate
from app.spreadsheets.precheck import Refused
from app.spreadsheets.reading import Chunk, read

BROKEN: Final = "import_broken"
PIECE: Final = 500
MAX_NOTED: Final = 50_000
_FIRST: Final = UUID(int=0)
_ANNOTATING = Limits(memory_bytes=1024 * MIB, cpu_seconds=60, seconds=90, file_bytes=512 * MIB)
log = structlog.get_logger("aid.imports")


class ChangedSinceTried(Conflict):
    """导入名单中有人在试算之后进入了另一份档案。"""


def sheets(files: FileStore) -> FileStore:
    return files.beside(SHEETS)


# ---- the dry run ----


@dataclass(slots=True)
class _Trial:
    """A dry run under way."""

    run: Run
    row: Record
    done: frozenset[bytes]
    """The heads of what was committed before."""
    unions: Mapping[UUID, Record]
    codes: Mapping[str, UUID]
    seen: set[bytes] = field(default_factory=set)
    asked: Counter[UUID] = field(default_factory=Counter)
    """Requests for changes, by union."""
    hashed: Any = field(default_factory=hashlib.sha256)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("good", "bad", "updates", "unchanged", "lines", "errors"), 0)
    )

    def union_of_code(self, code: str) -> UUID | None:
        """The union that a new file goes to; None: it is none of the import's."""
        if not code:
            own: UUID = self.row["organisation_id"]
            return own
        return self.codes.get(code)


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
        unions = {union["id"]: union for union in await subtree(work.transaction, row)}
        codes = {union["code"]: union["id"] for union in unions.values()}
        trial = _Trial(run, row, await committed(work.transaction, import_id), unions, codes)
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
    """What the form alone cannot tell: who else has the same number, here or in a living file, and whose file it is."""
    found, by = await known(work, households), await importer(work, trial.row["asked_by"])
    staged = []
    for household in households:
        head = found.index.get(household.head_number)
        if head in trial.done:
            household.wrong.clear()
            continue
        file = file_of(work, found, household)
        _refuse_twins(trial, household, found, None if file is None else file[0]["id"])
        trial.counts["lines"] += len(household.lines)
        if file is None:
            one = _staged_filing(trial, household, found, by)
        else:
            update = judged(work, by, found, household, file, trial.unions)
            one = _staged_update(trial, household, head, file[0], update)
        _count(trial, one)
        staged.append(one)
    return staged


def _refuse_twins(trial: _Trial, household: Household, found: Known, own: UUID | None) -> None:
    """Whoever is twice in the workbook, or belongs to another household than `own`."""
    for line, number in (*household.people, *household.left):
        index = found.index[number]
        if index in trial.seen:
            household.refuse(line, c.NUMBER, "member_repeated")
        elif found.household_of.get(index, own) != own:
            household.refuse(line, c.NUMBER, "member_elsewhere")
        elif index in found.filed:
            household.refuse(line, c.NUMBER, "filing_open")
        trial.seen.add(index)


def _staged_filing(trial: _Trial, household: Household, found: Known, by: Importer) -> Staged:
    union_id, line = trial.union_of_code(household.union_code), household.lines[0]
    if union_id is None:
        household.refuse(line, c.UNION, "union_unknown")
    if by.number_index is None:
        household.refuse(line, c.NUMBER, "identity_required")
    if not by.near.isdisjoint(found.index[number] for _, number in household.people):
        household.refuse(line, c.NUMBER, "own_family")
    if household.wrong or household.form is None or union_id is None:
        return Staged(line, union_id or trial.row["organisation_id"], "bad")
    content = {"form": household.form, "phone": household.phone, "card": household.card}
    return Staged(line, union_id, "good", "filing", found.index.get(household.head_number), content)


def _staged_update(
    trial: _Trial, household: Household, head: bytes | None, file: Record, update: Update | None
) -> Staged:
    keeper, line = keeper_of(file), household.lines[0]
    if update is not None and not household.wrong:
        trial.asked[keeper] += len(update.requests)
        if trial.asked[keeper] > MOST_REQUESTS:
            household.refuse(line, c.NUMBER, "too_many_requests")
    if household.wrong or update is None or head is None:
        return Staged(line, keeper if keeper in trial.unions else trial.row["organisation_id"], "bad", "update")
    return staged_update(household, head, file, update)


def _count(trial: _Trial, one: Staged) -> None:
    trial.counts[one.state] += 1
    trial.counts["updates"] += one.state == "good" and one.kind == "update"
    if one.state == "good":
        said = [one.line, str(one.organisation_id), one.kind, one.content]
        trial.hashed.update(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))


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
    """Everything that the dry run found good in the chosen unions becomes filings and changes of files. Each union is
    committed as a whole or not at all; where something has changed since, the rest is tried anew.

    Raises Unavailable, to be tried again.
    """
    async with jobs.work() as work:
        row = await by_id(work.transaction, import_id)
        if row is None or row["state"] != "committing":
            return
        unions = {union["id"]: union for union in await subtree(work.transaction, row)}
        waiting = [each for each in await tallies(work.transaction, import_id) if each["good"]]
    chosen = [each["id"] for each in waiting if row["chosen"] is None or each["id"] in row["chosen"]]
    progress, changed = _Progress(jobs, import_id, max(row["good"], 1)), False
    for union_id in chosen:
        try:
            if not await _commit_union(jobs, row, unions[union_id], progress):
                return  # another worker is at it
        except Unavailable:
            raise
        except (DomainError, asyncpg.UniqueViolationError) as stands:
            log.info("import_changed", id=str(import_id), union=str(union_id), because=type(stands).__name__)
            changed = True
    async with jobs.work() as work:
        await commands.settle(work, import_id, again=changed)


@dataclass(slots=True)
class _Progress:
    """How far a commit is, told beside its transactions."""

    jobs: Jobs
    import_id: UUID
    of: int
    count: int = 0

    async def add(self, households: int) -> None:
        self.count += households
        async with self.jobs.work() as work:
            await commands.advance(work, self.import_id, min(99, 100 * self.count // self.of))


async def _commit_union(jobs: Jobs, row: Record, union: Record, progress: _Progress) -> bool:
    """All its households, in one transaction. False when another worker is committing."""
    async with jobs.work() as work:
        if not await commands.alone(work, row["id"]):
            return False
        by, count, after = await importer(work, row["asked_by"]), 0, _FIRST
        reason = work.keyring.open_text(WHY, row["id"], row["reason"]) if row["reason"] else None
        while rows := await good(work.transaction, row["id"], union["id"], after, PIECE):
            await _commit_piece(work, row, rows, union, by, reason)
            count, after = count + len(rows), rows[-1]["id"]
            await progress.add(len(rows))
        if count:
            await commands.committed(work, row, union["id"], count)
    return True


async def _commit_piece(
    work: Work, row: Record, rows: Sequence[Record], union: Record, by: Importer, reason: str | None
) -> None:
    contents = [(each, work.keyring.open_document(ROW, each["id"], each["content"])) for each in rows]
    new = [(each["id"], content) for each, content in contents if each["kind"] == "filing"]
    numbers = [person["id_number"] for _, each in new for person in (each["form"]["head"], *each["form"]["members"])]
    if await living(work.transaction, [work.keyring.blind_index(ID_INDEX, number) for number in numbers]):
        raise ChangedSinceTried
    filled = [Filled(each["form"], each["phone"], union, each["card"]) for _, each in new]
    filings = await open_many(work, filled, assisted_by=row["asked_by"], post_role=row["post_role"])
    changed = [(each, content) for each, content in contents if each["kind"] == "update"]
    await carry_out_updates(work, by, [(each["household_id"], content) for each, content in changed], reason)
    done: list[tuple[UUID, UUID | None]] = [(each["id"], None) for each, _ in changed]
    await commands.commit_rows(work, [*zip((row_id for row_id, _ in new), filings, strict=True), *done])
