"""Claims with their papers, and what brings them together. Only jobs see all of it at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from app.applications.commands import FORM
from app.applications.tables import LIVE_STATES
from app.db.sealing import Keyring, SealBroken
from app.db.statements import statement
from app.db.transaction import Record, Transaction
from app.reuse.rules import CROWD, Claim, claim_of

PURPOSES: Final = "('medical','schooling','accident','other')"
"""Which papers are bills. Of identity cards and registers no print is made: they are the same in every claim."""
NEAR_BITS: Final = 56
"""Of 256: as far as a cut and dim photograph of one paper comes to lie (docs/measurements.md)."""
NEAREST: Final = 8
_CASES = statement(
    text(
        f"""
        select a.id, a.kind, a.state, a.number, a.organisation_name, a.applicant_id, a.household_id, a.submitted_at,
          (select max(p.created_at) from passage p where p.application_id = a.id and p.action = 'submit') as said_at,
          a.form, (a.state in {LIVE_STATES} or a.paid_before_fen is not null) as lives
        from application a where a.id = any(cast(:ids as uuid[])) and a.submitted_at is not null
        """  # noqa: S608 - states of our own
    )
)
_PAPERS = statement(
    text(
        f"""
        select n.application_id, f.id, f.sha256, f.media_type, f.person_id, p.page, cast(p.bits as text) as bits,
          cast(p.turned as text) as turned, p.codes
        from (
          select u.subject_id as application_id, u.file_id from file_use u
          where u.subject_kind = 'application' and u.subject_id = any(cast(:ids as uuid[])) and u.living
          union
          select s.application_id, u.file_id from supplement s
          join file_use u on u.subject_kind = 'supplement' and u.subject_id = s.id and u.living
          where s.application_id = any(cast(:ids as uuid[]))
        ) n
        join file f on f.id = n.file_id and f.state = 'clean' and f.purpose in {PURPOSES}
        left join picture_print p on p.file_id = f.id
        order by f.id, p.page
        """  # noqa: S608 - purposes of our own
    )
)
# One key is looked up at a time, so that a crowd costs no more than its first members.
_SHARING = statement(
    text(
        """
        select k.key, o.application_id from unnest(cast(:keys as bigint[])) as k (key)
        cross join lateral (
          select m.application_id from claim_mark m where m.keys @> array[k.key] limit :most
        ) o
        where o.application_id <> :except_id
        """
    )
)
# Of papers that look alike by the thousand only the nearest are looked at.
_NEAR = statement(
    text(
        """
        select p.file_id, least(bit_count(p.bits # t.one), bit_count(p.bits # t.two), bit_count(p.bits # t.three),
          bit_count(p.bits # t.four)) as distance
        from (select cast(cast(:one as text) as bit(256)) as one, cast(cast(:two as text) as bit(256)) as two,
          cast(cast(:three as text) as bit(256)) as three, cast(cast(:four as text) as bit(256)) as four) t
        join picture_print p on p.bands && cast(:bands as int[]) and p.person_id <> :person_id
        where least(bit_count(p.bits # t.one), bit_count(p.bits # t.two), bit_count(p.bits # t.three),
          bit_count(p.bits # t.four)) <= :most
        order by distance, p.file_id limit :nearest
        """
    )
)
_NAMED_IN = statement(
    text(
        """
        select u.subject_id as application_id from file_use u
        where u.file_id = any(cast(:files as uuid[])) and u.subject_kind = 'application' and u.living
        union
        select s.application_id from file_use u join supplement s on s.id = u.subject_id
        where u.file_id = any(cast(:files as uuid[])) and u.subject_kind = 'supplement' and u.living
        """
    )
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was looked at: its print, turned each way."""

    turns: tuple[str, str, str, str]

    def distance(self, other: "Page") -> int:
        """In how many bits two pages differ, the one turned as it fits best."""
        lies = int(other.turns[0], 2)
        return min((int(turn, 2) ^ lies).bit_count() for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Paper:
    id: UUID
    media_type: str
    person_id: UUID
    pages: tuple[Page, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A case with what it claims for and its papers."""

    row: Record
    claim: Claim
    papers: tuple[Paper, ...]

    @property
    def came(self) -> tuple[datetime, UUID]:
        """When it was submitted as it is now: of two claims, the one that came second is asked."""
        return self.row["said_at"] or self.row["submitted_at"], self.row["id"]

    @property
    def lives(self) -> bool:
        """Whether it was paid, or may yet be."""
        lives: bool = self.row["lives"]
        return lives


async def cases(transaction: Transaction, keyring: Keyring, ids: Sequence[UUID]) -> dict[UUID, Case]:
    """These cases, as far as they were submitted and can be read."""
    wanted = list(ids)
    rows = await transaction.rows(_CASES, ids=wanted)
    papers: dict[UUID, list[Record]] = {}
    for paper in await transaction.rows(_PAPERS, ids=wanted):
        papers.setdefault(paper["application_id"], []).append(paper)
    read = ((row["id"], _case(keyring, row, papers.get(row["id"], []))) for row in rows)
    return {case_id: case for case_id, case in read if case is not None}


def _case(keyring: Keyring, row: Record, papers: list[Record]) -> Case | None:
    try:
        form = keyring.open_document(FORM, row["id"], row["form"])
    except SealBroken:
        return None
    codes = {code for paper in papers for code in paper["codes"] or ()}
    claim = claim_of(row["kind"], form, (paper["sha256"].hex() for paper in papers), codes)
    pages: dict[UUID, list[Page]] = {paper["id"]: [] for paper in papers}
    for paper in papers:
        if paper["bits"] is not None:
            one, two, three = (paper["turned"][n : n + 256] for n in (0, 256, 512))
            pages[paper["id"]].append(Page((paper["bits"], one, two, three)))
    by_id = {paper["id"]: paper for paper in papers}
    kept = (Paper(i, by_id[i]["media_type"], by_id[i]["person_id"], tuple(of)) for i, of in pages.items())
    return Case(row, claim, tuple(kept))


async def sharing(transaction: Transaction, keys: list[int], except_id: UUID) -> dict[int, list[UUID]]:
    """The other claims that have each of these keys; of a key that a crowd has, none."""
    found: dict[int, list[UUID]] = {}
    for row in await transaction.rows(_SHARING, keys=keys, except_id=except_id, most=CROWD + 1):
        found.setdefault(row["key"], []).append(row["application_id"])
    return {key: ids for key, ids in found.items() if len(ids) < CROWD}


async def near(transaction: Transaction, page: Page, person_id: UUID, bands: list[int]) -> list[UUID]:
    """The files of others with the pages nearest to this one; `bands`: of the page turned each way."""
    values: dict[str, Any] = dict(zip(("one", "two", "three", "four"), page.turns, strict=True))
    rows = await transaction.rows(_NEAR, bands=bands, person_id=person_id, most=NEAR_BITS, nearest=NEAREST, **values)
    return [row["file_id"] for row in rows]


async def named_in(transaction: Transaction, files: Sequence[UUID]) -> list[UUID]:
    """The applications that name one of these files."""
    return [row["application_id"] for row in await transaction.rows(_NAMED_IN, files=list(files))]


_ALL = statement(
    text(
        f"""
        select a.id from application a
        where a.id > :after and a.submitted_at is not null
          and (a.state in {LIVE_STATES} or a.paid_before_fen is not null)
        order by a.id limit :size
        """  # noqa: S608 - states of our own
    )
)


async def living_after(transaction: Transaction, after: UUID, size: int) -> list[UUID]:
    """The next cases that were paid, or may yet be, in the order of their ids."""
    return [row["id"] for row in await transaction.rows(_ALL, after=after, size=size)]
