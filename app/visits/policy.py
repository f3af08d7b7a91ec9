"""The dated requirements of home visits and their questionnaire (入户走访). Pure."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.policy.fields import Frozen
from app.policy.versions import Version
from app.visits.path import Purpose

KIND: Final = "home_visits"
QuestionKind = Literal["yes_no", "choice", "number", "money", "text"]


class Requirement(Frozen):
    """一种走访的要求。"""

    visitors: Annotated[int, Field(ge=1, le=5, description="至少几人走访")]
    photos: Annotated[int, Field(ge=0, le=20, description="至少几张照片")]


class Choice(Frozen):
    """一个选项。"""

    value: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="选项代码，与档案中的代码一致")]
    text: Annotated[str, Field(min_length=1, max_length=40, description="给人看的文字")]


class Question(Frozen):
    """问卷中的一项。"""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="问题代码")]
    text: Annotated[str, Field(min_length=2, max_length=100, description="问题")]
    kind: Annotated[QuestionKind, Field(description="是否题、选择题、整数、金额（单位分）或文字")]
    required: Annotated[bool, Field(description="结束走访前是否必须填写")]
    choices: Annotated[tuple[Choice, ...], Field(max_length=30, description="选择题的选项")] = ()
    field: Annotated[
        str | None, Field(pattern=r"^(/[a-z0-9_]+)+$", max_length=200, description="与档案中的哪一项比对（JSON 指针）")
    ] = None
    measure: Annotated[Literal["value", "count"], Field(description="比对这一项本身，还是这一列有几项")] = "value"

    @model_validator(mode="after")
    def choices_for_a_choice_only(self) -> Self:
        if (self.kind == "choice") != bool(self.choices):
            raise PydanticCustomError("choices_for_choice", "选择题必须有选项，其他题不能有选项。")
        if self.measure == "count" and (self.kind != "number" or self.field is None):
            raise PydanticCustomError("count_of_number", "比对有几项的，必须是整数题并写明 field。")
        return self


class Purposes(Frozen):
    """各种走访的要求。"""

    admission: Requirement = Field(description="建档入户")
    annual: Requirement = Field(description="年度核查")
    watch: Requirement = Field(description="退出后的动态监测")
    spot: Requirement = Field(description="抽查")

    def of(self, purpose: Purpose) -> Requirement:
        found: Requirement = getattr(self, purpose)
        return found


class VisitPolicy(Version):
    """入户走访的要求和问卷。"""

    purposes: Purposes = Field(description="各种走访的要求")
    money_tolerance_bp: Annotated[int, Field(ge=0, le=10_000, description="金额相差不超过万分之几算一致")]
    money_tolerance_fen: Annotated[int, Field(ge=0, le=100_000_000, description="金额相差不超过多少分算一致")]
    questions: Annotated[tuple[Question, ...], Field(min_length=1, max_length=100, description="问卷")]

    @model_validator(mode="after")
    def each_question_once(self) -> Self:
        if len({question.code for question in self.questions}) < len(self.questions):
            raise PydanticCustomError("question_repeated", "问题代码不能重复。")
        return self

    def question(self, code: str) -> Question | None:
        return next((question for question in self.questions if question.code == code), None)
