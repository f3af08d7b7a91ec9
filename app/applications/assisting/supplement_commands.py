"""Handing in what was asked for, for somebody without WeChat who signed on paper. Whoever does signs the round, so that
they decide nothing of it."""

from uuid import UUID

from app.applications.assisting.commands import sign
from app.applications.commands import NothingAwaited
from app.applications.queries import case
from app.applications.recusal import post_for, why_not
from app.applications.steps import Moved
from app.applications.supplements.commands import Answered, answer
from app.applications.supplements.queries import open_supplement
from app.db.statements import Statement
from app.db.transaction import Record, Sight
from app.db.work import Work
from app.files import commands as files
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import NotAllowed
from app.people.paper_commands import HasAccount
from app.people.queries import on_paper, person


class HandedInByAsker(NotAllowed):
    """补充要求是您提出的：请由其他工作人员代交，交来以后由您审核。"""


_HAND_OVER = Statement("select hand_over_supplement($1)", ("supplement_id",), {})


async def hand_in(
    work: Work, actor: Actor, application_id: UUID, expected: int, given: Answered, signature: frozenset[UUID]
) -> Moved:
    """As the worker would; the files are theirs from now on, and the picture of their signature stays with whoever took
    it.

    Raises ApplicationNotFound, Recused, NotAllowed, HasAccount, KeptApart, IdentityRequired, NothingAwaited,
    HandedInByAsker, StaleVersion, NotAllowedNow, Invalid, FileGone.
    """
    row = await case(work.transaction, actor, application_id, whole=False, locked=True)
    post = post_for(actor, Permission.ASSIST, row)
    if post is None:
        raise why_not(actor, Permission.ASSIST, row)
    await _expect_no_account(work, row)
    asked = await open_supplement(work.transaction, application_id)
    if asked is None:
        raise NothingAwaited
    if asked["asked_by"] == actor.person_id:
        raise HandedInByAsker
    await _signed(work, actor, row, post)
    worker = Actor(row["applicant_id"], actor.session_id)
    async with work.transaction.seen_by(Sight("worker", worker.person_id)):
        moved = await answer(work, worker, application_id, expected, given)
    await work.transaction.value(_HAND_OVER, supplement_id=asked["id"])
    await files.name(work, "supplement", asked["id"], given.file_ids | signature)
    return moved


async def _expect_no_account(work: Work, row: Record) -> None:
    async with work.transaction.seen_by(Sight("worker", row["applicant_id"])):
        applicant = await person(work.transaction, row["applicant_id"])
    if await on_paper(work.transaction, applicant["id_number_index"]) is None:
        raise HasAccount


async def _signed(work: Work, actor: Actor, row: Record, post: Post) -> None:
    await sign(work, row["id"], row["round"], row["state"], actor.person_id, post.role.value, post.place.name)
