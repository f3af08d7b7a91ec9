"""How long an application has taken, as its applicant and the reviewers read it."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.applications.standards import SUPPLEMENT, standard_of
from app.db.transaction import Record
from app.db.work import Work
from app.workflow.clock import Arrival, Clock, WaitingFor, clock

Reader = Literal["applicant", "staff"]
_NOW: dict[Reader, dict[WaitingFor, str]] = {
    "applicant": {"you": "等您补正", "union": "由工会办理", "public": "公示中"},
    "staff": {"you": "等申请人补正", "union": "由工会办理", "public": "公示中"},
}

_SUPPLEMENTING: dict[Reader, str] = {"applicant": "等您补充材料", "staff": "等申请人补充材料"}


class ClockView(BaseModel):
    """办理时限：第几个工作日、共几个、现在等谁。提交当天不计；周末和法定节假日不计，调休上班的日子计入。"""

    day: int = Field(description="已经过了几个工作日，暂停的不计")
    of: int = Field(description="一共几个工作日，依据提交当天的办理时限")
    waiting_for: WaitingFor = Field(description="you 等申请人，union 工会办理，public 公示，nobody 已办结")
    paused_because: str | None = Field(description="为什么暂停计时；没有暂停则为 null")
    due: str | None = Field(description="最迟哪一天办结；暂停时为 null")
    overdue_days: int = Field(description="超过了几个工作日")
    provisional: bool = Field(description="涉及放假安排还没有公布的年份，期限可能调整")
    text: str = Field(description="可以直接显示的一句话")


def clock_of(row: Record, way: Sequence[Arrival], work: Work, reader: Reader) -> dict[str, Any] | None:
    """None for what was never submitted, and where no standard was in force."""
    submitted_at = row["submitted_at"]
    if submitted_at is None or not way:
        return None
    standard = standard_of(work.policies, submitted_at)
    if standard is None:
        return None
    found = clock(way, work.now, standard.timed(row["kind"], work.calendar))
    return {
        "day": found.day,
        "of": found.of,
        "waiting_for": found.waiting_for,
        "paused_because": found.paused_because,
        "due": found.due.isoformat() if found.due else None,
        "overdue_days": found.overdue_days,
        "provisional": found.provisional,
        "text": said(found, reader, way[-1][1]),
    }


def said(found: Clock, reader: Reader, state: str | None = None) -> str:
    """A sentence such as 第6个工作日，共15个；现在等您补正，已暂停计时。"""
    late = found.overdue_days
    if found.waiting_for == "nobody":
        return f"已办结，用了{found.day}个工作日" + (f"，超过时限{late}个工作日。" if late else "。")
    begun = f"第{found.day}个工作日，共{found.of}个" if found.day else f"提交当天不计，办理时限{found.of}个工作日"
    overdue = f"，已超期{late}个工作日" if late else ""
    paused = "，已暂停计时" if found.paused_because else ""
    now = _SUPPLEMENTING[reader] if state == SUPPLEMENT else _NOW[reader][found.waiting_for]
    tail = "放假安排还没有全部公布，期限可能调整。" if found.provisional else ""
    return f"{begun}{overdue}；现在{now}{paused}。{tail}"
