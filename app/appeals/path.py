"""The way of an appeal (申诉), as data: the next level above whoever decided, or another person of the city.

What the outcome does to the application are steps of its own path: `FOLLOWS`.
"""

from enum import StrEnum

from app.applications.path import Action, Kind
from app.kernel.actor import Permission
from app.workflow.path import Path, Step


class AppealState(StrEnum):
    AT_DISTRICT = "at_district"
    AT_CITY = "at_city"
    UPHELD = "upheld"
    """The decision stands."""
    CHANGED = "changed"


class Ground(StrEnum):
    REFUSED = "refused"
    TOO_LOW = "too_low"


class AppealAction(StrEnum):
    UPHOLD = "uphold"
    CHANGE = "change"


WAITING = (AppealState.AT_DISTRICT, AppealState.AT_CITY)
CITY: dict[Kind, Permission] = {
    Kind.HARDSHIP_AID: Permission.APPROVE_AT_CITY,
    Kind.GOLDEN_AUTUMN: Permission.APPROVE_AT_CITY,
    Kind.SECONDARY_MEDICAL: Permission.APPROVE_MUTUAL_AID,
}


def _decided(at: AppealState, by: Permission) -> tuple[Step, ...]:
    return (
        Step(at, AppealAction.UPHOLD, AppealState.UPHELD, by, needs_note=True, counts_as_review=True),
        Step(at, AppealAction.CHANGE, AppealState.CHANGED, by, needs_note=True, counts_as_review=True),
    )


def _path(city: Permission) -> Path:
    return Path(
        (
            *_decided(AppealState.AT_DISTRICT, Permission.REVIEW_AT_DISTRICT),
            *_decided(AppealState.AT_CITY, city),
        )
    )


PATHS: dict[Kind, Path] = {kind: _path(city) for kind, city in CITY.items()}
FOLLOWS: dict[tuple[str, str], Action] = {
    (AppealState.AT_DISTRICT, AppealAction.UPHOLD): Action.UPHOLD_DECISION,
    (AppealState.AT_DISTRICT, AppealAction.CHANGE): Action.REOPEN,
    (AppealState.AT_CITY, AppealAction.UPHOLD): Action.UPHOLD_DECISION,
    (AppealState.AT_CITY, AppealAction.CHANGE): Action.CHANGE_DECISION,
}
"""What the application does when an appeal is decided: where the district finds for the worker, the city approves."""
