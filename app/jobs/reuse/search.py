"""Looking for a claim's bill in the claims of others, once it is submitted.

Prints and marks are written and committed before anything is compared: of two claims that come at once, whoever looks
later sees the marks of both. Nothing that somebody uploaded is read here; a child process looks at it.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import structlog

from app.confined.running import Done, Limits, run
from app.jobs.reuse.queries import Case, Paper, cases, living_after, named_in, near, sharing
from app.jobs.running import Jobs
from app.reuse import commands, pictures
from app.reuse.commands import bands_of, keyed
from app.reuse.pictures import Laid
from app.reuse.rules import compare, is_likely, keys

LIMITS: Final = Limits(memory_bytes=768 * 1024 * 1024, cpu_seconds=30, seconds=60.0)
MOST_OTHERS: Final = 40
"""So many other claims are compared at most, the nearest first."""
MOST_LAID: Final = 24
"""So many pairs of papers are laid upon one another at most."""
AT_A_TIME: Final = 6
"""So many of them in one child process."""
BATCH: Final = 200
FIRST: Final = UUID(int=0)
log = structlog.get_logger("aid.reuse")


async def look_at(jobs: Jobs, application_id: UUID) -> None:
    """One claim that was submitted, or is over: its prints and marks, and what it has in common with others. Twice is
    once. Raises Unavailable, to be tried again, while the store of files is away."""
    case = await _marked(jobs, application_id)
    if case is None:
        return
    others = await _others(jobs, case) if case.lives else []
    laid = await _laid(jobs, case, others)
    found = [(other, compare(case.claim, other.claim, laid.get(other.row["id"], {}))) for other in others]
    likely = [(other, what) for other, what in found if is_likely(what)]
    async with jobs.work() as work:
        for other, what in likely:
            if case.came > other.came:
                await commands.raise_hint(work, case.row, other.row, what)
            else:
                await commands.raise_hint(work, other.row, case.row, what.turned())
        await commands.clear_hints(work, application_id, [other.row["id"] for other, _ in likely])


async def look_at_all(jobs: Jobs, after: UUID = FIRST) -> AsyncGenerator[int]:
    """Every claim that was paid or may yet be, one after the other, those with ids after this one; how many so far.
    Safe to be stopped."""
    count = 0
    while True:
        async with jobs.work() as work:
            ids = await living_after(work.transaction, after, BATCH)
        for application_id in ids:
            await look_at(jobs, application_id)
            count += 1
            yield count
        if len(ids) < BATCH:
            return
        after = ids[-1]


async def _marked(jobs: Jobs, application_id: UUID) -> Case | None:
    """The case, once what it is found by is kept."""
    case = await _read(jobs, application_id)
    if case is None or not case.lives:
        return case
    for paper in case.papers:
        if not paper.pages:
            await _look_at_paper(jobs, paper)
    case = await _read(jobs, application_id)
    if case is not None:
        async with jobs.work() as work:
            await commands.keep_marks(work, application_id, keyed(jobs.keyring, keys(case.claim)))
    return case


async def _read(jobs: Jobs, application_id: UUID) -> Case | None:
    async with jobs.work() as work:
        return (await cases(work.transaction, jobs.keyring, [application_id])).get(application_id)


async def _look_at_paper(jobs: Jobs, paper: Paper) -> None:
    content = await jobs.files.get(paper.id)
    if content is None:
        return
    seen = await run(pictures.prints, content, paper.media_type, limits=LIMITS)
    if not isinstance(seen, Done):
        log.warning("paper_not_seen", file_id=str(paper.id), why=seen.why)
        return
    async with jobs.work() as work:
        for page, each in enumerate(seen.values):
            await commands.keep_print(work, paper.id, paper.person_id, page, each)


async def _others(jobs: Jobs, case: Case) -> list[Case]:
    """The claims that share a key or a look with this one and could be another's for the same bill."""
    async with jobs.work() as work:
        shared = await sharing(work.transaction, keyed(jobs.keyring, keys(case.claim)), case.row["id"])
        files: list[UUID] = []
        for paper in case.papers:
            for page in paper.pages:
                bands = [band for turn in page.turns for band in bands_of(turn)]
                files += await near(work.transaction, page, case.row["applicant_id"], bands)
        named = await named_in(work.transaction, list(dict.fromkeys(files))) if files else []
        # What shares most comes first; what only looks alike, last.
        brought = sorted(_counted(shared.values()).items(), key=lambda each: -each[1])
        ids = dict.fromkeys([each for each, _ in brought] + [each for each in named if each != case.row["id"]])
        found = await cases(work.transaction, jobs.keyring, list(ids)[:MOST_OTHERS])
    return [found[each] for each in ids if each in found and _anothers(case, found[each])]


