"""The way of a change that one person asks for and another decides, unless it is taken back before."""

from app.kernel.actor import Permission
from app.workflow.path import Path, Step

PATH = Path(
    (
        Step("open", "approve", "approved", Permission.DECIDE_CHANGE, needs_note=True, counts_as_review=True),
        Step("open", "reject", "rejected", Permission.DECIDE_CHANGE, needs_note=True, counts_as_review=True),
        Step("open", "withdraw", "withdrawn", Permission.OWN, optional=True),
    )
)
DECISIONS = tuple(step.action for step in PATH.steps if step.by is Permission.DECIDE_CHANGE)
