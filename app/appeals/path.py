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
    WITHDRAWN = "withdrawn"
    """The appellant took it back: the decision stands, and is not appealed against again."""


class Ground(StrEnum):
    REFUSED = "refused"
    TOO_LOW = "too_low"


class AppealAction(StrEnum):
    UPHOLD = "uphold"
    CHANGE = "change"
    WITHDRAW = "withdraw"
    STEP_UP = "step_up"
    """Nobody of the level may decide it any more: it goes on to the next."""


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
    own = (Step(at, AppealAction.WITHDRAW, AppealState.WITHDRAWN, Permission.OWN) for at in WAITING)
    above = Step(AppealState.AT_DISTRICT, AppealAction.STEP_UP, AppealState.AT_CITY, Permission.SYSTEM)
    return Path(
        (
            *_decided(AppealState.AT_DISTRICT, Permission.REVIEW_AT_DISTRICT),
            *_decided(AppealState.AT_CITY, city),
            *own,
            above,
        )
    )


PATHS: dict[Kind, Path] = {kind: _path(city) for kind, city in CITY.items()}
FOLLOWS: dict[tuple[str, str], Action] = {
    (AppealState.AT_DISTRICT, AppealAction.UPHOLD): Action.UPHOLD_DECISION,
    (AppealState.AT_DISTRICT, AppealAction.CHANGE): Action.REOPEN,
    (AppealState.AT_CITY, AppealAction.UPHOLD): Action.UPHOLD_DECISION,
    (AppealState.AT_CITY, AppealAction.CHANGE): Action.CHANGE_DECISION,
    (AppealState.AT_DISTRICT, AppealAction.WITHDRAW): Action.WITHDRAW_APPEAL,
    (AppealState.AT_CITY, AppealAction.WITHDRAW): Action.WITHDRAW_APPEAL,
}
"""What the application does when an appeal is decided: where the district finds for the worker, the city approves."""
