"""Who waits for money is funded when there is room; what is held too long is let go of; the books are looked at."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from app.applications.commands import take_as_system
from app.applications.path import Action, State, path_of
from app.applications.queries import by_id_locked
from app.applications.steps import NoRoom, take
from app.db.work import Work
from app.funds.ledger import keep_balances, wrong_books
from app.funds.policy import KIND, FundOrder
from app.funds.queries import budgets_of_case, stale, wrong_budgets
from app.funds.rules import gives_room_back
from app.funds.waiting import fits, next_in_line, resumes_at
from app.jobs.running import Jobs
from app.policy.versions import NoPolicyInForce

BATCH = 50
log = structlog.get_logger("aid.funding")


async def after_step(jobs: Jobs, fact: dict[str, str]) -> None:
    """What a step gave back goes to whoever waits for it; who has come to wait may find room that came meanwhile."""
    if not gives_room_back(fact["from_state"], fact["to_state"]) and fact["to_state"] != State.WAITING_FUNDS:
        return
    async with jobs.work() as work:
        budgets = await budgets_of_case(work.transaction, UUID(fact["application_id"]), work.today.year)
    await fund(jobs, budgets)


async def fund(jobs: Jobs, budget_ids: Sequence[UUID]) -> int:
    """Fund whoever waits for these budgets in the order of the list, each in a transaction of its own, until one does
    not fit: nobody overtakes them. Safe to run twice, or at once. Answers how many were funded."""
    left, funded = set(budget_ids), 0
    while left:
        async with jobs.work() as work:
            first = await next_in_line(work, left)
        if first is None:
            break
        if await _funded(jobs, first["id"]):
            funded += 1
        else:
            left.discard(first["budget_id"])
    return funded


async def _funded(jobs: Jobs, application_id: UUID) -> bool:
    try:
        async with jobs.work() as work:
            return await _fund_one(work, application_id)
    except NoRoom:  # others were faster than this question
        return False


async def _fund_one(work: Work, application_id: UUID) -> bool:
    row = await by_id_locked(work.transaction, application_id)
    if row is None or row["state"] != State.WAITING_FUNDS or not await fits(work, application_id):
        return False
    resumes = await resumes_at(work.transaction, application_id)
    await take(work, row, path_of(row).step(row["state"], Action.FUND, resumes))
    return True


async def expire_all(jobs: Jobs) -> int:
    """What has been held for longer than the policy says and is not being paid goes back; its case waits anew. Safe to
    run twice. Answers how many."""
    expired, tried = 0, set[UUID]()
    while True:
        async with jobs.work() as work:
            try:
                days = work.policies.in_force(KIND, FundOrder, work.today).reservation_days
            except NoPolicyInForce:
                return expired
            found = await stale(work.transaction, work.now - timedelta(days=days), BATCH)
        waiting = [each["id"] for each in found if each["id"] not in tried]
        for application_id in waiting:
            expired += await _expired(jobs, application_id)
            tried.add(application_id)
        if not waiting:
            return expired


async def _expired(jobs: Jobs, application_id: UUID) -> bool:
    async with jobs.work() as work:
        row = await by_id_locked(work.transaction, application_id)
        if row is None or row["state"] != State.APPROVED:
            return False
        await take_as_system(work, row, Action.EXPIRE_RESERVATION)
        return True


async def keep_books(jobs: Jobs) -> int:
    """Write down yesterday's balances, and say so if budgets, drawings and books do not agree. How many do not."""
    async with jobs.work() as work:
        await keep_balances(work)
        budgets = await wrong_budgets(work.transaction)
        books = await wrong_books(work.transaction, work.today + timedelta(days=1))
    for budget_id in budgets:
        log.error("budget_wrong", budget_id=str(budget_id))
    for fund_id in books:
        log.error("books_wrong", fund_id=str(fund_id))
    return len(budgets) + len(books)
