"""What a notice shows of whom, and the frozen list that is hashed. Pure.

What is not in `Subject` cannot be shown by mistake: the sealed form, and whatever stands in it, never comes here.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from app.kernel.business_time import SHANGHAI, business_date, rfc3339
from app.kernel.money import yuan
from app.kernel.working_days import Calendar
from app.notices.policy import Level, NoticeKind, NoticePolicy, Shown
from app.policy.replay import canonical, sha256

FORMAT: Final = 1
FREE_BY_LAW: Final = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
"""The holidays of the sun's calendar (全国年节及纪念日放假办法), as month and day."""
NOBODY: Final = "*"
MOST_LINES: Final = 200
"""In one batch: what waits beyond them makes another."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An application, or a household file, that is to be published. Of the name only what is masked already."""

    application_id: UUID | None
    household_id: UUID | None
    person_id: UUID
    round: int
    number: str
    name_masked: str
    union: str
    district: str
    amount_fen: int | None
    agreed: bool
    """Whether they have consented to being published."""


@dataclass(frozen=True, slots=True)
class Line:
    """What everyone may read of one subject."""

    serial: int
    number: str
    name_masked: str
    organisation: str
    amount_fen: int | None
    amount_band: str | None


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands over the lines."""

    organisation_code: str
    organisation: str
    kind: NoticeKind
    level: Level
    policy_version: str
    working_days: int
    hotline: str
    published_at: datetime
    ends_at: datetime


def lines_of(policy: NoticePolicy, level: Level, subjects: Sequence[Subject]) -> tuple[Line, ...]:
    """The lines of a batch, in the order of the subjects."""
    rule = policy.shows.of(level)
    return tuple(
        _line(n, each, rule.agreed if each.agreed else rule.otherwise, policy.bands_fen)
        for n, each in enumerate(subjects, 1)
    )


def _line(serial: int, subject: Subject, shown: Shown, bands: Sequence[int]) -> Line:
    amount = subject.amount_fen
    return Line(
        serial=serial,
        number=subject.number,
        name_masked=_name(subject.name_masked, shown),
        organisation=subject.union if shown.union == "own" else subject.district,
        amount_fen=amount if shown.amount == "exact" else None,
        amount_band=band(amount, bands) if shown.amount == "band" and amount is not None else None,
    )


def _name(masked: str, shown: Shown) -> str:
    """Of 张*明: 张*明, 张**, or nothing but that there is somebody."""
    if shown.name == "hidden" or not masked or masked[0] == NOBODY:
        return NOBODY
    return masked if shown.name == "masked" else f"{masked[0]}**"


def band(amount_fen: int, bands: Sequence[int]) -> str:
    """Between which two of the rising limits an amount lies; a limit belongs to the band below it."""
    below = next((limit for limit in bands if amount_fen <= limit), None)
    above = next((limit for limit in reversed(bands) if limit < amount_fen), None)
    if above is None:
        return f"{yuan(bands[0])}及以下"
    return f"{yuan(above)}以上" if below is None else f"{yuan(above)}至{yuan(below)}"


def end_of_period(calendar: Calendar, start: datetime, days: int) -> datetime:
    """The end (24:00, Asia/Shanghai) of the last of so many whole working days after the day of `start`.

    Of a year whose holidays are not announced yet, what the law names counts as free: rather too long than short.
    """
    day = business_date(start)
    while days > 0:
        day += timedelta(days=1)
        free = calendar.is_provisional(day) and (day.month, day.day) in FREE_BY_LAW
        days -= calendar.works(day) and not free
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI)


def frozen(heading: Heading, lines: Sequence[Line]) -> bytes:
    """The list as it is hashed and kept: canonical JSON of all that is shown."""
    told = asdict(heading) | {"published_at": rfc3339(heading.published_at), "ends_at": rfc3339(heading.ends_at)}
    return canonical({"format": FORMAT, **told, "lines": [asdict(line) for line in lines]})


def is_intact(content: bytes, digest: str, lines: Sequence[Line]) -> bool:
    """Whether a frozen list is what was hashed, and these are the lines that it lists."""
    listed: list[dict[str, Any]] = orjson.loads(content)["lines"]
    return sha256(content) == digest and listed == [asdict(line) for line in lines]
