"""The working-day calendar (工作日历), as staff see it; what one of them proposes another confirms."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from app.audit.commands import record
from app.calendars import change_commands as commands
from app.calendars.commands import FIRST_YEAR
from app.calendars.queries import Year, change, changes, year_of
from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, Flag, In, Limit, PathId
from app.http.views.applications import instant
from app.kernel.actor import Permission, Tier
from app.kernel.errors import FieldError, Invalid, NotAllowed
from app.policy.fields import LAST_YEAR, IsoDate, ShortText

router = APIRouter(prefix=f"{PREFIX}/staff/calendar", tags=["工作日历"], route_class=Door)
Reader = Annotated[Desk, staff(Permission.READ_CASES)]
Keeper = Annotated[Desk, staff(Permission.KEEP_CALENDAR)]
ChangeState = Literal["proposed", "confirmed", "withdrawn"]
WaitingQuery = Annotated[Flag, Query(description="只看等待另一人核对的")]


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


class DayView(BaseModel):
    """一天是否上班。"""

    day: str
    works: bool


class CalendarChangeView(BaseModel):
    """工作日历的一项变动：一人提出，另一人核对后确认才生效。"""

    id: str
    about: str = Field(description="录入的年份，或更正的日期")
    days: list[DayView] = Field(description="录入年份的，是与平常不同的各天")
    source: str
    state: ChangeState
    proposed_by: str
    proposed_at: str
    decided_by: str | None = Field(description="确认或撤回的人")
    decided_at: str | None
    version: int


class CalendarChangePage(BaseModel):
    items: list[CalendarChangeView]
    next_cursor: str | None


@router.get("/changes", summary="工作日历的变动", response_model=CalendarChangePage)
async def list_changes(
    desk: Keeper, waiting: WaitingQuery = False, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """提出过的录入和更正，最新的在前。"""
    _of_the_city(desk)
    after = desk.service.cursors.read("calendar_changes", cursor)
    rows = await changes(desk.work.transaction, limit + 1, after, waiting=waiting)
    page, following = desk.service.cursors.cut("calendar_changes", rows, limit, "created_at")
    return answer({"items": [_change(row) for row in page], "next_cursor": following})


@router.post("/changes/{change_id}/confirm", summary="确认工作日历的变动", response_model=CalendarChangeView)
async def confirm_change(change_id: PathId, desk: Keeper) -> Response:
    """由提出人以外的人对照通知核对后确认；五分钟内在各处生效，已经定下的期限不变。需要 If-Match。"""
    _of_the_city(desk)
    await commands.confirm(desk.work, desk.actor.person_id, change_id, desk.expected_version())
    return await _answered(desk, change_id, 200)


@router.post("/changes/{change_id}/withdraw", summary="撤回工作日历的变动", response_model=CalendarChangeView)
async def withdraw_change(change_id: PathId, desk: Keeper) -> Response:
    """还没有确认的可以撤回，提出人和其他管理工作日历的人都可以。需要 If-Match。"""
    _of_the_city(desk)
    await commands.withdraw(desk.work, desk.actor.person_id, change_id, desk.expected_version())
    return await _answered(desk, change_id, 200)


@router.get("/{year}", summary="一年的工作日历", response_model=CalendarYearView)
async def read_year(year: YearOfPath, desk: Reader) -> Response:
    """法定节假日和调休上班的日子；还没有公布的年份是暂定的。"""
    return answer(_shown(year, await year_of(desk.work.transaction, year)))


@router.post("/{year}", status_code=201, summary="提出录入一年的放假安排", response_model=CalendarChangeView)
async def propose_year(year: YearOfPath, body: YearNotice, desk: Keeper) -> Response:
    """国务院办公厅公布后录入一次，由另一人核对确认，这一年就不再是暂定。"""
    _of_the_city(desk)
    days = _checked(year, body.days)
    change_id = await commands.propose_year(desk.work, desk.actor.person_id, year, body.source, days)
    return await _answered(desk, change_id, 201)


@router.post("/days/{day}", status_code=201, summary="提出更正一天", response_model=CalendarChangeView)
async def propose_day(day: DayOfPath, body: DayCorrection, desk: Keeper) -> Response:
    """写明这一天是否上班和依据，由另一人核对确认后生效。"""
    _of_the_city(desk)
    change_id = await commands.propose_day(desk.work, desk.actor.person_id, day, body.works, body.source)
    return await _answered(desk, change_id, 201)


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


async def _answered(desk: Desk, change_id: UUID, status: int) -> Response:
    """The change as it is now, and its entry in the audit trail."""
    row = await change(desk.work.transaction, change_id)
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action=f"calendar.{row['state']}",
        subject_kind="calendar",
        subject_id=change_id,
        subject_person_id=None,
        about=row["about"],
        source=row["source"],
        days=",".join(f"{day}:{'works' if works else 'off'}" for day, works in sorted(row["days"].items())),
    )
    return answer(_change(row), status, version=row["version"])


def _change(row: Record) -> dict[str, Any]:
    decided_by = row["decided_by"]
    return {
        "id": str(row["id"]),
        **{name: row[name] for name in ("about", "source", "state", "version")},
        "days": [{"day": day, "works": works} for day, works in sorted(row["days"].items())],
        "proposed_by": str(row["proposed_by"]),
        "proposed_at": instant(row["created_at"]),
        "decided_by": str(decided_by) if decided_by else None,
        "decided_at": instant(row["decided_at"]),
    }


def _shown(year: int, kept: Year) -> dict[str, Any]:
    return {
        "year": year,
        "provisional": kept.source is None,
        "source": kept.source,
        "days": [{"day": row["day"].isoformat(), "works": row["works"], "source": row["source"]} for row in kept.days],
    }
