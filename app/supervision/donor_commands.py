"""Preparing a donor's report, and letting it out: two people. Nobody commits here; the edge does."""

from datetime import date, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, update

from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.funds.queries import fund as fund_of
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.organisations.queries import organisation
from app.supervision.disclosure import disclosure_on
from app.supervision.donor_queries import R, cells, report, until
from app.supervision.donors import Told, content_of
from app.supervision.events import DonorReportMoved
from app.supervision.rules import sha256

TIERS: Final = ("city_id", "district_id", "street_id", "unit_id")
_INSERT = insertion(
    R,
    *"id created_at fund_id".split(),
    *TIERS,
    *"first_day last_day state version content sha256 prepared_by".split(),
)
_DECIDE = statement(
    update(R)
    .where(R.c.id == bindparam("row_id"))
    .values(
        {name: bindparam(name, type_=R.c[name].type) for name in ("state", "decided_at", "decided_by")}
        | {"version": R.c.version + literal_column("1")}
    )
)


class NoDonation(Conflict):
    """只有社会捐赠的资金才有捐赠人报告。"""


class ReportAlreadyPrepared(Conflict):
    """这项资金这段期间已经有一份待发布的报告。"""


class ReportAlreadyDecided(Conflict):
    """这份报告已经发布或者已经撤回。"""


class AnotherReleases(NotAllowed):
    """报告须由另一个人核对后发布，拟稿的人和与其有关的人不能发布。"""


async def prepare(work: Work, actor: Actor, fund_id: UUID, first: date, last: date) -> UUID:
    """Say what became of a donation; what is said is frozen with its hash.

    Raises FundNotFound, NotAllowed, NoDonation, Invalid, ReportAlreadyPrepared.
    """
    fund = await fund_of(work.transaction, actor, fund_id)
    if post_over(actor, Permission.PROPOSE_BUDGET, fund) is None:
        raise NotAllowed
    if fund["source"] != "donation":
        raise NoDonation
    if last < first:
        raise Invalid(FieldError("/last_day", "period_empty", "期间的最后一天不能早于第一天。"))
    if last >= work.today:
        # Of a day that is over nothing more is booked.
        raise Invalid(FieldError("/last_day", "period_not_over", "期间应已经结束：最后一天要早于今天。"))
    before = last + timedelta(days=1)
    found = await cells(work.transaction, fund, first, before)
    received, spent = await until(work.transaction, fund_id, before)
    union = await organisation(work.transaction, fund["organisation_id"])
    told = Told(fund, union["name"], first, last, received, spent, found)
    content = content_of(told, disclosure_on(work.today).least_households)
    report_id = new_id()
    try:
        async with work.transaction.attempt():
            await work.transaction.run(
                _INSERT,
                id=report_id,
                created_at=work.now,
                fund_id=fund_id,
                **{tier: fund[tier] for tier in TIERS},
                first_day=first,
                last_day=last,
                state="prepared",
                version=1,
                content=content,
                sha256=sha256(content),
                prepared_by=actor.person_id,
            )
    except asyncpg.UniqueViolationError as taken:
        raise ReportAlreadyPrepared from taken
    await _moved(work, actor, report_id, "prepared", sha256(content))
    return report_id


async def decide(work: Work, actor: Actor, report_id: UUID, expected: int, *, released: bool) -> Record:
    """Another person lets it out; whoever prepared it, or who may let it out, withdraws it before.

    Raises DonorReportNotFound, StaleVersion, ReportAlreadyDecided, NotAllowed, AnotherReleases.
    """
    row = await report(work.transaction, actor, report_id, locked=True)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    if row["state"] != "prepared":
        raise ReportAlreadyDecided
    mine = row["prepared_by"] == actor.person_id
    if not (mine and not released) and post_over(actor, Permission.DECIDE_BUDGET, row) is None:
        raise NotAllowed
    if released and (mine or row["prepared_by"] in actor.apart.near):
        raise AnotherReleases
    state = "released" if released else "withdrawn"
    await work.transaction.run(_DECIDE, row_id=report_id, state=state, decided_at=work.now, decided_by=actor.person_id)
    await _moved(work, actor, report_id, state, row["sha256"])
    return dict(row) | {"state": state, "version": row["version"] + 1, "decided_at": work.now}


async def _moved(work: Work, actor: Actor, report_id: UUID, state: str, content_sha256: str) -> None:
    await record(
        work, person_id=actor.person_id, action=f"donor_report.{state}", subject_kind="donor_report",
        subject_id=report_id, subject_person_id=None, sha256=content_sha256,
    )  # fmt: skip
    await emit(work, DonorReportMoved(report_id, state))
