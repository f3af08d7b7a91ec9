"""Who is told of posts: whoever may confirm a change, whose post it is, and whoever proposed what was refused."""

from uuid import UUID

from app.appointments.queries import by_id
from app.db.work import Work
from app.jobs.telling import wording
from app.jobs.telling.queries import holders
from app.kernel.actor import Role
from app.messaging.commands import Told, tell

_TIERS = ("unit_id", "street_id", "district_id", "city_id")


async def tell_confirmers(work: Work, fact: dict[str, str]) -> None:
    """Those who may confirm it, at the nearest union that has any; not whose post it is."""
    row = await by_id(work.transaction, UUID(fact["change_id"]))
    if row is None or row["state"] != "proposed":
        return
    for union in (row[tier] for tier in _TIERS if row[tier] is not None):
        people = await holders(work.transaction, union, [Role.SECURITY_ADMIN], work.today)
        others = [each for each in people if each != row["person_id"]]
        if others:
            said = wording.of_post_change_waiting()
            once = f"post_change:{row['id']}:proposed"
            await tell(work, [Told(each, once, "post", *said, "post_change", row["id"]) for each in others])
            return


async def tell_of_post(work: Work, fact: dict[str, str]) -> None:
    """Whose post it is hears of what was confirmed, whoever proposed it of what was refused."""
    row = await by_id(work.transaction, UUID(fact["change_id"]))
    if row is None or row["state"] != fact["state"]:
        return
    if row["state"] == "refused":
        who, said = row["proposed_by"], wording.of_post_change_refused()
    else:
        who, said = row["person_id"], wording.of_post(row["role"], row["organisation_name"], row["from_date"])
    await tell(work, [Told(who, f"post_change:{row['id']}:{row['state']}", "post", *said, "post_change", row["id"])])
