"""The dated standard of Golden Autumn (金秋助学): grants by stage and class of hardship, windows, exclusions. Pure."""

from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.households.criteria import ByCategory, LimitByCategory
from app.policy.fields import Frozen
from app.policy.versions import Version

Stage = Literal["senior_high", "secondary_vocational", "junior_college", "undergraduate", "postgraduate"]
Enrolment = Literal["new", "continuing"]
ProgrammeType = Literal[
    "ordinary", "military_academy", "fee_free_normal", "targeted", "sino_foreign", "high_fee_private", "study_abroad"
]

_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class MonthDay(Frozen):
    """每年都有的一天。"""

    month: Annotated[int, Field(ge=1, le=12, description="月")]
    day: Annotated[int, Field(ge=1, le=31, description="日")]

    @model_validator(mode="after")
    def falls_in_every_year(self) -> Self:
        if self.day > _DAYS[self.month - 1]:
            raise PydanticCustomError("day_not_every_year", "不是每年都有这一天。")
        return self

    def of(self, year: int) -> date:
        return date(year, self.month, self.day)


class Window(Frozen):
    """一个学年的受理时间，首尾两天都算在内。"""

    opens: MonthDay = Field(description="学年开始的那一年，从这一天起受理")
    closes: MonthDay = Field(description="受理到这一天")
    closes_next_year: bool = Field(description="closes 是否在下一年")

    @model_validator(mode="after")
    def opens_before_it_closes(self) -> Self:
        if self.first(2001) > self.last(2001):
            raise PydanticCustomError("window_closes_first", "受理截止日不能早于开始日。")
        return self

    def first(self, academic_year: int) -> date:
        return self.opens.of(academic_year)

    def last(self, academic_year: int) -> date:
        return self.closes.of(academic_year + self.closes_next_year)


class Windows(Frozen):
    """新生和在读学生各自的受理时间。"""

    new: Window = Field(description="新录取学生")
    continuing: Window = Field(description="在读学生")
    source: Annotated[str, Field(min_length=2, description="受理时间的出处")]

    def of(self, enrolment: Enrolment) -> Window:
        return self.new if enrolment == "new" else self.continuing


class StageTable(Frozen):
    """一个学段每名学生每学年的标准：有定额的按定额，不超过 cap_months 个月低保；没有定额的按 cap_months 个月低保。"""

    grant_fen: LimitByCategory | None = Field(default=None, description="各困难类别的定额，单位分；没有定额的为 null")
    cap_months: ByCategory = Field(description="上限，低保标准的月数")
    high_fee_above_fen: Annotated[int, Field(ge=0, description="民办学校学费（每学年，分）高于此数的不予资助")]


class Stages(Frozen):
    """各学段的资助标准；不资助的学段填 null。"""

    senior_high: StageTable | None = Field(description="普通高中")
    secondary_vocational: StageTable | None = Field(description="中等职业学校（含技校）")
    junior_college: StageTable | None = Field(description="大专（高职）")
    undergraduate: StageTable | None = Field(description="本科")
    postgraduate: StageTable | None = Field(description="研究生")
    source: Annotated[str, Field(min_length=2, description="资助标准的出处")]
    high_fee_source: Annotated[str, Field(min_length=2, description="高收费界线的出处")]

    @model_validator(mode="after")
    def some_stage_is_aided(self) -> Self:
        if not self.offered():
            raise PydanticCustomError("no_stage_aided", "至少要有一个学段有资助标准。")
        return self

    def of(self, stage: Stage) -> StageTable | None:
        table: StageTable | None = getattr(self, stage)
        return table

    def offered(self) -> tuple[Stage, ...]:
        """The stages that are aided, lowest first."""
        every: tuple[Stage, ...] = (
            "senior_high", "secondary_vocational", "junior_college", "undergraduate", "postgraduate",
        )  # fmt: skip
        return tuple(stage for stage in every if self.of(stage))


class OtherGrants(Frozen):
    """其他单位的资助怎样计算。"""

    rule: Literal["deduct", "exclude"] = Field(description="deduct 从标准中扣除；exclude 有其他资助的不再资助")
    source: Annotated[str, Field(min_length=2, description="出处")]


class ExcludedProgrammes(Frozen):
    """不予资助的就读类型。"""

    types: tuple[Literal[
        "military_academy", "fee_free_normal", "targeted", "sino_foreign", "high_fee_private", "study_abroad"
    ], ...] = Field(
        description="军事院校、公费师范、定向、中外合作、高收费民办、出国留学中的哪些"
    )  # fmt: skip
    source: Annotated[str, Field(min_length=2, description="出处")]


class Admission(Frozen):
    """学段和学年以录取通知书为准，不看年龄。"""

    dated_from: MonthDay = Field(description="本学年录取通知书的最早日期（学年开始的那一年）")
    source: Annotated[str, Field(min_length=2, description="出处")]


class Policy(Version):
    """金秋助学标准。2026 学年指2026年9月至2027年7月。"""

    windows: Windows = Field(description="受理时间")
    stages: Stages = Field(description="各学段、各困难类别的资助标准")
    other_grants: OtherGrants = Field(description="不重复资助的规则")
    excluded_programmes: ExcludedProgrammes = Field(description="不予资助的就读类型")
    admission: Admission = Field(description="录取通知的规则")

    @model_validator(mode="after")
    def notices_come_before_the_window_ends(self) -> Self:
        if self.admission.dated_from.of(2001) > self.windows.new.first(2001):
            raise PydanticCustomError("admission_after_opening", "录取通知的最早日期不能晚于新生受理开始日。")
        return self
