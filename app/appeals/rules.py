"""Who looks at a decision again, and until when it may be asked for. Pure."""

from collections.abc import Sequence
from datetime import date, datetime

from app.appeals.path import PATHS, AppealAction, AppealState, Ground
from app.applications.path import Action, Kind, State
from app.kernel.actor import PERMISSIONS, Role
from app.kernel.business_time import business_date
from app.kernel.working_days import Calendar

DECISIONS = (Action.REJECT, Action.REFUSE_BY_RULE, Action.CARRY, Action.TURN_DOWN, Action.CHANGE_DECISION)
"""Steps that decide an application wherever they are taken; the city's approval does where no meeting follows it."""


def level_of(decided_at: str, *, has_district: bool) -> AppealState:
    """Where an appeal goes: to the level above the one that decided, in the city to somebody else of the city.

    `decided_at`: the state in which it was decided; a draft is refused by the rules, before anybody has looked at it.
    """
    below_district = decided_at in (State.DRAFT, State.RETURNED, State.UNIT_REVIEW)
    return AppealState.AT_DISTRICT if below_district and has_district else AppealState.AT_CITY


def deciders_at(kind: Kind, state: str) -> list[Role]:
    """The roles whose holders decide such an appeal where it waits."""
    permission = PATHS[kind].step(state, AppealAction.UPHOLD).by
    return [role for role, held in PERMISSIONS.items() if permission in held]


def ground_of(state: str) -> Ground:
    return Ground.REFUSED if state == State.REJECTED else Ground.TOO_LOW


def last_day(calendar: Calendar, decided: datetime, working_days: int) -> date:
    """The last day on which an appeal is taken."""
    return calendar.after_working_days(business_date(decided), working_days)


def is_decision(action: str, from_state: str) -> bool:
    """Whether a step decides an application: a refusal, what a meeting decided, the city's approval, or what an appeal
    has changed."""
    return action in DECISIONS or (action == Action.APPROVE and from_state == State.CITY_APPROVAL)


def may_appeal(steps: Sequence[tuple[str, str, datetime]], calendar: Calendar, working_days: int, today: date) -> bool:
    """Whether the last decision among these steps (action, state before, instant; oldest first) can still be appealed:
    in time, and not yet."""
    for action, from_state, at in reversed(steps):
        if action == Action.APPEAL:
            return False
        if is_decision(action, from_state):
            return today <= last_day(calendar, at, working_days)
    return False
