"""A reminder reaches the worker and whoever of the staff is responsible for the household, each once."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from app.contact_cards.queries import responsible
from app.db.transaction import Record
from app.db.work import Work
from app.households.path import DEAD_STATES
from app.households.queries import keeper_of
from app.jobs.import_queries import files_of
from app.kernel.actor import Permission
from app.messaging.commands import Told, tell
from app.organisations.queries import held_at, organisation, posts
from app.upkeep.wording import reminding


async def deliver(work: Work, fact: Mapping[str, str]) -> None:
    """Twice is once. Nothing is said of a file that has ended since."""
    household_id, about, due_on = UUID(fact["household_id"]), fact["about"], date.fromisoformat(fact["due_on"])
    row = (await files_of(work.transaction, [household_id])).get(household_id)
    if row is None or (about == "review" and row["state"] in DEAD_STATES):
        return
    said = reminding(about, due_on, int(fact["days"]), row["head_masked"], row["number"])
    once = f"reminder:{household_id}:{about}:{due_on}:{fact['days']}"
    texts = {row["person_id"]: said.to_worker}
    texts |= {person_id: said.to_staff for person_id in await _staff_of(work, row) if person_id not in texts}
    await tell(
        work,
        [
            Told(person_id, once, f"{about}_due", said.title, text, "household", household_id)
            for person_id, text in texts.items()
        ],
    )


async def _staff_of(work: Work, row: Record) -> list[UUID]:
    """The person responsible, as long as they hold a post over the household; else the clerks of the union that keeps
    its file, else those of the unions above."""
    who = await responsible(work.transaction, row["id"])
    if who is not None and who["until_date"] is None:
        held = await posts(work.transaction, who["person_id"], work.today)
        if any(post.allows(Permission.READ_CASES) and row[f"{post.place.tier}_id"] == post.place.id for post in held):
            return [who["person_id"]]
    union = await organisation(work.transaction, keeper_of(row))
    for tier in ("unit_id", "street_id", "district_id", "city_id"):
        if union[tier] is None:
            continue
        above = await organisation(work.transaction, union[tier])
        clerks = [
            person_id
            for person_id, post in await held_at(work.transaction, above, work.today)
            if post.allows(Permission.ACCEPT_CASE)
        ]
        if clerks:
            return sorted(set(clerks))
    return []
