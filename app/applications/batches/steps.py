"""The same step on many applications: the statement of one step, over rows.

The text is that of `app.applications.steps`: what differs from one application to the next are columns here, and what
is the same for all stays a parameter.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from app.applications.commands import NoticeNotOver
from app.applications.household_caps import cap_for
from app.applications.measures import FileClosed
from app.applications.path import Action
from app.applications.steps import (
    REFUSALS,
    Moved,
    after,
    in_line,
    lacks_room,
    refusal_of,
    step_text,
    values_of,
)
from app.db.statements import Statement, statement
from app.db.transaction import Record
from app.db.work import Work
from app.funds.rules import HOLDS
from app.funds.waiting import hold_budgets
from app.kernel.errors import DomainError
from app.workflow.path import Step

AT_A_TIME: Final = 250
"""So many in one statement: far from its timeout."""
_DIFFERS: Final[Mapping[str, str]] = {
    "id": "uuid",
    "version": "int",
    "from_state": "text",
    "to_state": "text",
    "round": "int",
    "step_round": "int",
    "due_at": "timestamptz",
    "approved_at": "timestamptz",
    "paid_at": "timestamptz",
    "passage_id": "uuid",
    "counts_as_review": "boolean",
    "post_role": "text",
    "organisation_name": "text",
    "on_behalf_of": "uuid",
    "said_of": "text",
    "note": "bytea",
    "measure_id": "uuid",
    "household_cap": "text",
    "audit_id": "uuid",
    "details": "text",
    "message_id": "uuid",
    "body": "text",
}
"""What differs from one application to the next, by its name in `step_text`; JSON travels as text."""


def _over_rows(*, returning: bool) -> str:
    differs = _differing(returning)
    columns = ", ".join(f"its_{name}" for name in differs)
    arrays = ", ".join(f"cast(:all_{name} as {kind}[])" for name, kind in differs.items())
    one = step_text(
        moving=f"from unnest({arrays}) as its ({columns}) where application.id = :id",
        more=", its.*",
        answered="select id, version from moved",
        returning=returning,
    )
    return re.sub(r":(\w+)", lambda found: f"its_{found[1]}" if found[1] in differs else found[0], one)


def _differing(returning: bool) -> Mapping[str, str]:
    return {**_DIFFERS, "earlier_id": "uuid"} if returning else _DIFFERS


_STEPS: Final = {returning: statement(text(_over_rows(returning=returning))) for returning in (False, True)}


# The locks of the trigger `keep_household_cap`, in one order.
_HOLD_CAPS: Final = Statement(
    """
    select pg_advisory_xact_lock(its.key) from (
      select distinct hashtextextended('household_cap|' || a.household_id || '|'
        || date_trunc('year', a.submitted_at at time zone 'Asia/Shanghai') at time zone 'Asia/Shanghai', 0) as key
      from application a where a.id = any($1::uuid[]) and a.household_id is not null order by 1
    ) its
    """,
    ("ids",),
    {},
)


@dataclass(frozen=True, slots=True)
class Taking:
    """A step that is about to be taken on an application that is held; `change`: as of `values_of`."""

    row: Record
    step: Step
    change: Mapping[str, Any]


async def take_all(work: Work, wanted: Sequence[Taking]) -> dict[UUID, Moved | DomainError]:
    """Take these steps, all of one action, each as `take` would; what the database refuses stays as it was.

    It refuses a whole statement for one of its rows, so whatever was refused is tried again in halves. Where money
    runs out, whoever asked later waits: if there is room for them after all, the worker finds it (app/jobs/funding.py).
    """
    outcome: dict[UUID, Moved | DomainError] = {}
    if any(HOLDS.get(each.step.at) != HOLDS.get(each.step.to) for each in wanted):
        await _hold(work, wanted)
        wanted = sorted(wanted, key=lambda each: (each.row["submitted_at"], each.row["id"]))
    waiting = [wanted[n : n + AT_A_TIME] for n in range(0, len(wanted), AT_A_TIME)][::-1]
    while waiting:
        part = waiting.pop()
        try:
            async with work.transaction.attempt():
                taken = await _take(work, part)
        except REFUSALS as violation:
            if len(part) > 1:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]
            elif lacks_room(violation) and part[0].step.otherwise is not None:
                kind = part[0].row["kind"]
                waiting = [[_in_line(each, kind) for each in left] for left in (*waiting, part)]
            else:
                outcome[part[0].row["id"]] = _in_words(violation)
        else:
            outcome |= taken
    return outcome


async def _hold(work: Work, wanted: Sequence[Taking]) -> None:
    """As one approval: the cap of the household first, and then the budgets. In the other order each would wait for
    what the other holds."""
    capped = [
        each.row["id"]
        for each in wanted
        if each.row.get("household_cap") or cap_for(work.policies, each.row, each.step, work.today)
    ]
    if capped:
        await work.transaction.rows(_HOLD_CAPS, ids=capped)
    await hold_budgets(work, [each.row["id"] for each in wanted])


def _in_line(taking: Taking, kind: str) -> Taking:
    """One that grants money of this kind goes to the waiting list."""
    if taking.step.otherwise is None or taking.row["kind"] != kind:
        return taking
    return replace(taking, step=in_line(taking.step))


async def _take(work: Work, part: Sequence[Taking]) -> dict[UUID, Moved]:
    values = [values_of(work, each.row, each.step, **each.change) for each in part]
    returning = part[0].step.action == Action.RETURN
    differs = _differing(returning)
    same = {name: _same(name, values) for name in values[0] if name not in differs}
    arrays = {f"all_{name}": [_plain(of[name]) for of in values] for name in differs}
    moved = await work.transaction.rows(_STEPS[returning], **same, **arrays)
    assert len(moved) == len(part)  # they are held, at the version that was read
    return {each.row["id"]: after(each.row, each.step) for each in part}


def _same(name: str, values: Sequence[Mapping[str, Any]]) -> Any:
    first = values[0][name]
    if any(of[name] != first for of in values):
        raise TypeError(f"{name} differs from one application to the next: it needs a column")
    return first


def _plain(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict) else value


def _in_words(violation: asyncpg.IntegrityConstraintViolationError) -> DomainError:
    """What the database refused of one application. Raises what it was if that is a defect."""
    refusals = {"notice_before_payment": NoticeNotOver, "file_takes_payment": FileClosed}
    constraint = violation.constraint_name
    if constraint in refusals:
        return refusals[constraint]()
    refusal = refusal_of(violation)
    if not isinstance(refusal, DomainError):
        raise refusal
    return refusal
