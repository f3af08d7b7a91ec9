"""The plans of the demo world, as the system proposes them when a file is opened: nobody has taken a measure on yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.db.base import table_of
from app.db.statements import insertion
from app.db.work import Work
from app.kernel.business_time import business_date
from app.kernel.ids import new_id
from app.plans.rules import proposed_for, usual_due
from app.plans.tables import Measure, Plan
from app.seed.invented import File
from app.seed.write import Placed, write_all

WITHOUT_EVERY = 10
"""Of the households that are invented by the hundred one in so many waits for a plan."""
_INSERT_PLAN = insertion(table_of(Plan), *"id created_at household_id state origin version".split())
_INSERT_MEASURE = insertion(
    table_of(Measure), *"id created_at updated_at plan_id household_id kind state version due_on".split()
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is in force, and since when."""

    head: Placed
    file: File
    id: UUID
    at: datetime


def is_planned(head: Placed) -> bool:
    """Whether the household of this head has a plan."""
    return not head.who.sim_name.startswith("synthetic") or head.who.number % WITHOUT_EVERY != 0


async def write_plans(work: Work, opened: Sequence[Opened]) -> None:
    """A plan and its proposed measures for each of these files that has one."""
    planned = [(new_id(), each) for each in opened if is_planned(each.head)]
    await write_all(
        work,
        _INSERT_PLAN,
        (
            {
                "id": plan_id,
                "created_at": each.at,
                "household_id": each.id,
                "state": "open",
                "origin": "system",
                "version": 1,
            }
            for plan_id, each in planned
        ),
    )
    await write_all(work, _INSERT_MEASURE, (row for plan_id, each in planned for row in _measures(plan_id, each)))


def _measures(plan_id: UUID, each: Opened) -> Iterator[dict[str, Any]]:
    form = each.file.form
    for kind in proposed_for((form.primary_cause, *form.secondary_causes)):
        yield {
            "id": new_id(),
            "created_at": each.at,
            "updated_at": each.at,
            "plan_id": plan_id,
            "household_id": each.id,
            "kind": kind,
            "state": "proposed",
            "version": 1,
            "due_on": usual_due(kind, business_date(each.at)),
        }
