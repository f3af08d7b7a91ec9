"""The dated service standard (办理时限): how many working days a case may take, in all and in each state. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.applications.path import State
from app.kernel.business_time import business_date
from app.kernel.working_days import Calendar
from app.policy.book import PolicyBook
from app.policy.fields import Frozen, ShortText
from app.policy.versions import NoPolicyInForce, Version
from app.workflow.clock import Timed, WaitingFor

KIND: Final = "service_standard"
SUPPLEMENT: Final = "supplement"
"""Where the clock has a case that stays at its stage and waits for its applicant."""
S = State
WAITS: Final[Mapping[str, WaitingFor]] = {
    S.DRAFT: "you",
    S.RETURNED: "you",
    SUPPLEMENT: "you",
    S.SUBMITTED: "union",
    S.UNIT_REVIEW: "union",
    S.DISTRICT_REVIEW: "union",
    S.CITY_APPROVAL: "union",
    S.MEETING: "union",
    S.APPEALED: "union",
    S.WAITING_FUNDS: "union",
    S.PUBLIC_NOTICE: "public",
    S.APPROVED: "union",
    S.PAYING: "union",
    S.PAYMENT_FAILED: "union",
    S.PAID: "nobody",
    S.REJECTED: "nobody",
    S.WITHDRAWN: "nobody",
}
"""Whom a case waits for in each state."""
Days = Annotated[int, Field(ge=1, le=250)]


class Totals(Frozen):
    """各种帮扶从提交到办结的工作日数。"""

    hardship_aid: Days = Field(description="困难帮扶")
    golden_autumn: Days = Field(description="金秋助学")
    secondary_medical: Days = Field(description="住院二次医保")


class Limits(Frozen):
    """各环节最多几个工作日。"""

    submitted: Days = Field(description="已提交，待受理")
    unit_review: Days = Field(description="基层工会审核")
    district_review: Days = Field(description="区县工会审核")
    city_approval: Days = Field(description="市总工会审批")
    approved: Days = Field(description="已通过，待发放")
    paying: Days = Field(description="发放中")
    returned: Days = Field(description="退回补正，等申请人")
    meeting: Days | None = Field(default=None, description="会议决定；不写的，与市总工会审批相同")
    supplement: Days | None = Field(default=None, description="补充材料，等申请人")


class Pause(Frozen):
    """一种暂停计时的情形。"""

    state: Annotated[
        Literal["returned", "public_notice", "appealed", "supplement"],
        Field(description="在哪个状态暂停；supplement 是等申请人补充材料，案件仍在原环节"),
    ]
    because: Annotated[ShortText, Field(description="原因，给人看的文字")]


class ServiceStandard(Version):
    """办理时限。"""

    total_working_days: Totals = Field(description="从提交到办结一共几个工作日，提交当天不计")
    state_working_days: Limits = Field(description="各环节最多几个工作日")
    supplement_reminder_working_days: Days | None = Field(
        default=None, description="补充材料到期前几个工作日提醒申请人；不写的不提醒"
    )
    pauses: Annotated[tuple[Pause, ...], Field(description="暂停计时的情形；没有列出的一律不暂停")]

    @model_validator(mode="after")
    def each_pause_once(self) -> Self:
        if len({pause.state for pause in self.pauses}) < len(self.pauses):
            raise PydanticCustomError("pause_repeated", "同一种状态只能写一次暂停。")
        return self

    def days_at(self, state: str) -> int | None:
        """How many working days a case may stay in a state; None where nothing is said."""
        limits = self.state_working_days
        days: int | None = getattr(limits, state, None)
        return limits.city_approval if state == S.MEETING and days is None else days

    def timed(self, kind: str, calendar: Calendar) -> Timed:
        """By what a case of a kind is timed."""
        of: int = getattr(self.total_working_days, kind)
        return Timed(of, {pause.state: pause.because for pause in self.pauses}, WAITS, calendar)


class _Found(NamedTuple):
    """What was found in a book by day: every step and every view of a case asks, and a book changes now and then."""

    book: PolicyBook | None
    by_day: dict[date, ServiceStandard | None]


_found = _Found(None, {})


def standard_of(policies: PolicyBook, submitted_at: datetime) -> ServiceStandard | None:
    """The standard that a case keeps: that of the day it was first submitted. None where none was in force: work goes
    on without a clock."""
    global _found
    found, day = _found, business_date(submitted_at)
    if found.book is not policies:
        _found = found = _Found(policies, {})
    if day not in found.by_day:
        found.by_day[day] = _in_force(policies, day)
    return found.by_day[day]


def _in_force(policies: PolicyBook, day: date) -> ServiceStandard | None:
    try:
        return policies.in_force(KIND, ServiceStandard, day)
    except NoPolicyInForce:
        return None


def days_allowed(policies: PolicyBook, submitted_at: datetime, state: str) -> int | None:
    """How many working days a case that was submitted then may stay in a state."""
    standard = standard_of(policies, submitted_at)
    return standard.days_at(state) if standard else None
