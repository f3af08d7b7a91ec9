"""The way of a change that one person asks for and another decides."""

from app.kernel.actor import Permission
from app.workflow.path import Path, Step

PATH = Path(
    (
        Step("open", "approve", "approved", Permission.DECIDE_CHANGE, needs_note=True, counts_as_review=True),
        Step("open", "reject", "rejected", Permission.DECIDE_CHANGE, needs_note=True, counts_as_review=True),
    )
)
