"""Who hears that somebody without WeChat has something to bring: the staff who may help. They hear a number alone;
whose it is, their list says (app/http/routes/paper_tasks.py)."""

from collections.abc import Iterable
from uuid import UUID

from app.db.transaction import Record
from app.db.work import Work
from app.jobs.telling.queries import has_no_wechat, holders, standing_aside
from app.jobs.telling.wording import Said
from app.kernel.actor import PERMISSIONS, Permission
from app.messaging.commands import Told, tell

KIND = "paper_task"
_HELPERS = [role for role, held in PERMISSIONS.items() if Permission.ASSIST in held]
_TIERS = ("unit_id", "street_id", "district_id", "city_id")


async def tell_helpers(work: Work, row: Record, once: str, said: Said, *, but: Iterable[UUID] = ()) -> None:
    """Those who may help with an application (which has an applicant) or a household file, at the lowest union of it
    that has any; where whose it is has WeChat, nobody. `once` names what has come back; `but`: who cannot help with
    it."""
    about, whose = ("application", row["applicant_id"]) if "applicant_id" in row else ("household", row["person_id"])
    if not await has_no_wechat(work.transaction, whose):
        return
    household_id = row["household_id"] if about == "application" else row["id"]
    for union in (row[tier] for tier in _TIERS if row[tier] is not None):
        people = await holders(work.transaction, union, _HELPERS, work.today)
        aside = {*but, *await standing_aside(work.transaction, people, (whose, household_id))}
        if told := [each for each in people if each not in aside]:
            await tell(work, [Told(each, f"{KIND}:{once}", KIND, *said, about, row["id"]) for each in told])
            return