def _counted(shared: Iterable[Sequence[UUID]]) -> dict[UUID, int]:
    counts: dict[UUID, int] = {}
    for ids in shared:
        for each in ids:
            counts[each] = counts.get(each, 0) + 1
    return counts


def _anothers(case: Case, other: Case) -> bool:
    """Whether it may not stand beside this one: a household may claim for one bill under different kinds of aid, whose
    rules subtract what the other gave."""
    if not other.lives:
        return False
    one, two = case.row, other.row
    at_home = one["applicant_id"] == two["applicant_id"] or (
        one["household_id"] is not None and one["household_id"] == two["household_id"]
    )
    return one["kind"] == two["kind"] or not at_home


class _Pair(NamedTuple):
    """A paper of the case and one of another claim, and in how many bits they differ."""

    distance: int
    mine: Paper
    theirs: Paper
    other_id: UUID


async def _laid(jobs: Jobs, case: Case, others: Sequence[Case]) -> dict[UUID, dict[tuple[str, str], bool]]:
    """Of each other claim the papers that show one paper with a paper of the case. The likeliest are laid upon one
    another, and no more than so many: what a claim costs does not grow with how many look like it."""
    pairs = sorted(
        (pair for other in others if not case.claim.files & other.claim.files for pair in _pairs(case, other)),
        key=lambda pair: pair.distance,
    )[:MOST_LAID]
    laid: dict[UUID, dict[tuple[str, str], bool]] = {}
    for mine in dict.fromkeys(pair.mine for pair in pairs):
        of_mine = [pair for pair in pairs if pair.mine is mine]
        for n in range(0, len(of_mine), AT_A_TIME):
            part = of_mine[n : n + AT_A_TIME]
            for pair, same in zip(part, await _lay(jobs, mine, [pair.theirs for pair in part]), strict=True):
                if same:
                    laid.setdefault(pair.other_id, {})[str(mine.id), str(pair.theirs.id)] = True
    return laid


def _pairs(case: Case, other: Case) -> Iterator[_Pair]:
    for mine in case.papers:
        for theirs in other.papers:
            if mine.pages and theirs.pages and mine.id != theirs.id:
                distance = min(a.distance(b) for a in mine.pages for b in theirs.pages)
                yield _Pair(distance, mine, theirs, other.row["id"])


async def _lay(jobs: Jobs, mine: Paper, theirs: Sequence[Paper]) -> list[bool]:
    """Whether each of these papers shows the paper that this one shows; a paper that cannot be seen shows nothing."""
    content = await jobs.files.get(mine.id)
    contents = [await jobs.files.get(paper.id) for paper in theirs]
    there = [n for n, each in enumerate(contents) if each is not None]
    same = [False] * len(theirs)
    if content is None or not there:
        return same
    asked = [value for n in there for value in (contents[n], theirs[n].media_type)]
    answer = await run(pictures.lay_upon, content, mine.media_type, *asked, limits=LIMITS)
    if isinstance(answer, Done):
        for n, numbers in zip(there, answer.values, strict=True):
            same[n] = Laid(*numbers).same
    else:
        log.warning("papers_not_laid", file_id=str(mine.id), why=answer.why)
    return same
