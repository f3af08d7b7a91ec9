"""What happens next: each fact and what is done about it. Every handler is safe to run twice."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from app.applications.commands import take_as_system
from app.applications.events import ApplicationMoved
from app.applications.path import Action, State
from app.applications.queries import by_id_locked
from app.db.transaction import Record
from app.db.work import Work
from app.households.events import HouseholdMoved
from app.households.queries import ACTIVE_STATES, kept_form
from app.households.tables import DEAD_STATES
from app.jobs import rehearsals
from app.jobs.queries import household_locked
from app.jobs.running import Jobs
from app.kernel.business_time import business_date
from app.notices import commands as notices
from app.notices.commands import Published
from app.plans import commands as plans
from app.rehearsals.events import RehearsalAsked
from app.settings import settings
from app.upkeep import commands as upkeep
from app.upkeep.rules import causes_of

Handler = Callable[[Work, dict[str, str]], Awaitable[None]]
LongHandler = Callable[[Jobs, dict[str, str]], Awaitable[None]]


async def open_notice(work: Work, fact: dict[str, str]) -> None:
    """An application that reached the public notice is shown to the public."""
    if fact["to_state"] != State.PUBLIC_NOTICE:
        return
    row = await by_id_locked(work.transaction, UUID(fact["application_id"]))
    if row is None or row["state"] != State.PUBLIC_NOTICE:
        return
    shown = Published(
        application_id=row["id"],
        round=row["round"],
        number=row["number"],
        kind=row["kind"],
        name_masked=row["applicant_masked"],
        organisation_name=row["organisation_name"],
        amount_fen=row["amount_fen"],
    )
    await notices.publish(work, shown, seconds=settings().public_notice_seconds)


async def run_rehearsal(jobs: Jobs, fact: dict[str, str]) -> None:
    """A policy version is rehearsed on the files that live now."""
    await rehearsals.run(jobs, UUID(fact["rehearsal_id"]))


async def note_payment(work: Work, fact: dict[str, str]) -> None:
    """Who was paid was helped."""
    if fact["to_state"] != State.PAID:
        return
    row = await by_id_locked(work.transaction, UUID(fact["application_id"]))
    if row is not None and row["household_id"] is not None and row["paid_at"] is not None:
        await plans.note_help(work, row["household_id"], row["paid_at"])


_BACK_IN_FILE = (*ACTIVE_STATES, "relieved", "suspended", "exit_proposed", "exit_notice")
"""From where a file that was open already comes back to being in force."""


async def look_after_file(work: Work, fact: dict[str, str]) -> None:
    """A file that was opened gets its day for the yearly verification and a proposed plan; one that was left ends its
    plan, and a household that was lifted is watched."""
    to_state = fact["to_state"]
    if to_state not in (*ACTIVE_STATES, *DEAD_STATES):
        return
    row = await household_locked(work.transaction, UUID(fact["household_id"]))
    if row is None:
        return
    if to_state in DEAD_STATES and row["state"] in DEAD_STATES:
        await plans.end_plan(work, row, "achieved" if row["state"] == "lifted" else "left")
        await upkeep.watch(work, row["id"])
    elif row["active_at"] is not None and row["state"] not in DEAD_STATES:
        await upkeep.first_due(work, row["id"], business_date(row["active_at"]))
        if fact["from_state"] not in _BACK_IN_FILE:
            form = kept_form(work.keyring, row)
            await plans.propose_plan(work, row, causes_of(form) if form else ())


async def in_turn(work: Work, fact: dict[str, str], *, handlers: tuple[Handler, ...]) -> None:
    """Several things that follow from one fact."""
    for handler in handlers:
        await handler(work, fact)


HANDLERS: dict[str, Handler] = {
    ApplicationMoved.__name__: partial(in_turn, handlers=(open_notice, note_payment)),
    HouseholdMoved.__name__: look_after_file,
}
LONG_HANDLERS: dict[str, LongHandler] = {RehearsalAsked.__name__: run_rehearsal}
"""What takes longer than one transaction may."""
FACTS = frozenset({*HANDLERS, *LONG_HANDLERS})
"""The facts that somebody handles."""


async def end_notice(work: Work, notice: Record) -> None:
    """A notice whose time is over comes down, and its application is approved; nothing happens the second time."""
    row = await by_id_locked(work.transaction, notice["application_id"])
    if not await notices.close(work, notice["id"]):
        return
    if row is not None and row["state"] == State.PUBLIC_NOTICE and row["round"] == notice["round"]:
        await take_as_system(work, row, Action.END_NOTICE)
