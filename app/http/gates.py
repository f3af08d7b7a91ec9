"""What stands before the steps of a household file, by the names in its path: asked of several features, so put
together here."""

from typing import Final

from app.db.transaction import Record
from app.db.work import Work
from app.discrepancies.queries import open_count
from app.households import gates
from app.households.steps import Gates
from app.kernel.errors import Conflict
from app.visits.queries import confirmed_admission_visit


class VisitNotConfirmed(Conflict):
    """还没有入户走访，或者走访结果还没有得到本人确认，不能上报。"""


class DiscrepanciesOpen(Conflict):
    """还有与档案不一致的情况没有核实清楚，不能继续办理。"""


async def visit_confirmed(work: Work, row: Record) -> None:
    """The household was visited in this round, and the worker confirmed what was found. Raises VisitNotConfirmed."""
    if not await confirmed_admission_visit(work.transaction, row["id"], row["round"]):
        raise VisitNotConfirmed


async def no_open_discrepancy(work: Work, row: Record) -> None:
    """Nothing that was found otherwise than the file says waits for an answer. Raises DiscrepanciesOpen."""
    count = await open_count(work.transaction, row["id"])
    if count:
        raise DiscrepanciesOpen(count=str(count))


GATES: Final[Gates] = {
    "register_complete": gates.register_complete,
    "not_excluded": gates.not_excluded,
    "classified": gates.classified,
    "visit_confirmed": visit_confirmed,
    "no_open_discrepancy": no_open_discrepancy,
}
