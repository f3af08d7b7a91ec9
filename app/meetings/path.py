"""The way of a meeting (会议), as data. What its outcome does to the application are steps of that case's own path:
`FOLLOWS`."""

from enum import StrEnum
from typing import Final

from app.applications.path import Action
from app.kernel.actor import Permission
from app.workflow.path import Path, Step


class MeetingState(StrEnum):
    OPEN = "open"
    CARRIED = "carried"
    TURNED_DOWN = "turned_down"
    CANCELLED = "cancelled"


class MeetingAction(StrEnum):
    VOTE = "vote"
    ATTACH_MINUTES = "attach_minutes"
    CARRY = "carry"
    TURN_DOWN = "turn_down"
    CANCEL = "cancel"


class Choice(StrEnum):
    FOR = "for"
    AGAINST = "against"
    ABSTAIN = "abstain"


S, A, P = MeetingState, MeetingAction, Permission
PATH: Final = Path(
    (
        Step(S.OPEN, A.VOTE, S.OPEN, P.VOTE, carries="choice"),
        Step(S.OPEN, A.ATTACH_MINUTES, S.OPEN, P.HOLD_MEETING, carries="file"),
        Step(S.OPEN, A.CARRY, S.CARRIED, P.HOLD_MEETING, gates=("quorum", "majority", "minutes")),
        Step(
            S.OPEN, A.TURN_DOWN, S.TURNED_DOWN, P.HOLD_MEETING, needs_note=True, needs_reason=True,
            gates=("quorum", "no_majority", "minutes"),
        ),
        Step(S.OPEN, A.CANCEL, S.CANCELLED, P.HOLD_MEETING, needs_note=True),
    )
)  # fmt: skip
FOLLOWS: Final[dict[str, Action]] = {A.CARRY: Action.CARRY, A.TURN_DOWN: Action.TURN_DOWN}
"""What the application does when a meeting ends. One that is cancelled leaves it waiting for another."""
GATES: Final[dict[str, str]] = {
    "quorum": "表决人数达到法定人数",
    "majority": "赞成票过半数",
    "no_majority": "赞成票没有过半数",
    "minutes": "已上传会议记录",
}
"""What has to be so before a meeting ends this way or that."""
