"""Handing in what was asked for, for somebody without WeChat who signed on paper. Whoever does signs the round, so that
they decide nothing of it."""

from dataclasses import dataclass
from uuid import UUID

from app.applications.assisting.commands import sign
from app.applications.assisting.helping import applicant_on_paper
from app.applications.commands import NothingAwaited, expect_version
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


class HandedInByAsker(NotAllowed):
    """补充要求是您提出的：请由其他工作人员代交，交来以后由您审核。"""


_HAND_OVER = Statement("select hand_over_supplement($1)", ("supplement_id",), {})


@dataclass(frozen=True, slots=True)
class HandingIn:
    """A case that waits for what was asked for, and the post by which somebody hands it in."""

    row: Record
    post: Post
    supplement_id: UUID


async def to_hand_in(work: Work, actor: Actor, application_id: UUID, expected: int) -> HandingIn:
    """What somebody may hand in for a worker without WeChat, held until commit.

    Raises ApplicationNotFound, Recused, NotAllowed, NothingAwaited, HandedInByAsker, StaleVersion, HasAccount.
    """
    row = await case(work.transaction, actor, application_id, whole=False, locked=True)
    post = post_for(actor, Permission.ASSIST, row)
    if post is None:
        raise why_not(actor, Permission.ASSIST, row)
    asked = await open_supplement(work.transaction, application_id)
    if asked is None:
        raise NothingAwaited
    if asked["asked_by"] == actor.person_id:
        raise HandedInByAsker
    expect_version(row, expected)
    await applicant_on_paper(work, row)
    return HandingIn(row, post, asked["id"])


async def hand_in(work: Work, actor: Actor, to: HandingIn, given: Answered, signature: frozenset[UUID]) -> Moved:
    """As the worker would; the files are theirs from now on, and the picture of their signature stays with whoever took
    it.

    Raises AlreadySigned, KeptApart, IdentityRequired, NotAllowedNow, Invalid, FileGone.
    """
    row, signed = to.row, (actor.person_id, to.post.role.value, to.post.place.name)
    await sign(work, row["id"], row["round"], row["state"], *signed)
    worker = Actor(row["applicant_id"], actor.session_id)
    by = dict(zip(("person_id", "post_role", "organisation_name"), signed, strict=True))
    async with work.transaction.seen_by(Sight("worker", worker.person_id)):
        moved = await answer(work, worker, row["id"], row["version"], given, **by)
    await work.transaction.value(_HAND_OVER, supplement_id=to.supplement_id)
    await files.name(work, "supplement", to.supplement_id, given.file_ids | signature)
    return moved
