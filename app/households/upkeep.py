"""The dated limits by which files are looked after and left (档案动态管理): upkeep.yaml. Pure."""

from datetime import date
from typing import Annotated, Final, NamedTuple

from pydantic import Field

from app.households.criteria import Circumstance
from app.policy.book import PolicyBook
from app.policy.fields import Frozen
from app.policy.versions import CITY, NoPolicyInForce, Version

KIND: Final = "household_upkeep"
_Source = Annotated[str, Field(min_length=2, description="出处（文号、条款）")]


class Lifting(Frozen):
    """脱困的条件。"""

    months_above: Annotated[int, Field(ge=1, le=60, description="帮扶后人均收入须连续高于低保标准的月数")]
    source: _Source


class Relief(Frozen):
    """解困（兜底）的条件。"""

    circumstances: Annotated[
        tuple[Circumstance, ...], Field(min_length=1, description="无法脱困的情形，有其中一种即可")
    ]
    source: _Source


class Review(Frozen):
    """年度复核。"""

    grace_days: Annotated[int, Field(ge=0, le=3650, description="逾期超过多少天暂停新的帮扶")]
    source: _Source


class Answering(Frozen):
    """档案与查到的情况不一致时，请本人说明。"""

    answer_working_days: Annotated[int, Field(ge=1, le=250, description="给本人说明的工作日数")]
    source: _Source


class UpkeepPolicy(Version):
    """档案动态管理：退出条件、年度复核逾期和差异说明的期限。"""

    lifting: Lifting = Field(description="脱困")
    relief: Relief = Field(description="解困（兜底）")
    review: Review = Field(description="年度复核")
    discrepancy: Answering = Field(description="差异说明")


def upkeep_policy(book: PolicyBook, on: date, division_code: str = CITY) -> UpkeepPolicy:
    """The limits of a day. Raises NoPolicyInForce."""
    return book.in_force(KIND, UpkeepPolicy, on, division_code)


class ReviewLimit(NamedTuple):
    """How many days a yearly verification may be overdue before new aid waits; None: nobody knows."""

    grace_days: int | None
    source: str
    version: str | None


def review_limit(book: PolicyBook, on: date, division_code: str = CITY) -> ReviewLimit:
    """The limit of a day. Never a guess: where no version is in force the days are None."""
    try:
        policy = upkeep_policy(book, on, division_code)
    except NoPolicyInForce:
        return ReviewLimit(None, "没有这个地区当时的档案动态管理规定", None)
    return ReviewLimit(policy.review.grace_days, policy.review.source, policy.version)
