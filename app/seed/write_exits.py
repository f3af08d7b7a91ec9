"""The exits of the demo world: what was proposed for each file that was left, what the rules said, who is watched."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app.db.base import table_of
from app.db.statements import insertion
from app.db.work import Work
from app.households.exits import DECISION, EVIDENCE, ExitKind, ExitNotSupported, Proposal, judge
from app.households.tables import HouseholdExit
from app.kernel.business_time import business_date
from app.kernel.ids import new_id
from app.policy.periods import months_after
from app.policy.versions import NoPolicyInForce
from app.seed.write import write_all
from app.upkeep.queries import midnight
from app.upkeep.rules import WATCH_MONTHS
from app.upkeep.tables import WatchTask

_INSERT = insertion(
    table_of(HouseholdExit),
    *"id created_at household_id kind code evidence decision proposed_by state ended_at".split(),
)
_INSERT_WATCH = insertion(
    table_of(WatchTask),
    *"id created_at household_id head_id head_masked months due_on version done_at outcome done_by".split(),
    *("city_id", "district_id", "street_id", "unit_id"),
)
_YEARLY, _SPENT, _MONTHS_ABOVE = 40_000_00, 4_000_00, 8
"""What a member of a household that gets by has and spends in a year, in fen; and for how many months so far."""


@dataclass(frozen=True, slots=True)
class Left:
    """A file that was left, or is carried on with standing aid: its row, what it says, and when its exit began and
    ended."""

    row: dict[str, Any]
    form: dict[str, Any]
    kind: ExitKind
    proposed_at: datetime
    ended_at: datetime
    proposed_by: UUID


async def write_exits(work: Work, left: Sequence[Left]) -> None:
    """The exit of each of these files, and the two looks at each household that was lifted."""
    await write_all(work, _INSERT, (_exit(work, each) for each in left))
    lifted = (each for each in left if each.kind == "lifted")
    await write_all(work, _INSERT_WATCH, (task for each in lifted for task in _watched(work, each)))


def _exit(work: Work, left: Left) -> dict[str, Any]:
    exit_id, proposal = new_id(), _proposal(left)
    decision = _decision(work, left, proposal)
    return {
        "id": exit_id,
        "created_at": left.proposed_at,
        "household_id": left.row["id"],
        "kind": left.kind,
        "code": proposal.code,
        "evidence": work.keyring.seal_document(EVIDENCE, exit_id, {**asdict(proposal), "file_ids": []}),
        "decision": work.keyring.seal(DECISION, exit_id, orjson.dumps(decision)) if decision else None,
        "proposed_by": left.proposed_by,
        "state": "ended",
        "ended_at": left.ended_at,
    }


def _proposal(left: Left) -> Proposal:
    if left.kind == "cancelled":
        return Proposal("cancelled", left.row["cancel_code"], (), None, None, None, 0, 0)
    people = 1 + len(left.form["members"])
    months = _MONTHS_ABOVE if left.kind == "lifted" else None
    return Proposal(left.kind, None, (), people * _YEARLY, people * _SPENT, months, 0, 0)


def _decision(work: Work, left: Left, proposal: Proposal) -> dict[str, Any] | None:
    """As the rules of that day saw it; nothing where the day lies before what is known of standards, or it could have
    been lifted and was only relieved."""
    try:
        return judge(left.form, left.row, proposal, business_date(left.proposed_at), work.policies)
    except (ExitNotSupported, NoPolicyInForce):
        return None


def _watched(work: Work, left: Left) -> Iterator[dict[str, Any]]:
    """What was due before today has been seen to."""
    for months in WATCH_MONTHS:
        due_on = months_after(business_date(left.ended_at), months)
        seen = due_on < work.today
        yield {
            "id": new_id(),
            "created_at": left.ended_at,
            "household_id": left.row["id"],
            "head_id": left.row["person_id"],
            "head_masked": left.row["head_masked"],
            "months": months,
            "due_on": due_on,
            "version": 1 + seen,
            "done_at": midnight(due_on) if seen else None,
            "outcome": "stable" if seen else None,
            "done_by": left.proposed_by if seen else None,
        } | {name: left.row[name] for name in ("city_id", "district_id", "street_id", "unit_id")}
