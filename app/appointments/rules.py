"""Which post may be held where, and beside which others. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from app.kernel.actor import Role
from app.kernel.errors import FieldError

_R = Role
OFFICERS: Final = frozenset({_R.SYSTEM_ADMIN, _R.SECURITY_ADMIN, _R.AUDITOR})
"""The three officers (三员): each holds nothing else, and only the city's administrators appoint them."""
_OFFICES: Final = frozenset({"city", "district", "industry"})
_BELOW: Final = frozenset({"unit", "street", "district", "industry"})
LEVELS: Final[Mapping[Role, frozenset[str]]] = {
    _R.UNIT_CLERK: _BELOW,
    _R.UNIT_CHAIR: _BELOW,
    _R.STREET_REVIEWER: frozenset({"street"}),
    # At the city for units that stand right under it.
    _R.DISTRICT_REVIEWER: _OFFICES,
    _R.DISTRICT_LEADER: _OFFICES,
    _R.CITY_REVIEWER: frozenset({"city"}),
    _R.CITY_LEADER: frozenset({"city"}),
    _R.MUTUAL_AID_OFFICER: frozenset({"city"}),
    _R.FINANCE_MAKER: _OFFICES,
    _R.FINANCE_CHECKER: _OFFICES,
    _R.PUBLICITY_EDITOR: _OFFICES,
    _R.PUBLICITY_APPROVER: _OFFICES,
    _R.EVALUATOR: frozenset({"city"}),
    _R.AUDITOR: _OFFICES,
    _R.SYSTEM_ADMIN: _OFFICES,
    _R.SECURITY_ADMIN: _OFFICES,
    _R.HOME_VISITOR: _BELOW | _OFFICES,
}
"""On which levels of unions each role is held."""
AHEAD: Final = timedelta(days=90)


def wrong_place(role: Role, level: str) -> list[FieldError]:
    """What is wrong with holding this role at a union of this level."""
    if level in LEVELS[role]:
        return []
    return [FieldError("/role", "role_not_at_level", "这一级工会没有这个岗位，请核对工会和岗位。")]


def wrong_day(from_date: date, today: date) -> list[FieldError]:
    """A post begins today or within three months: what was done before was done without it."""
    if today <= from_date <= today + AHEAD:
        return []
    return [FieldError("/from_date", "from_date_out_of_range", "起始日期应在今天至三个月以内。")]


def is_apart(role: Role, held: Iterable[str]) -> bool:
    """Whether a role goes with those that somebody holds already."""
    others = set(held) - {role.value}
    return not others if role in OFFICERS else others.isdisjoint(OFFICERS)
