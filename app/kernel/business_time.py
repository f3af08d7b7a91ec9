"""Which day it is for the service, and how instants are written. The clock itself is read only at the edge."""

from datetime import date, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")

# Answers promise +08:00; the zone itself was at +09:00 in the summers of 1986–1991 and at +08:05:43 before 1901.
_ANSWERED_IN: Final = timezone(timedelta(hours=8))

_ACADEMIC_YEAR_OPENS = 7


def business_date(instant: datetime) -> date:
    """The date in Shanghai at this instant: 16:00Z is already the next day.

    Raises ValueError without an offset, OverflowError if the local date leaves the years 1–9999.
    """
    return _aware(instant).astimezone(SHANGHAI).date()


def answered(instant: datetime) -> datetime:
    """The same instant at +08:00, which orjson then writes just as `rfc3339` would, at a fraction of its cost.

    Raises ValueError without an offset, OverflowError if the local date leaves the years 1–9999.
    """
    if instant.tzinfo is None:
        raise ValueError("instant must carry an offset")
    return instant.astimezone(_ANSWERED_IN)


def rfc3339(instant: datetime) -> str:
    """The instant in RFC 3339 with offset +08:00, with microseconds only if it has any.

    Raises ValueError without an offset, OverflowError if the local date leaves the years 1–9999.
    """
    return _aware(instant).astimezone(_ANSWERED_IN).isoformat()


def academic_year(on: date) -> int:
    """The year Y of the academic year Y/Y+1 a grant asked for on this day belongs to.

    Teaching runs September to July, but grants for the coming year open on 1 July (金秋助学): from then on it is Y.
    """
    return on.year if on.month >= _ACADEMIC_YEAR_OPENS else on.year - 1


def _aware(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError("instant must carry an offset")
    return instant
