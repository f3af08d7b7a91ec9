"""What stands before the steps of a household file, by the names in its path: asked of several features, so put
together here."""

from typing import Final

from app.db.transaction import Record
from app.db.work import Work
from app.households import gates
from app.households.steps import Gates


async def _nothing_asked(work: Work, row: Record) -> None:
    """Visits and discrepancies are not kept here yet."""


GATES: Final[Gates] = {
    "register_complete": gates.register_complete,
    "not_excluded": gates.not_excluded,
    "classified": gates.classified,
    "visit_confirmed": _nothing_asked,
    "no_open_discrepancy": _nothing_asked,
}
