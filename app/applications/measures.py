"""Every payment is made under a measure of the household's plan (一户一计划、一户一措施)."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from app.applications.path import Kind
from app.db.transaction import Record, Transaction
from app.households.path import DEAD_STATES
from app.households.queries import states_of
from app.kernel.errors import Conflict
from app.plans.queries import running_measures
from app.plans.rules import MeasureKind, terms_of

_BY_KIND: Final[dict[Kind, MeasureKind]] = {Kind.HARDSHIP_AID: "living_aid", Kind.GOLDEN_AUTUMN: "schooling"}
_BY_ITEM: Final[dict[str, MeasureKind]] = {"medical": "medical"}


class FileClosed(Conflict):
    """这户的家庭档案已经结束，不能再从这份档案发放帮扶款。"""


class MeasureMissing(Conflict):
    """这户执行中的帮扶计划里没有这笔付款所对应的措施，暂不能付款；请所在工会先在计划中增加这项措施并认领。"""


def measure_kind(kind: Kind, item: str | None) -> MeasureKind | None:
    """The measure that a kind of aid, and what of it is asked for, belongs to. The insurance is a contract: none."""
    usual = _BY_KIND.get(kind)
    return usual if usual is None or kind is not Kind.HARDSHIP_AID else _BY_ITEM.get(item or "", usual)


async def measures_for(transaction: Transaction, rows: Iterable[Record]) -> dict[UUID, UUID | Conflict | None]:
    """The measure that each application is paid under, by their ids; None where no household is aided. A refusal is a
    value here: MeasureMissing, naming the measure that the plan must have, or FileClosed."""
    of = {row["id"]: row for row in rows}
    households = sorted({row["household_id"] for row in of.values() if row["household_id"] and _wanted(row)})
    states = await states_of(transaction, households)
    sought = sorted({row["household_id"] for row in of.values() if _is_sought(row)})
    running = await running_measures(transaction, sought)

    def one(row: Record) -> UUID | Conflict | None:
        wanted, household_id = _wanted(row), row["household_id"]
        try:
            if wanted and household_id:
                _check_open(states.get(household_id))
            if not _is_sought(row):
                kept: UUID | None = row["measure_id"]
                return kept
            assert wanted is not None
            return _found(row, wanted, running.get((household_id, wanted)))
        except Conflict as refusal:
            return refusal

    return {application_id: one(row) for application_id, row in of.items()}


def _wanted(row: Record) -> MeasureKind | None:
    return measure_kind(Kind(row["kind"]), row["item"])


def _is_sought(row: Record) -> bool:
    return row["measure_id"] is None and row["household_id"] is not None and _wanted(row) is not None


def _check_open(state: str | None) -> None:
    if state in DEAD_STATES:
        raise FileClosed


def _found(row: Record, wanted: MeasureKind, running: UUID | None) -> UUID:
    if running is None:
        raise MeasureMissing(household_id=str(row["household_id"]), measure=wanted, measure_name=terms_of(wanted).name)
    return running
