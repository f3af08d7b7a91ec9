"""The way of an objection: the line that it names stands still until somebody above the unit has looked into it."""

from typing import Final, Literal, get_args

from app.kernel.actor import Permission
from app.workflow.path import Path, Step

Outcome = Literal["uphold", "dismiss"]
State = Literal["open", "upheld", "dismissed"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
PATH = Path(
    (
        Step("open", "uphold", "upheld", Permission.INVESTIGATE, needs_note=True),
        Step("open", "dismiss", "dismissed", Permission.INVESTIGATE, needs_note=True),
    )
)
