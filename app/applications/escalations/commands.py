"""Telling the level above of what is overdue, once; and settling it when the case has moved on. For jobs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import literal_column, select, text

from app.applications.escalations.events import CaseEscalated
from app.applications.escalations.rules import ACTS, level_told
from app.applications.path import State
from app.applications.tables import OPEN_STATES
from app.db.base import table_of
from app.db.statements import insertion, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.kernel.actor import Tier
from app.kernel.ids import new_id
from app.messaging.outbox import spelt
from app.messaging.tables import OutMessage
from app.organisations.tables import Organisation

BATCH: Final = 1_000
"""How many cases one transaction looks at."""
_TIERS: Final = (Tier.CITY, Tier.DISTRICT, Tier.STREET, Tier.UNIT)
_O = table_of(Organisation)
_CITIES = statement(select(_O.c.id).where(_O.c.tier == literal_column("'city'")).order_by(_O.c.id))
_WAITING = statement(
    text(
        f"""
        select id, version, state, submitted_at, due_at, city_id, district_id, street_id, unit_id from application
        where city_id = cast(:city_id as uuid) and state = cast(:state as text) and state in {OPEN_STATES}
          and supplement is distinct from 'open'
          and (submitted_at, id) > (cast(:at as timestamptz), cast(:after_id as uuid))
        order by submitted_at, id limit cast(:size as int)
        """  # noqa: S608 - a list of our own words
    )
)
# The version once more: whatever has moved on since it was read is not overdue any more.
_ESCALATE = statement(
    text(
        """
        insert into case_escalation (id, created_at, application_id, version, state, due_at, told, city_id,
          district_id, street_id, unit_id)
        select u.id, cast(:now as timestamptz), a.id, a.version, a.state, a.due_at, u.told, a.city_id,
          a.district_id, a.street_id, a.unit_id
        from unnest(cast(:ids as uuid[]), cast(:application_ids as uuid[]), cast(:versions as int[]),
          cast(:levels as text[])) as u (id, application_id, version, told)
        join application a on a.id = u.application_id and a.version = u.version
        order by a.id
        on conflict (application_id, version) do nothing
        returning application_id, version, state, told
        """
    )
)
_TELL = insertion(table_of(OutMessage), "id", "created_at", "name", "body")
# Settled when it was: with the first step after it was told, else as soon as it is seen.
_SETTLE = statement(
    text(
        """
        with moved_on as (
          select e.id from case_escalation e join application a on a.id = e.application_id and a.version <> e.version
          where e.settled_at is null order by e.id limit cast(:size as int) for update of e skip locked
        )
        update case_escalation e set settled_at = coalesce((
          select min(p.created_at) from passage p
          where p.application_id = e.application_id and p.created_at >= e.created_at), cast(:now as timestamptz))
        from moved_on where e.id = moved_on.id
        """
    )
)


class Pile(NamedTuple):
    """What waits in one state under one city, from a position on."""

    city_id: UUID
    state: State
    at: datetime = datetime(1, 1, 1, tzinfo=UTC)
    after_id: UUID = UUID(int=0)


async def piles(transaction: Transaction) -> list[Pile]:
    """Where to begin: each state of each city in which somebody may be late."""
    return [Pile(row["id"], state) for row in await transaction.rows(_CITIES) for state in ACTS]


async def escalate(work: Work, pile: Pile) -> tuple[Pile | None, int]:
    """Tell of what is overdue among the next BATCH cases, each version once; where to go on, and how many were told."""
    page = await work.transaction.rows(_WAITING, size=BATCH, **pile._asdict())
    late = [row for row in page if row["due_at"] is not None and row["due_at"] < work.now]
    told = await _tell(work, late) if late else 0
    more = len(page) == BATCH
    return pile._replace(at=page[-1]["submitted_at"], after_id=page[-1]["id"]) if more else None, told


async def _tell(work: Work, late: Sequence[Record]) -> int:
    made = await work.transaction.rows(
        _ESCALATE,
        now=work.now,
        ids=[new_id() for _ in late],
        application_ids=[row["id"] for row in late],
        versions=[row["version"] for row in late],
        levels=[level_told(State(row["state"]), [t for t in _TIERS if row[f"{t}_id"]]) for row in late],
    )
    facts = [CaseEscalated(**row) for row in made]
    await work.transaction.many(
        _TELL,
        [{"id": new_id(), "created_at": work.now, "name": CaseEscalated.__name__, "body": spelt(f)} for f in facts],
    )
    return len(facts)


async def settle(work: Work) -> int:
    """Settle up to BATCH escalations whose case has moved on; answers how many."""
    return await work.transaction.run(_SETTLE, now=work.now, size=BATCH)
