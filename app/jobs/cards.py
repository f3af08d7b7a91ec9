"""Contact cards that say what is so no more are issued again, without waiting for somebody to print them; and the hash
of each new one is kept."""

from hashlib import sha256
from uuid import UUID

from app.contact_cards.card import Measure
from app.contact_cards.commands import Issuer, current, drawn, keep_hash
from app.contact_cards.queries import card
from app.db.work import Work
from app.documents.printing import Press
from app.households.path import DEAD_STATES
from app.households.queries import keeper_of
from app.jobs.queries import household_locked
from app.jobs.running import Jobs
from app.organisations.queries import organisation
from app.plans.queries import told_on_card
from app.settings import settings


async def issue_again(work: Work, household_id: UUID) -> None:
    """Whoever has a card of the household gets the one that is right now; nothing happens where theirs still is, or the
    household never had one."""
    household = await household_locked(work.transaction, household_id)
    if household is None or household["state"] in DEAD_STATES:
        return
    if await card(work.transaction, household_id) is None:
        return
    union = await organisation(work.transaction, keeper_of(household))
    measures = [Measure(*each) for each in await told_on_card(work.transaction, work.keyring, household_id)]
    await current(work, None, household, Issuer(union["name"], measures))


async def draw(jobs: Jobs, household_id: UUID) -> None:
    """The current card is drawn once, between two transactions, and its hash kept. Raises NotPrinted."""
    async with jobs.work() as work:
        row = await card(work.transaction, household_id)
    if row is None or row["sha256"] is not None:
        return
    press = Press()
    try:
        pdf = await drawn(jobs.keyring, row, press, settings().printed_link)
    finally:
        await press.close()
    async with jobs.work() as work:
        await keep_hash(work, row["id"], sha256(pdf).hexdigest())
