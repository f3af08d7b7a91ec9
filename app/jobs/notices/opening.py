"""What has reached its public notice is published: all that waits together under one union, as one frozen list."""

from typing import Final, NamedTuple, cast
from uuid import UUID

from app.db.transaction import Record
from app.db.work import Work
from app.jobs.notices.queries import Column, signers, unpublished, unpublished_with
from app.kernel.actor import Tier
from app.notices.commands import Entry, publish
from app.notices.policy import KIND, Level, NoticeKind, NoticePolicy
from app.notices.rules import MOST_LINES, Subject
from app.organisations.queries import names, organisation
from app.people.consents import Purpose
from app.people.queries import agreed_to
from app.settings import settings

HOUSEHOLD_NOTICES: Final[dict[str, NoticeKind]] = {
    "public_notice": "household_admission",
    "exit_notice": "household_exit",
}
"""The states in which a file is shown to the public, and as what."""
_UPWARDS: Final = {
    "unit": (Tier.UNIT, Tier.STREET, Tier.DISTRICT, Tier.CITY),
    "district": (Tier.DISTRICT, Tier.CITY),
    "city": (Tier.CITY,),
}


class Notable(NamedTuple):
    """What is published, while it is in which state, as what, and by the union of which level."""

    of: Column
    state: str
    kind: NoticeKind
    level: Level
    policy: NoticePolicy


async def open_notice(work: Work, fact: dict[str, str]) -> None:
    """An application that reached the public notice is shown to the public."""
    if fact["to_state"] == "public_notice":
        kind = cast(NoticeKind, fact["kind"])
        await open_for(work, "application_id", UUID(fact["application_id"]), fact["to_state"], kind)


async def open_household_notice(work: Work, fact: dict[str, str]) -> None:
    """A household file that is to be opened, or left, is shown to the public: who, of which union, and that alone."""
    if fact["to_state"] in HOUSEHOLD_NOTICES:
        kind = HOUSEHOLD_NOTICES[fact["to_state"]]
        await open_for(work, "household_id", UUID(fact["household_id"]), fact["to_state"], kind)


async def open_for(
    work: Work, of: Column, subject_id: UUID, state: str, kind: NoticeKind, *, alone: bool = False
) -> None:
    """Publish a subject, if it waits for that, and what waits with it; `alone`: nothing else. Safe to run twice."""
    row = await unpublished(work.transaction, of, subject_id, state, kind)
    if row is None:
        return
    policy = work.policies.in_force(KIND, NoticePolicy, work.today)
    what = Notable(of, state, kind, policy.published_by.of(kind), policy)
    tier, union_id = _publisher(row, what.level)
    beside: list[Record] = []
    if not alone:
        beside = await unpublished_with(
            work.transaction, of, tier, union_id, state, kind, but=subject_id, size=MOST_LINES - 1
        )
    # One whose own union stands higher is published there, by its own fact.
    together = [row, *(each for each in beside if _publisher(each, what.level) == (tier, union_id))]
    publisher = await organisation(work.transaction, union_id)
    entries = await _entries(work, what, together)
    seconds = settings().public_notice_seconds
    await publish(work, publisher, kind, what.level, policy, entries, seconds=seconds)


def _publisher(row: Record, level: Level) -> tuple[Tier, UUID]:
    """The union of that level that a row stands under, or the next one above it."""
    return next((tier, row[f"{tier}_id"]) for tier in _UPWARDS[level] if row[f"{tier}_id"] is not None)


async def _entries(work: Work, what: Notable, rows: list[Record]) -> list[Entry]:
    transaction = work.transaction
    agreed = await agreed_to(transaction, {row["person_id"] for row in rows}, Purpose.PUBLIC_NOTICE)
    signed = await signers(transaction, what.of, (row["id"] for row in rows))
    unions = await names(transaction, {union for row in rows for union in (_district(row), _own(row))})
    return [
        Entry(
            Subject(
                application_id=row["id"] if what.of == "application_id" else None,
                household_id=row["id"] if what.of == "household_id" else None,
                person_id=row["person_id"],
                round=row["round"],
                number=row["number"],
                name_masked=row["name_masked"],
                union=row.get("organisation_name") or unions[_own(row)],
                district=unions[_district(row)],
                amount_fen=row.get("amount_fen"),
                agreed=row["person_id"] in agreed,
            ),
            row["city_id"],
            row["district_id"],
            signed.get(row["id"], ()),
        )
        for row in rows
    ]


def _district(row: Record) -> UUID:
    found: UUID = row["district_id"] or row["city_id"]
    return found


def _own(row: Record) -> UUID:
    found: UUID = row["unit_id"] or row["street_id"] or row["district_id"] or row["city_id"]
    return found
