"""Who looks at a decision again, and until when it may be asked for. Pure."""

from datetime import date, datetime

from app.appeals.path import AppealState, Ground
from app.applications.path import State
from app.kernel.business_time import business_date
from app.kernel.working_days import Calendar


def level_of(decided_at: str, *, has_district: bool) -> AppealState:
    """Where an appeal goes: to the level above the one that decided, in the city to somebody else of the city.

    `decided_at`: the state in which it was decided; a draft is refused by the rules, before anybody has looked at it.
    """
    below_district = decided_at in (State.DRAFT, State.RETURNED, State.UNIT_REVIEW)
    return AppealState.AT_DISTRICT if below_district and has_district else AppealState.AT_CITY


def ground_of(state: str) -> Ground:
    return Ground.REFUSED if state == State.REJECTED else Ground.TOO_LOW


def last_day(calendar: Calendar, decided: datetime, working_days: int) -> date:
    """The last day on which an appeal is taken."""
    return calendar.after_working_days(business_date(decided), working_days)
