"""Contact cards that say what is so no more are issued again, without waiting for somebody to print them."""

from uuid import UUID

from app.contact_cards.card import Measure
from app.contact_cards.commands import Issuer, current
from app.contact_cards.queries import card
from app.documents.printing import Press
from app.households.path import DEAD_STATES
from app.households.queries import keeper_of
from app.jobs.queries import household_locked
from app.jobs.running import Jobs
from app.organisations.queries import organisation
from app.plans.queries import told_on_card
from app.settings import settings


async def issue_again(jobs: Jobs, household_id: UUID) -> None:
    """Whoever has a card of the household gets the one that is right now; nothing happens where theirs still is, or the
    household never had one. Raises NotPrinted."""
    press = Press()
    try:
        async with jobs.work() as work:
            household = await household_locked(work.transaction, household_id)
            if household is None or household["state"] in DEAD_STATES:
                return
            if await card(work.transaction, household_id) is None:
                return
            union = await organisation(work.transaction, keeper_of(household))
            measures = [Measure(*each) for each in await told_on_card(work.transaction, work.keyring, household_id)]
            await current(work, None, household, Issuer(press, settings().printed_link, union["name"], measures))
    finally:
        await press.close()
