"""How long the rules take: one decision of each kind, every stored decision made again, a version rehearsed.

In this process and on one processor, with the database on another: what `aid replay` and `aid policy rehearse` do.
"""

import asyncio
import gc
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Final

from rich.progress import Progress

from app.bench.fill import KEYRING
from app.bench.processes import rss_mib
from app.db.database import Database, open_database
from app.households.case import HouseholdCase, household_facts
from app.households.rules import criteria_of
from app.jobs.queries import Wanted
from app.jobs.rehearsal import Proposed, rehearse
from app.jobs.replay import replay
from app.kinds.golden_autumn import entitlement as golden_autumn
from app.kinds.golden_autumn import rules as golden_autumn_rules
from app.kinds.golden_autumn.policy import Policy as GoldenAutumnPolicy
from app.kinds.golden_autumn.rules import Facts as GrantFacts
from app.kinds.hardship_aid import entitlement as hardship_aid
from app.kinds.hardship_aid import rules as hardship_aid_rules
from app.kinds.hardship_aid.facts import Facts as AidFacts
from app.kinds.hardship_aid.policy import Policy as HardshipAidPolicy
from app.kinds.secondary_medical import rules as secondary_medical
from app.kinds.secondary_medical.facts import Cover, Settlement
from app.kinds.secondary_medical.facts import Facts as ClaimFacts
from app.kinds.secondary_medical.scheme import Policy as SecondaryMedicalPolicy
from app.policy.book import PolicyBook
from app.policy.decision import Decision
from app.programmes import MODELS, REPLAYERS, shipped

MANY: Final = 100_000
_BATCH, _BATCHES = 200, 40
_DAY: Final = date(2026, 9, 1)
Judge = Callable[[], Decision]


def evaluations() -> dict[str, float]:
    """The median time of one decision with all its texts, in µs: of each kind, given and refused."""
    decisions = _decisions(shipped())
    for name, judge in decisions.items():
        if (judge().outcome == "ineligible") != name.endswith("_refused"):
            raise RuntimeError(f"{name} came out otherwise")
    return {name: round(_median_us(judge), 1) for name, judge in decisions.items()}


def _median_us(judge: Judge) -> float:
    for _ in range(_BATCH):
        judge()
    gc.collect()
    gc.disable()
    try:
        return median(_batch_us(judge) for _ in range(_BATCHES))
    finally:
        gc.enable()


def _batch_us(judge: Judge) -> float:
    begun = time.perf_counter()
    for _ in range(_BATCH):
        judge()
    return (time.perf_counter() - begun) / _BATCH * 1e6


def _decisions(book: PolicyBook) -> dict[str, Judge]:
    told = HouseholdCase(
        file_active=True, filed_on=date(2025, 3, 1), income_fen_yearly=3_000_000, rigid_spending_fen=1_200_000,
        members=3, primary_cause="child_schooling",
    )  # fmt: skip
    household = household_facts(told, _DAY, "440500", book)
    criteria = criteria_of(book, household, _DAY)
    living_policy = book.in_force("hardship_aid", HardshipAidPolicy, _DAY)
    living = next(each for each in hardship_aid.questions(household, living_policy, _DAY) if each.item == "living")
    grant_policy = book.in_force("golden_autumn", GoldenAutumnPolicy, _DAY)
    grant = golden_autumn.question(household, golden_autumn.Student("undergraduate"), grant_policy, _DAY)
    claim_policy = book.in_force("secondary_medical", SecondaryMedicalPolicy, _DAY)
    claim = _claim()
    not_poor = replace(household, income_fen_yearly=90_000_000)
    self_paid = replace(
        claim.settlement, medfee_sumamt_fen=3_700_000, fulamt_ownpay_amt_fen=200_000, psn_cash_pay_fen=900_000
    )
    two_lines = replace(claim, settlement=self_paid)
    private = replace(grant, school_public=False, tuition_fen=90_000_000)

    def aid(given: AidFacts) -> Judge:
        return lambda: hardship_aid_rules.assess(given, living_policy, criteria, decided_on=_DAY)

    def schooling(given: GrantFacts) -> Judge:
        return lambda: golden_autumn_rules.assess(given, grant_policy, criteria, decided_on=_DAY)

    def stay(given: ClaimFacts) -> Judge:
        return lambda: secondary_medical.assess(given, claim_policy, decided_on=_DAY)

    return {
        "hardship_aid": aid(living),
        "hardship_aid_refused": aid(replace(living, household=not_poor)),
        "golden_autumn": schooling(grant),
        "golden_autumn_refused": schooling(private),
        "secondary_medical": stay(claim),
        "secondary_medical_two_lines": stay(two_lines),
        "secondary_medical_refused": stay(replace(claim, cover=None)),
    }


