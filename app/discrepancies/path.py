"""The way of a discrepancy: the worker may answer, the district decides. It leads to no verdict on the household."""

from typing import Final, Literal, get_args

from app.kernel.actor import Permission
from app.workflow.path import Path, Step

Source = Literal["visit", "match"]
Outcome = Literal["file_right", "found_right", "explained"]
State = Literal["open", "answered", "resolved"]
SOURCES: Final[tuple[Source, ...]] = get_args(Source)
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
PATH = Path(
    (
        Step("open", "answer", "answered", Permission.OWN),
        Step("open", "resolve", "resolved", Permission.REVIEW_AT_DISTRICT, needs_note=True),
        Step("answered", "resolve", "resolved", Permission.REVIEW_AT_DISTRICT, needs_note=True),
    ),
)
