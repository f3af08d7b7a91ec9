"""What hangs on a household file goes with it to the union that takes it over."""

from typing import Final

from app.change_requests.tables import ChangeRequest
from app.db.base import table_of
from app.db.transaction import Record, Transaction
from app.discrepancies.tables import Discrepancy
from app.jobs.queries import scope_of_file
from app.upkeep.tables import WatchTask
from app.visits.tables import Visit

TIERS: Final = ("city_id", "district_id", "street_id", "unit_id")
_FOLLOW: Final = [scope_of_file(table_of(model)) for model in (Discrepancy, Visit, ChangeRequest, WatchTask)]


async def follow(transaction: Transaction, household: Record) -> None:
    """Its discrepancies, visits, requests for changes and watch tasks are from now on seen where the file is seen."""
    for follow in _FOLLOW:
        await transaction.run(follow, of_household=household["id"], **{tier: household[tier] for tier in TIERS})
