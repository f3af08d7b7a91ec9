"""How a line comes to its end: its time is over, an objection to it was decided, or its subject left before.

Whoever moves a subject and its line holds the subject first. An objection holds the line alone.
"""

from uuid import UUID

from app.applications.commands import take_as_system
from app.applications.path import Action, State, path_of
from app.applications.queries import by_id_locked
from app.applications.steps import take
from app.db.transaction import Record
from app.db.work import Work
from app.households import exits, steps
from app.households import queries as households
from app.households.path import PATH
from app.households.steps import Signature
from app.jobs.notices.opening import HOUSEHOLD_NOTICES, open_for
from app.jobs.notices.queries import Column
from app.notices import commands as notices
from app.notices.objection_commands import NOTE
from app.notices.objection_queries import decided
from app.notices.queries import line, live_of, shown_of
from app.people.consents import Purpose


async def end_notice(work: Work, notice: Record) -> None:
    """A notice whose time is over comes down, and what it showed goes on; nothing happens the second time."""
    if notice["household_id"] is not None:
        return await _end_household_notice(work, notice)
    row = await by_id_locked(work.transaction, notice["application_id"])
    if not await notices.end(work, notice["id"]):
        return None
    if row is not None and row["state"] == State.PUBLIC_NOTICE and row["round"] == notice["round"]:
        await take_as_system(work, row, Action.END_NOTICE)
    return None


async def _end_household_notice(work: Work, notice: Record) -> None:
    """A file goes on to the city, or is left as it was proposed; not where an objection has opened another round."""
    row = await households.by_id_locked(work.transaction, notice["household_id"])
    if not await notices.end(work, notice["id"]) or not _is_shown(row, notice):
        return
    assert row is not None
    if row["state"] == "exit_notice":
        await exits.end(work, row)
    else:
        await steps.take_as_system(work, row, "end_notice")


def _is_shown(row: Record | None, notice: Record) -> bool:
    """Whether the household file is still in the state and round that the line was published for."""
    return row is not None and row["round"] == notice["round"] and HOUSEHOLD_NOTICES.get(row["state"]) == notice["kind"]


async def take_down(work: Work, fact: dict[str, str]) -> None:
    """An application that an official objected to, that an appeal changed, or whose approval was taken back, is shown
    no longer as it was."""
    if fact.get("action") in (Action.OBJECT, Action.CHANGE_DECISION, Action.REOPEN, Action.UNDO):
        await _take_down(work, await by_id_locked(work.transaction, UUID(fact["application_id"])))


async def take_down_file(work: Work, fact: dict[str, str]) -> None:
    """A household file that an official objected to is shown no longer."""
    if fact.get("action") == "object":
        await _take_down(work, await households.by_id_locked(work.transaction, UUID(fact["household_id"])))


async def _take_down(work: Work, row: Record | None) -> None:
    """Close the lines of rounds that are void."""
    for each in await live_of(work.transaction, row["id"]) if row else ():
        if row and each["round"] < row["round"]:
            await notices.close(work, each["id"], each["state"], "withdrawn")


async def publish_anew(work: Work, fact: dict[str, str]) -> None:
    """Who no longer consents to being published is shown with as much as is shown without: in another list, from the
    beginning."""
    if fact["purpose"] != Purpose.PUBLIC_NOTICE:
        return
    for each in await shown_of(work.transaction, UUID(fact["person_id"])):
        of: Column = "household_id" if each["application_id"] is None else "application_id"
        lock = households.by_id_locked if of == "household_id" else by_id_locked
        row = await lock(work.transaction, each[of])
        if row is not None and await notices.close(work, each["id"], "open", "withdrawn"):
            await open_for(work, of, row["id"], row["state"], each["kind"], alone=True)


async def settle(work: Work, fact: dict[str, str]) -> None:
    """An objection was decided: dismissed, the line is published again for its whole time; upheld, its subject goes
    back to the district. Where the subject has moved on meanwhile, the line only comes down."""
    notice, found = await line(work.transaction, UUID(fact["notice_id"])), None
    if notice is not None:
        found = await decided(work.transaction, notice["id"])
    if notice is None or found is None or found["state"] == "open":
        return
    if notice["application_id"] is not None:
        await _settle_application(work, notice, found)
    else:
        await _settle_household(work, notice, found)


async def _settle_application(work: Work, notice: Record, found: Record) -> None:
    row = await by_id_locked(work.transaction, notice["application_id"])
    there = row is not None and row["state"] == State.PUBLIC_NOTICE and row["round"] == notice["round"]
    if not await _closed(work, notice, found, there=there) or row is None:
        return
    if found["state"] == "dismissed":
        await open_for(work, "application_id", row["id"], row["state"], row["kind"], alone=True)
        return
    step = path_of(row).step(row["state"], Action.OBJECT)
    await take(
        work,
        row,
        step,
        round=row["round"] + step.opens_round,
        person_id=found["decided_by"],
        post_role=found["post_role"],
        organisation_name=found["organisation_name"],
        note=work.keyring.open_text(NOTE, found["id"], found["note"]),
    )


async def _settle_household(work: Work, notice: Record, found: Record) -> None:
    row = await households.by_id_locked(work.transaction, notice["household_id"])
    if not await _closed(work, notice, found, there=_is_shown(row, notice)) or row is None:
        return
    if found["state"] == "dismissed":
        await open_for(work, "household_id", row["id"], row["state"], notice["kind"], alone=True)
        return
    said = work.keyring.open_text(NOTE, found["id"], found["note"])
    signed = Signature(found["decided_by"], found["post_role"], found["organisation_name"], note=said)
    await steps.take(work, row, PATH.step(row["state"], "object", row["state_before"]), signed)


async def _closed(work: Work, notice: Record, found: Record, *, there: bool) -> bool:
    """Take the suspended line down for good; whether something follows from it for its subject."""
    outcome: notices.Closed = "withdrawn"
    if there:
        outcome = "renewed" if found["state"] == "dismissed" else "upheld"
    return await notices.close(work, notice["id"], "suspended", outcome) and there
