"""What may be delegated, and for how long. Pure."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final, Literal

from app.kernel.actor import PERMISSIONS, Permission, Role
from app.kernel.errors import FieldError

MOST_DAYS: Final = 30
FARTHEST_START: Final = timedelta(days=180)
DELEGABLE: Final = (
    Permission.ACCEPT_CASE,
    Permission.REVIEW_AT_UNIT,
    Permission.REVIEW_AT_DISTRICT,
    Permission.APPROVE_AT_CITY,
    Permission.APPROVE_MUTUAL_AID,
    Permission.START_PAYMENT,
    Permission.CONFIRM_PAYMENT,
)
"""The steps on applications. What else a post allows stays with its holder."""
Standing = Literal["planned", "running", "over", "ended"]


def delegable(role: Role) -> tuple[Permission, ...]:
    """What of a post may be delegated."""
    return tuple(each for each in DELEGABLE if each in PERMISSIONS[role])


def wrong_days(starts_on: date, ends_on: date, today: date) -> list[FieldError]:
    """What is wrong with the days, for the person who chose them."""
    wrong = []
    if starts_on < today:
        wrong.append(FieldError("/starts_on", "day_passed", "委托不能从今天以前开始。"))
    if starts_on > today + FARTHEST_START:
        wrong.append(FieldError("/starts_on", "day_too_far", "委托最早提前半年办理。"))
    if ends_on < starts_on:
        wrong.append(FieldError("/ends_on", "days_reversed", "结束日期不能早于开始日期。"))
    elif (ends_on - starts_on).days >= MOST_DAYS:
        wrong.append(FieldError("/ends_on", "days_too_many", "一次最多委托 30 天，到期可以再办理。"))
    return wrong


def wrong_permissions(role: Role, permissions: Collection[Permission]) -> list[FieldError]:
    """What of the permissions is not this post's to delegate."""
    allowed = delegable(role)
    if not allowed:
        return [FieldError("/role", "nothing_to_delegate", "这个岗位没有可以委托的办理环节。")]
    return [
        FieldError(f"/permissions/{n}", "not_delegable", "这个岗位不能委托这一项，请重新选择。")
        for n, each in enumerate(permissions)
        if each not in allowed
    ]


def standing(starts_on: date, ends_on: date, ended_at: datetime | None, today: date) -> Standing:
    """Where a delegation stands on a day."""
    if ended_at is not None:
        return "ended"
    if today < starts_on:
        return "planned"
    return "running" if today <= ends_on else "over"
