"""A case that staff help with, and the account of whoever it is for."""

from uuid import UUID

from app.applications.queries import ApplicationNotFound, case
from app.applications.recusal import post_for, why_not
from app.db.transaction import Record, Sight
from app.db.work import Work
from app.kernel.actor import Actor, Permission
from app.people.paper_commands import HasAccount
from app.people.queries import PersonNotFound, on_paper, person


async def to_help(work: Work, actor: Actor, application_id: UUID) -> Record:
    """A case that somebody may help with. Raises ApplicationNotFound, Recused, NotAllowed."""
    found = await case(work.transaction, actor, application_id, whole=False)
    if post_for(actor, Permission.ASSIST, found) is None:
        raise why_not(actor, Permission.ASSIST, found)
    return found


async def applicant_of(work: Work, row: Record) -> Record:
    """The account of a case's applicant. Staff see no accounts: it is looked at as its owner would.

    Raises ApplicationNotFound where it is closed.
    """
    async with work.transaction.seen_by(Sight("worker", row["applicant_id"])):
        try:
            return await person(work.transaction, row["applicant_id"])
        except PersonNotFound:
            raise ApplicationNotFound from None


async def applicant_on_paper(work: Work, row: Record) -> Record:
    """The same of somebody who has no WeChat, held until commit. Raises ApplicationNotFound, HasAccount."""
    applicant = await applicant_of(work, row)
    if await on_paper(work.transaction, applicant["id_number_index"]) is None:
        raise HasAccount
    return applicant
