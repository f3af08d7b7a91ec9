"""Running a reconciliation step by step: each step is a transaction, and a killed worker's run goes on where it was."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import Statement, insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.funds.book_queries import hold_books
from app.kernel.actor import Actor, Permission, Tier
from app.kernel.errors import FieldError, Invalid, NotAllowed
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.organisations.queries import OrganisationNotFound
from app.reconciliations.events import BreaksOpened, ReconciliationAsked
from app.reconciliations.finding_queries import NAMES, STEPS, finding, kinds_of
from app.reconciliations.invariant_queries import INVARIANTS
from app.reconciliations.queries import R, figures
from app.reconciliations.rules import MOST_DAYS, instants, month_of
from app.reconciliations.tables import FIGURES

TIERS: Final = ("city_id", "district_id", "street_id", "unit_id")
PATIENCE: Final = 120.0
"""Seconds that one statement over everything may take."""
_INSERT_COLUMNS: Final = (
    *"id created_at organisation_id organisation_name".split(), *TIERS, *"first_day last_day batch_id asked_by".split(),
    *"state next_step opened mended".split(),
)  # fmt: skip
_INSERT = insertion(R, *_INSERT_COLUMNS)
_LOCK = statement(text("select * from reconciliation where id = :row_id for update"))
_STEPPED = statement(
    text(
        """
        update reconciliation set state = 'running', next_step = next_step + 1, opened = opened + :opened,
          mended = mended + :mended where id = :row_id
        """
    )
)
_DONE = statement(
    text(
        "update reconciliation set state = 'done', ended_at = :now, "  # noqa: S608 - names of our own
        + ", ".join(f"{name} = :{name}" for name in FIGURES)
        + " where id = :row_id"
    )
)
_LARGE: Final = Statement(
    "select set_config('statement_timeout', $1, true), set_config('enable_seqscan', 'on', true), "
    "set_config('plan_cache_mode', 'force_custom_plan', true)",
    ("milliseconds",),
    {},
)
"""For what reads everything: plans that are made for it, and time."""
# Accounts that have statements, and cities that have paid anything.
_NIGHTLY = statement(
    text(
        """
        select o.id, o.name, o.tier, o.city_id, o.district_id, o.street_id, o.unit_id from organisation o
        where o.id in (select s.organisation_id from bank_statement s)
          or o.tier = 'city' and exists (
            select 1 from payment_batch b where b.city_id = o.id and b.exported_at is not null)
        order by o.id
        """
    )
)
_ONCE_A_NIGHT = statement(
    text(
        f"insert into reconciliation ({', '.join(_INSERT_COLUMNS)}) "  # noqa: S608 - names of our own
        f"values ({', '.join(f':{name}' for name in _INSERT_COLUMNS)}) "
        "on conflict (organisation_id, last_day) where asked_by is null do update set last_day = excluded.last_day "
        "returning id, state"
    )
)


@dataclass(frozen=True, slots=True)
class Over:
    """What is reconciled: everything that was sent in some days under a union, or one batch."""

    union: Mapping[str, Any]
    days: tuple[date, date]
    batch_id: UUID | None = None


async def ask(work: Work, actor: Actor, over: Over) -> UUID:
    """Have it reconciled as soon as a worker is free; answers the run's id. Raises OrganisationNotFound, Invalid."""
    if post_over(actor, Permission.RECONCILE, over.union) is None:
        raise OrganisationNotFound if over.batch_id is None else NotAllowed
    if not 0 <= (over.days[1] - over.days[0]).days < MOST_DAYS:
        raise Invalid(FieldError("/last_day", "days_wrong", "截止日期不能早于起始日期，最多一年。"))
    run_id = new_id()
    await work.transaction.run(_INSERT, **_asked(work, run_id, over, actor.person_id))
    await record(
        work, person_id=actor.person_id, action="reconciliation.asked", subject_kind="reconciliation",
        subject_id=run_id, subject_person_id=None,
    )  # fmt: skip
    await emit(work, ReconciliationAsked(run_id))
    return run_id


def _asked(work: Work, run_id: UUID, over: Over, asked_by: UUID | None) -> dict[str, Any]:
    return {
        "id": run_id, "created_at": work.now, "organisation_id": over.union["id"],
        "organisation_name": over.union["name"], **{tier: over.union[tier] for tier in TIERS},
        "first_day": over.days[0], "last_day": over.days[1], "batch_id": over.batch_id, "asked_by": asked_by,
        "state": "asked", "next_step": 0, "opened": 0, "mended": 0,
    }  # fmt: skip


async def begin_nightly(work: Work) -> list[UUID]:
    """For jobs: a run over the last month and this one for each account, once a night; answers those to go on with."""
    yesterday = work.today - timedelta(days=1)
    first = month_of((yesterday.replace(day=1) - timedelta(days=1)).replace(day=1))[0]
    begun = []
    for union in await work.transaction.rows(_NIGHTLY):
        row = await work.transaction.row(
            _ONCE_A_NIGHT, **_asked(work, new_id(), Over(union, (first, yesterday)), asked_by=None)
        )
        if row is not None and row["state"] != "done":
            begun.append(row["id"])
    return begun


async def take_step(work: Work, run_id: UUID) -> Counter[str] | None:
    """For jobs: the next step of a run, alone; answers what it opened, by kind. None: it has ended."""
    transaction = work.transaction
    row = await transaction.row(_LOCK, row_id=run_id)
    if row is None or row["state"] == "done":
        return None
    await hold_books(transaction, row["city_id"])  # nothing is opened in a month that is being closed
    await _be_patient(work)
    days = (row["first_day"], row["last_day"])
    if row["next_step"] == STEPS:
        counted = await figures(transaction, row["organisation_id"], days, row["batch_id"])
        await transaction.run(_DONE, row_id=run_id, now=work.now, **counted)
        if row["opened"]:
            await emit(work, BreaksOpened(row["organisation_id"], str(run_id), work.today, row["opened"]))
        return Counter()
    tier = next(tier for tier in reversed(Tier) if row[f"{tier}_id"] == row["organisation_id"])
    values = _values(work, row["organisation_id"], days, row["batch_id"], kinds_of(row["next_step"]))
    found = await transaction.rows(finding(row["next_step"], tier), **values)
    opened, mended = _counted(found, "opened"), _counted(found, "mended")
    await transaction.run(_STEPPED, row_id=run_id, opened=opened.total(), mended=mended.total())
    return opened


async def keep_law(work: Work, kind: str) -> Counter[str]:
    """For jobs: ask everything whether one of INVARIANTS holds; answers what was opened, by kind."""
    await _be_patient(work)
    values = _values(work, None, (work.today, work.today), None, [kind])
    found = await work.transaction.rows(INVARIANTS[kind], **values)
    for row in found:
        if row["what"] == "opened":
            await emit(work, BreaksOpened(row["city_id"], "nightly", work.today, row["count"]))
    return _counted(found, "opened")


async def _be_patient(work: Work) -> None:
    work.transaction.patience = PATIENCE
    await work.transaction.row(_LARGE, milliseconds=f"{PATIENCE * 1000:.0f}")


def _values(
    work: Work, union_id: UUID | None, days: tuple[date, date], batch_id: UUID | None, kinds: list[str]
) -> dict[str, Any]:
    since, until = instants(days)
    return dict(zip(NAMES, (union_id, since, until, *days, batch_id, work.now, kinds), strict=True))


def _counted(found: list[Record], what: str) -> Counter[str]:
    counts = Counter[str]()
    for row in found:
        if row["what"] == what:
            counts[row["kind"]] += row["count"]
    return counts
