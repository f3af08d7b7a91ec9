"""The way of a home visit, and on which files there may be one."""

from typing import Final, Literal, get_args

from app.kernel.actor import Permission, Role
from app.workflow.path import Path, Step

Purpose = Literal["admission", "annual", "watch", "spot"]
State = Literal["planned", "started", "ended", "confirmed", "cancelled"]
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
PATH = Path(
    (
        Step("planned", "start", "started", Permission.FILL_ASSIGNED_VISIT),
        Step("planned", "cancel", "cancelled", Permission.PLAN_VISIT, needs_note=True),
        Step("started", "end", "ended", Permission.FILL_ASSIGNED_VISIT),
        Step("started", "cancel", "cancelled", Permission.PLAN_VISIT, needs_note=True),
        Step("ended", "sign", "ended", Permission.FILL_ASSIGNED_VISIT),
        Step("ended", "confirm", "confirmed", Permission.OWN),
    )
)
STAFF_ACTIONS: Final = ("start", "end", "sign", "cancel")
VISITORS: Final = (
    Role.HOME_VISITOR,
    Role.UNIT_CLERK,
    Role.UNIT_CHAIR,
    Role.STREET_REVIEWER,
    Role.DISTRICT_REVIEWER,
    Role.DISTRICT_LEADER,
)
"""Who may be sent: a post that reaches the household."""
_UNDER_WAY: Final = ("submitted", "unit_review", "home_visit", "district_review", "means_check", "public_notice")
VISITED_AT: Final[dict[Purpose, tuple[str, ...]]] = {
    "admission": ("home_visit",),
    "annual": ("active", "annual_review", "relieved"),
    "watch": ("lifted", "relieved"),
    "spot": (*_UNDER_WAY, "city_approval", "active", "annual_review", "exit_proposed", "relieved", "suspended"),
}
"""The states of a household file in which it may be visited for this purpose."""
