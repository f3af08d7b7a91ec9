"""The way of a suspicion: raised and cleared by the rules, judged by people. It moves no household file."""

from typing import Final, Literal

from app.kernel.actor import Permission
from app.workflow.path import Path, Step

State = Literal["open", "same", "different", "cleared"]
Verdict = Literal["same", "different"]
STATES: Final = ("open", "same", "different", "cleared")
PATH = Path(
    (
        Step("open", "same", "same", Permission.JUDGE_DUPLICATES, needs_note=True),
        Step("open", "different", "different", Permission.JUDGE_DUPLICATES, needs_note=True),
        Step("open", "clear", "cleared", Permission.SYSTEM),
        Step("cleared", "raise", "open", Permission.SYSTEM),
        # What was judged has changed: the verdict was on other features.
        Step("different", "raise", "open", Permission.SYSTEM),
    )
)
