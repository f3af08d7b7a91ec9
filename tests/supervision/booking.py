"""Writing payments and returns into the books on any day, as the database does when a case moves."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.applications.path import Kind, State
from app.db.base import table_of
from app.db.statements import insertion
from app.db.transaction import Sight
from app.funds.ledger import Leg
from app.funds.tables import LedgerEntry, LedgerTransaction
from app.kernel.business_time import business_date
from app.kernel.ids import new_id
from tests.make import Case, Guild, Town, World, unique

_TRANSACTION = insertion(
    table_of(LedgerTransaction), *"id created_at event_key kind day person_id application_id reference".split()
)
_ENTRY = insertion(
    table_of(LedgerEntry), *"id created_at transaction_id fund_id organisation_id account amount_fen day".split()
)


@dataclass(frozen=True)
class Booked:
    """What was written, as a test adds it up."""

    what: str
    case: Case
    fund: UUID
    source: str
    fen: int
    at: datetime


async def book(world: World, what: str, at: datetime, legs: Sequence[Leg], case: Case | None = None) -> UUID:
    transaction_id, day = new_id(), business_date(at)
    async with world.jobs.begin(Sight("job")) as transaction:
        await transaction.run(
            _TRANSACTION, id=transaction_id, created_at=at, event_key=unique(f"{what}:"), kind=what, day=day,
            person_id=None, application_id=case.id if case else None, reference=None,
        )  # fmt: skip
        common: dict[str, Any] = {"created_at": at, "transaction_id": transaction_id, "day": day}
        await transaction.many(_ENTRY, [{"id": new_id(), **common, **leg._asdict()} for leg in legs])
    return transaction_id


async def granted(
    world: World, union: Guild, case: Case, parts: Sequence[tuple[UUID, str, int]], at: datetime, *, back: bool = False
) -> list[Booked]:
    """A payment from these funds, with their sources; or that it came back."""
    sign, held = (-1, "returned") if back else (1, "allocated")
    legs = [
        leg
        for fund, _, fen in parts
        for leg in (
            Leg(fund, union.id, held, -sign * fen),  # type: ignore[arg-type]
            Leg(fund, union.id, "granted", sign * fen),
        )
    ]
    what = "return" if back else "payment"
    await book(world, what, at, legs, case)
    return [Booked(what, case, fund, source, fen, at) for fund, source, fen in parts]


async def cases(world: World, town: Town, count: int, chosen: random.Random) -> list[Case]:
    """Of several kinds and districts; some households have two."""
    made = list[Case]()
    for _ in range(count):
        home = chosen.choice(town.units)
        who = await world.person(home=home)
        household = await world.household(who, home)
        for kind in chosen.sample(list(Kind), chosen.choice((1, 1, 2))):
            made.append(await world.application(who, home, kind=kind, state=State.APPROVED, household_id=household))
    return made


def around(chosen: random.Random, midnights: Sequence[datetime]) -> datetime:
    """An instant in the last or first moments of a day, and sometimes of any."""
    off = chosen.choice((timedelta(microseconds=-1), timedelta(0), timedelta(hours=chosen.randrange(-2000, 2000))))
    return (chosen.choice(midnights) + off).astimezone(UTC)
