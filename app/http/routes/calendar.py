"""The working-day calendar (工作日历), as staff see, complete and correct it."""

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from app.audit.commands import record
from app.calendars.commands import FIRST_YEAR, enter_year, set_day
from app.calendars.queries import Year, year_of
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import In
from app.kernel.actor import Permission, Tier
from app.kernel.errors import FieldError, Invalid, NotAllowed
from app.policy.fields import LAST_YEAR, IsoDate, ShortText

router = APIRouter(prefix=f"{PREFIX}/staff/calendar", tags=["工作日历"], route_class=Door)
Reader = Annotated[Desk, staff(Permission.READ_CASES)]
Keeper = Annotated[Desk, staff(Permission.KEEP_CALENDAR)]
THE_CALENDAR: Final = UUID(int=0)
"""The subject of what is recorded: the calendar's rows have no ids, the details name the day or the year."""


def _year(value: object) -> object:
    if isinstance(value, str) and not (len(value) == 4 and value.isascii() and value.isdigit()):
        raise PydanticCustomError("year_format", "年份应写成四位数字，例如 2027。")
    return value


YearOfPath = Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR), BeforeValidator(_year), Path(description="年份")]
DayOfPath = Annotated[IsoDate, Path(description="日期，例如 2027-02-14")]


class DayThatDiffers(In):
    """与平常不同的一天：工作日放假，或周末上班（调休）。"""

    day: IsoDate
    works: Annotated[bool, Field(description="true 上班，false 放假")]


class YearNotice(In):
    source: Annotated[ShortText, Field(description="国务院办公厅通知的名称或文号")]
    days: Annotated[
        list[DayThatDiffers], Field(min_length=1, max_length=100, description="放假的工作日和调休上班的周末，逐日写明")
    ]


class DayCorrection(In):
    works: Annotated[bool, Field(description="true 上班，false 放假")]
    source: Annotated[ShortText, Field(description="依据：通知的名称或文号")]


class CalendarDayView(BaseModel):
    """与平常不同的一天。"""

    day: str
    works: bool
    source: str


class CalendarYearView(BaseModel):
    """一年的工作日历：没有列出的日子，周一至周五上班。"""

    year: int
    provisional: bool = Field(description="这一年的放假安排还没有录入，暂按周一至周五上班推算")
    source: str | None
    days: list[CalendarDayView]


@router.get("/{year}", summary="一年的工作日历", response_model=CalendarYearView)
async def read_year(year: YearOfPath, desk: Reader) -> Response:
    """法定节假日和调休上班的日子；还没有公布的年份是暂定的。"""
    return answer(_shown(year, await year_of(desk.work.transaction, year)))


@router.put("/{year}", summary="录入一年的放假安排", response_model=CalendarYearView)
async def put_year(year: YearOfPath, body: YearNotice, desk: Keeper) -> Response:
    """国务院办公厅公布后录入一次，这一年就不再是暂定；五分钟内在各处生效，已经定下的期限不变。"""
    _of_the_city(desk)
    days = _checked(year, body.days)
    await enter_year(desk.work.transaction, year, body.source, days)
    await _record(desk, "calendar.year_entered", year=str(year), source=body.source, days=str(len(days)))
    return answer(_shown(year, await year_of(desk.work.transaction, year)))


@router.put("/days/{day}", summary="更正一天", response_model=CalendarDayView)
async def put_day(day: DayOfPath, body: DayCorrection, desk: Keeper) -> Response:
    """写明这一天是否上班和依据；五分钟内在各处生效，已经定下的期限不变。"""
    _of_the_city(desk)
    await set_day(desk.work.transaction, day, body.works, body.source)
    said = {"day": day.isoformat(), "works": str(body.works).lower(), "source": body.source}
    await _record(desk, "calendar.day_corrected", **said)
    return answer({"day": day.isoformat(), "works": body.works, "source": body.source})


def _of_the_city(desk: Desk) -> None:
    """The calendar is everybody's: only posts at a city's union keep it. Raises NotAllowed."""
    if not any(post.place.tier is Tier.CITY for post in desk.actor.posts_with(Permission.KEEP_CALENDAR)):
        raise NotAllowed


def _checked(year: int, days: list[DayThatDiffers]) -> dict[date, bool]:
    """Raises Invalid, naming every day that is in another year, named twice, or as it would be anyway."""
    wrong, found = [], dict[date, bool]()
    for n, each in enumerate(days):
        pointer = f"/days/{n}/day"
        if each.day.year != year:
            wrong.append(FieldError(pointer, "day_in_other_year", "这一天不在所录入的年份里。"))
        elif each.day in found:
            wrong.append(FieldError(pointer, "day_repeated", "这一天写了两次。"))
        elif each.works == (each.day.weekday() < 5):
            wrong.append(FieldError(pointer, "day_as_usual", "这一天平常就是这样，不用写。"))
        found[each.day] = each.works
    if wrong:
        raise Invalid(*wrong)
    return found


async def _record(desk: Desk, action: str, **details: str) -> None:
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action=action,
        subject_kind="calendar",
        subject_id=THE_CALENDAR,
        subject_person_id=None,
        **details,
    )


def _shown(year: int, kept: Year) -> dict[str, Any]:
    return {
        "year": year,
        "provisional": kept.source is None,
        "source": kept.source,
        "days": [{"day": row["day"].isoformat(), "works": row["works"], "source": row["source"]} for row in kept.days],
    }
