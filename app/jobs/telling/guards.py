"""Who is told of a bill that may have been claimed for before, and of a card that two households share: staff alone."""

from uuid import UUID

from app.db.work import Work
from app.jobs.telling import wording
from app.jobs.telling.queries import apart, card_alert, holders, reuse_hint
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.messaging.commands import Told, tell


def _roles(*permissions: Permission) -> list[Role]:
    return [role for role, held in PERMISSIONS.items() if held.intersection(permissions)]


async def tell_reuse(work: Work, fact: dict[str, str]) -> None:
    """Those who may answer it hear of it, in the district of the case that it is asked of, or else the city."""
    row = await reuse_hint(work.transaction, UUID(fact["hint_id"]))
    if row is None or row["state"] != "open" or str(row["version"]) != fact["version"]:
        return
    union = row["district_id"] or row["city_id"]
    found = await holders(work.transaction, union, _roles(Permission.ANSWER_REUSE), work.today)
    people = await apart(work.transaction, row["application_id"], found)
    said = wording.of_reuse(row["number"])
    once = f"reuse:{row['id']}:{row['version']}"
    await tell(work, [Told(each, once, "reuse", *said, "reuse", row["id"]) for each in people])


async def tell_card(work: Work, fact: dict[str, str]) -> None:
    """Those who review in the districts of the two, and those who pay, hear of it; neither of the two themselves."""
    row = await card_alert(work.transaction, UUID(fact["alert_id"]))
    if row is None or row["state"] != "open":
        return
    unions = {row[name] for name in ("district_a_id", "district_b_id", "city_a_id", "city_b_id")} - {None}
    roles = _roles(Permission.REVIEW_AT_DISTRICT, Permission.START_PAYMENT)
    people = {each for union in unions for each in await holders(work.transaction, union, roles, work.today)}
    said = wording.of_shared_card(row["number_masked"])
    once = f"card_alert:{row['id']}:{row['created_at'].isoformat()}"
    others = sorted(people - {row["person_a_id"], row["person_b_id"]})
    await tell(work, [Told(each, once, "card_alert", *said, "card_alert", row["id"]) for each in others])
