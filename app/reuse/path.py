"""The way of a hint: raised and cleared by what is found, answered by whoever reviews the case. It moves no case."""

from typing import Final, Literal

from app.kernel.actor import Permission
from app.workflow.path import Path, Step

State = Literal["open", "same", "different", "cleared"]
Verdict = Literal["same", "different"]
STATES: Final = ("open", "same", "different", "cleared")
PATH = Path(
    (
        Step("open", "same", "same", Permission.ANSWER_REUSE, needs_note=True),
        Step("open", "different", "different", Permission.ANSWER_REUSE, needs_note=True),
        # Whoever looks again may find otherwise: as long as the case is under review nothing is final.
        Step("same", "different", "different", Permission.ANSWER_REUSE, needs_note=True),
        Step("different", "same", "same", Permission.ANSWER_REUSE, needs_note=True),
        Step("open", "clear", "cleared", Permission.SYSTEM),
        Step("same", "clear", "cleared", Permission.SYSTEM),
        Step("cleared", "raise", "open", Permission.SYSTEM),
        # More is equal than when it was answered.
        Step("different", "raise", "open", Permission.SYSTEM),
    )
)
