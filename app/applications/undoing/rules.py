"""Whether a refusal or an approval can still be taken back, and by whom. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from app.applications.path import Action
from app.kernel.actor import Permission, Post
from app.workflow.path import Path

Passed = Mapping[str, Any]
"""A step of a timeline: action, from_state, to_state, round, person_id, post_role, counts_as_review …"""
_STANDS: Final = (Action.ACCEPT, Action.APPROVE, Action.STAND, Action.ASSIST)
_APPEAL_ENDS: Final = (Action.UPHOLD_DECISION, Action.CHANGE_DECISION, Action.REOPEN, Action.WITHDRAW_APPEAL)


def last_move(state: str, timeline: Sequence[Passed]) -> Passed | None:
    """The refusal or approval by staff that led to where a case stands; None where it came here in another way."""
    moves = [step for step in timeline if step["from_state"] != step["to_state"]]
    last = moves[-1] if moves else None
    if last is None or last["to_state"] != state or last["action"] not in (Action.APPROVE, Action.REJECT):
        return None
    return last if last["post_role"] is not None else None


def appeal_is_open(timeline: Sequence[Passed]) -> bool:
    """Whether somebody is looking at the case again."""
    return any(
        step["action"] == Action.APPEAL
        for n, step in enumerate(timeline)
        if not any(later["action"] in _APPEAL_ENDS for later in timeline[n + 1 :])
    )


def reviewing(path: Path, undone_at: str, posts: Sequence[Post]) -> list[Post]:
    """Those of these posts that could take a decision of this stage back: of the same level or above."""
    later = _reviewers(path, undone_at) | {Permission.APPROVE_AT_CITY}
    held = (post for post in posts if post.allows(Permission.UNDO_REVIEW))
    return [post for post in held if any(post.allows(permission) for permission in later)]


def of_another_role(posts: Sequence[Post], undone: Passed) -> Post | None:
    """The first of these posts that is not of the role which decided."""
    return next((post for post in posts if post.role.value != undone["post_role"]), None)


def _reviewers(path: Path, state: str) -> frozenset[Permission]:
    """Who approves at a stage, and at those that follow it."""
    found: set[Permission] = set()
    waiting, seen = [state], set[str]()
    while waiting:
        at = waiting.pop()
        seen.add(at)
        for step in path.steps:
            if step.at == at and step.action == Action.APPROVE:
                found.add(step.by)
                waiting += [step.to] if step.to not in seen else []
    return frozenset(found)


def that_stand(timeline: Sequence[Passed], round_: int, undone: Passed) -> list[Passed]:
    """The signatures of a round from before the step that is undone, one for each person."""
    before = timeline[: list(timeline).index(undone)]
    signed = [
        step
        for step in before
        if step["counts_as_review"] and step["round"] == round_ and step["action"] in _STANDS and step["person_id"]
    ]
    return list({step["person_id"]: step for step in signed}.values())


def signed_before(timeline: Sequence[Passed], round_: int, undone: Passed, person_id: UUID) -> bool:
    return any(step["person_id"] == str(person_id) for step in that_stand(timeline, round_, undone))