def _claim() -> ClaimFacts:
    return ClaimFacts(
        applied_on=_DAY,
        cover=Cover(starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31), joining="renewal"),
        treatment="inpatient", cause="illness", admitted_on=date(2026, 8, 1), discharged_on=date(2026, 8, 9),
        ward=None, hospital_level=None, events=(), circumstances=(),
        settlement=Settlement(
            settled_on=date(2026, 8, 9), medfee_sumamt_fen=3_500_000, fulamt_ownpay_amt_fen=0,
            overlmt_selfpay_fen=0, preselfpay_amt_fen=100_000, inscp_scp_amt_fen=3_400_000, act_pay_dedc_fen=100_000,
            hifp_pay_fen=2_700_000, hifob_pay_fen=0, cvlserv_pay_fen=0, maf_pay_fen=0, acct_pay_fen=100_000,
            psn_cash_pay_fen=700_000,
        ),
        receipts_fen=None, in_archive=None, settlement_claimed_before=False, paid_before=(),
    )  # fmt: skip


def in_bulk(dsn: str, progress: Progress) -> dict[str, float]:
    """Seconds for so many decisions made again and so many households rehearsed, and the memory that each added."""
    return asyncio.run(_in_bulk(dsn, progress))


async def _in_bulk(dsn: str, progress: Progress) -> dict[str, float]:
    database = await open_database(dsn, "aid_jobs", size=1)
    try:
        replayed = await _timed("重新计算", _replayed(database), progress)
        rehearsed = await _timed("预演", _rehearsed(database), progress)
    finally:
        await database.close()
    return {f"replay_{name}": value for name, value in replayed.items()} | {
        f"rehearse_{name}": value for name, value in rehearsed.items()
    }


async def _timed(what: str, counts: AsyncGenerator[int], progress: Progress) -> dict[str, float]:
    """Runs to the end of at least MANY; memory is compared with that after the first tenth, when caches are warm."""
    task, done, warm, most = progress.add_task(what, total=MANY), 0, 0.0, 0.0
    begun = time.perf_counter()
    async with aclosing(counts) as each:
        async for count in each:
            done += count
            progress.update(task, completed=done)
            held = rss_mib(os.getpid())
            if not warm and done >= MANY // 10:
                warm = held
            most = max(most, held)
            if done >= MANY:
                break
    seconds = time.perf_counter() - begun
    return {"count": done, "seconds": round(seconds, 2), "grew_mib": round(most - warm, 1)}


async def _replayed(database: Database) -> AsyncGenerator[int]:
    async with aclosing(replay(database, KEYRING, MODELS, REPLAYERS, Wanted(limit=MANY))) as pages:
        async for page in pages:
            different = [found for found in page.found if found.differs]
            if different:
                raise RuntimeError(f"{len(different)} decisions came out otherwise: {different[0]}")
            yield len(page.found)


async def _rehearsed(database: Database) -> AsyncGenerator[int]:
    now = datetime.now(UTC)
    policy = shipped().of("hardship_aid", HardshipAidPolicy)[-1]
    assert policy.living is not None
    months = policy.living.cap_months.model_copy(update={"deep": 6})
    living = policy.living.model_copy(update={"cap_months": months})
    begins = now.date() + timedelta(days=30)
    version = policy.model_copy(update={"version": "bench", "in_force_from": begins, "living": living})
    seen = 0
    async with aclosing(rehearse(database, KEYRING, MODELS, Proposed("hardship_aid", version), now)) as pages:
        async for page in pages:
            yield page.tally.seen - seen
            seen = page.tally.seen
