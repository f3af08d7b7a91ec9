"""A worker with WeChat hears of what staff filled in for them: it waits for their word."""

from uuid import UUID

from app.db.work import Work
from app.jobs.telling import wording
from app.jobs.telling.queries import waits_for_its_worker
from app.messaging.commands import Told, tell

KIND = "filing"


async def tell_of_filled_in_application(work: Work, fact: dict[str, str]) -> None:
    """An application. Whoever has no WeChat signs on paper."""
    await _tell(work, "proxy_application", UUID(fact["filing_id"]), wording.of_filled_in("申请"))


async def tell_of_filled_in_file(work: Work, fact: dict[str, str]) -> None:
    """A household file."""
    await _tell(work, "proxy_filing", UUID(fact["filing_id"]), wording.of_filled_in("家庭档案"))


async def _tell(work: Work, kind: str, filing_id: UUID, said: wording.Said) -> None:
    person_id = await waits_for_its_worker(work.transaction, kind, filing_id)
    if person_id is not None:
        await tell(work, [Told(person_id, f"{KIND}:{filing_id}", KIND, *said, kind, filing_id)])
