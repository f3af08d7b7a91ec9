"""Taking back a refusal or an approval before money moves (撤销决定). Nobody commits here; the edge does."""

from typing import Final
from uuid import UUID

from app.applications.commands import Said, SupplementAwaited
from app.applications.path import Action, State, path_of
from app.applications.queries import P
from app.applications.reasons.rules import check_note
from app.applications.recusal import stands_aside
from app.applications.steps import AlreadySigned, Keep, Moved, take
from app.applications.undoing.rules import (
    Passed,
    appeal_is_open,
    last_move,
    of_another_role,
    reviewing,
    signed_before,
    that_stand,
)
from app.db.scope import posts_over
from app.db.statements import insertion
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor, Post
from app.kernel.errors import Conflict, NotAllowed, Recused
from app.kernel.ids import new_id
from app.workflow.path import NotAllowedNow, Step, check_words

_STANDS: Final = insertion(
    P,
    *"id created_at application_id round person_id post_role organisation_name action from_state to_state".split(),
    "counts_as_review",
)


class NothingToUndo(Conflict):
    """这一步不能撤销：只有还没有发放、没有公示期满的“通过”和“不予通过”可以撤销。"""


class AppealUnderWay(Conflict):
    """申请人已经提出申诉，请在申诉中处理，不能另行撤销。"""


class OwnDecision(NotAllowed):
    """自己作出的决定不能由自己撤销，请由同级或上级的其他职务办理。"""


class DecidedBySameRole(NotAllowed):
    """这一决定是由与您相同职务的人作出的，撤销须由同级或上级的其他职务办理。"""


def undoable(actor: Actor, row: Record) -> bool:
    """Whether the actor may take back what led the case, with its timeline, to where it stands."""
    try:
        _checked(actor, row)
    except (Conflict, NotAllowed):
        return False
    return True


async def undo(work: Work, actor: Actor, row: Record, said: Said, keep: Keep) -> Moved:
    """The case goes back to the stage that decided, in a round of its own: what was signed there is void, and what was
    signed before stands. Nothing is deleted. `row` is the case with its timeline.

    Raises NothingToUndo, AppealUnderWay, SupplementAwaited, Recused, NotAllowed, OwnDecision, DecidedBySameRole,
    AlreadySigned, Invalid, StaleVersion, SubjectAlreadyAided.
    """
    step, undone, post = _checked(actor, row)
    check_words(step, said.note, said.reason_code, ())
    check_note(said.note)
    moved = await take(
        work,
        row,
        step,
        keep,
        round=row["round"] + 1,
        person_id=actor.person_id,
        post_role=post.role.value,
        organisation_name=post.place.name,
        note=said.note,
    )
    standing = that_stand(row["timeline"], row["round"], undone)
    await work.transaction.many(_STANDS, [_carried(work, row, moved, each) for each in standing])
    return moved


def _checked(actor: Actor, row: Record) -> tuple[Step, Passed, Post]:
    timeline, path = row["timeline"], path_of(row)
    undone = last_move(row["state"], timeline)
    if undone is None:
        raise NothingToUndo
    try:
        step = path.step(row["state"], Action.UNDO, undone["from_state"])
    except NotAllowedNow:
        raise NothingToUndo from None
    if appeal_is_open(timeline):
        raise AppealUnderWay
    if row["supplement"] == "open":
        raise SupplementAwaited
    if stands_aside(actor, row):
        raise Recused
    posts = reviewing(path, undone["from_state"], posts_over(actor, row))
    if not posts:
        raise NotAllowed
    if undone["person_id"] == str(actor.person_id):
        raise OwnDecision
    post = of_another_role(posts, undone)
    if post is None:
        raise DecidedBySameRole
    if signed_before(timeline, row["round"], undone, actor.person_id):
        raise AlreadySigned
    return step, undone, post


def _carried(work: Work, row: Record, moved: Moved, signed: Passed) -> dict[str, object]:
    """A signature of the round before, as it stands in the new one: who gave it cannot sign a later stage of it."""
    assisted = signed["action"] == Action.ASSIST
    return {
        "id": new_id(),
        "created_at": work.now,
        "application_id": row["id"],
        "round": row["round"] + 1,
        "person_id": UUID(signed["person_id"]),
        "post_role": signed["post_role"],
        "organisation_name": signed["organisation_name"],
        "action": Action.ASSIST if assisted else Action.STAND,
        "from_state": State(moved.state),
        "to_state": State(moved.state),
        "counts_as_review": True,
    }
