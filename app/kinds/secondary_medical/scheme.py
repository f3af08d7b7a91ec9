"""One version of a scheme of secondary medical insurance (住院二次医保), as data. Pure.

A new scheme is a new document (policy.yaml, schemes/*.yaml) and no code: who may be enrolled and for how long, how
long they wait, what is paid on which stays, and until when it can be claimed. What cannot be meant is refused with
its place and a message in Chinese. Amounts in fen, rates in basis points, periods in days or months.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.kinds.secondary_medical.benefits import (
    Benefit,
    Conditions,
    Count,
    Daily,
    Expression,
    LumpSum,
    PositiveFen,
    RateBp,
    Share,
    Source,
    Stacking,
)
from app.kinds.secondary_medical.conditions import all_asked, condition_text
from app.kinds.secondary_medical.facts import Cause, Circumstance, Joining
from app.kinds.secondary_medical.payment import Ready, made_ready
from app.kinds.secondary_medical.samples import Sample, paying_sample
from app.policy.decision import PolicyCited, cite
from app.policy.fields import Fen, Frozen, IsoDate
from app.policy.versions import Version

KIND: Final = "secondary_medical"

Days: TypeAlias = Annotated[int, Field(ge=0, le=3660)]
Age: TypeAlias = Annotated[int, Field(ge=0, le=150)]


class Enrolment(Frozen):
    """Who may be enrolled by a unit; null: the source does not say, and nothing is asked."""

    min_age_years: Age | None = Field(default=None, description="最低年龄（周岁，参保之日）")
    max_age_years: Age | None = Field(default=None, description="最高年龄（周岁，参保之日）")
    min_ratio_bp: RateBp | None = Field(default=None, description="参保人数不低于在职职工的万分之几")
    all_if_below_staff: Count | None = Field(default=None, description="在职职工少于此数的单位须全员参保")
    min_persons: Count | None = Field(default=None, description="每个单位最少参保人数")
    source: Source

    @model_validator(mode="after")
    def ages_are_in_order(self) -> Self:
        if (
            self.min_age_years is not None
            and self.max_age_years is not None
            and self.min_age_years > self.max_age_years
        ):
            raise PydanticCustomError("age_order", "最低年龄不能高于最高年龄。")
        return self


class Subsidy(Frozen):
    payer: Annotated[str, Field(min_length=1, max_length=40, description="由谁补助")]
    amount_fen: PositiveFen = Field(description="补助金额（分）")
    for_whom: Annotated[str, Field(min_length=1, max_length=100, description="补助哪些人")]
    source: Source


class Premium(Frozen):
    """What a term costs for one person, and who bears part of it."""

    amount_fen: PositiveFen | None = Field(description="每人每期保费（分）；null 为来源没有写明")
    high_risk_amount_fen: PositiveFen | None = Field(default=None, description="高危行业每人每期保费（分）")
    subsidies: tuple[Subsidy, ...] = Field(default=(), description="谁为哪些人补助多少保费")
    source: Source

    @model_validator(mode="after")
    def no_subsidy_is_above_the_premium(self) -> Self:
        if self.amount_fen is None and self.subsidies:
            raise PydanticCustomError("subsidy_without_premium", "没有写明保费，不能写补助。")
        if self.amount_fen is not None and any(each.amount_fen > self.amount_fen for each in self.subsidies):
            raise PydanticCustomError("subsidy_above_premium", "补助金额不能高于保费。")
        return self


class YearFromStart(Frozen):
    """Each cover runs so many months from its own start."""

    kind: Literal["from_start"] = Field(description="各人的保障期从参保之日起算")
    months: Annotated[int, Field(ge=1, le=120, description="保障期几个月")]
    source: Source


class UniformTerm(Frozen):
    starts_on: IsoDate = Field(description="统一保障期的第一天")
    ends_on: IsoDate = Field(description="统一保障期的最后一天")
    enrol_from: IsoDate = Field(description="办理参保的第一天")
    enrol_until: IsoDate = Field(description="办理参保的最后一天")

    @model_validator(mode="after")
    def days_are_in_order(self) -> Self:
        if not self.starts_on < self.ends_on:
            raise PydanticCustomError("term_order", "保障期的最后一天应在第一天之后。")
        if not self.enrol_from <= self.enrol_until <= self.ends_on:
            raise PydanticCustomError("enrolment_order", "办理期限应先起后止，并且不晚于保障期的最后一天。")
        return self


class UniformTerms(Frozen):
    """Everybody's cover ends on the same day, whenever it began."""

    kind: Literal["uniform"] = Field(description="统一保障期，同一天期满")
    terms: Annotated[tuple[UniformTerm, ...], Field(min_length=1, description="各个统一保障期，按日期先后")]
    source: Source

    @model_validator(mode="after")
    def terms_do_not_overlap(self) -> Self:
        if any(earlier.ends_on >= later.starts_on for earlier, later in pairwise(self.terms)):
            raise PydanticCustomError("terms_overlap", "统一保障期应按日期先后排列，互不重叠。")
        return self


class WaitingDays(Frozen):
    """Days from the start of a cover in which an admission is not payable."""

    illness: Days = Field(description="因疾病住院的等待天数")
    accident: Days = Field(description="因意外住院的等待天数")


class Waiting(Frozen):
    new: WaitingDays = Field(description="首次参保")
    renewal: WaitingDays = Field(description="按期续保")
    late_renewal: WaitingDays = Field(description="逾期续保")
    renewal_grace_days: Days = Field(description="上一期满后几天内续保算按期续保；0 为须在次日接上")
    source: Source

    @cached_property
    def periods(self) -> Mapping[tuple[Joining, Cause], timedelta]:
        """From the start of a cover that began so to the first payable admission for such a cause."""
        begun: tuple[tuple[Joining, WaitingDays], ...] = (
            ("new", self.new),
            ("renewal", self.renewal),
            ("late_renewal", self.late_renewal),
        )
        periods: dict[tuple[Joining, Cause], timedelta] = {}
        for joining, days in begun:
            periods[joining, "illness"] = timedelta(days=days.illness)
            periods[joining, "accident"] = timedelta(days=days.accident)
        return periods


class Attribution(Frozen):
    """Which cover and which version of the scheme a stay belongs to."""

    stay_by: Literal["admission", "discharge", "settlement"] = Field(description="按入院、出院或结算日归入保障期")
    version_by: Literal["cover_start", "stay"] = Field(description="适用保障期开始时或该日有效的标准")
    source: Source


class ClaimWindow(Frozen):
    """Until when a stay can be claimed: exactly one of days and months."""

    days: Count | None = Field(default=None, description="期限几天")
    months: Annotated[int, Field(ge=1, le=120)] | None = Field(default=None, description="期限几个月")
    starts_with: Literal["settlement", "discharge"] = Field(description="从结算日或出院日起算")
    first_day: Literal["next_day", "same_day"] = Field(
        description="next_day 当日不算，次日为第一天；same_day 当日为第一天"
    )
    source: Source

    @model_validator(mode="after")
    def has_days_or_months(self) -> Self:
        if (self.days is None) is (self.months is None):
            raise PydanticCustomError("days_or_months", "days 和 months 应填其中一项，且只能填一项。")
        return self

    @cached_property
    def text(self) -> str:
        """Such as 医保结算后12个月."""
        period = f"{self.days}天" if self.days is not None else f"{self.months}个月"
        return f"{'医保结算' if self.starts_with == 'settlement' else '出院'}后{period}"


class Exclusions(Frozen):
    circumstances: Annotated[tuple[Circumstance, ...], Field(min_length=1, description="不给付的情形")]
    source: Source


class LargeAmount(Frozen):
    rate_bp: RateBp = Field(description="大额补助对超封顶线费用的支付比例（万分之几），由它推算超封顶线部分的自付")
    source: Source


class Policy(Version):
    """One version of one scheme."""

    name: Annotated[str, Field(min_length=2, max_length=60, description="计划名称")]
    enrolment: Enrolment | None = Field(description="参保条件；null 为来源没有写明")
    premium: Premium | None = Field(description="保费；null 为来源没有写明")
    term: Annotated[YearFromStart | UniformTerms, Field(discriminator="kind", description="保障期")]
    waiting: Waiting = Field(description="等待期")
    attribution: Attribution = Field(description="住院归入哪个保障期、适用哪个版本")
    claim_window: ClaimWindow | None = Field(description="申请期限；null 为没有规定期限")
    exclusions: Exclusions | None = Field(default=None, description="除外情形")
    large_amount: LargeAmount | None = Field(default=None, description="大额补助；用到 above_ceiling 时必填")
    benefits: Annotated[tuple[Benefit, ...], Field(min_length=1, description="给付项目")]
    stacking: Stacking = Field(description="各项如何相加")

    @model_validator(mode="after")
    def parts_fit_together(self) -> Self:
        lines = [each.line for each in self.benefits]
        if len(set(lines)) < len(lines):
            raise PydanticCustomError("line_twice", "同一个给付项目代码出现了两次。")
        _check_groups(self.stacking, lines)
        _check_total_caps(self.stacking, self.benefits)
        if self.large_amount is None and any("above_ceiling" in each.fields for each in self.expressions()):
            raise PydanticCustomError("large_amount_missing", "用到超封顶线部分的自付，须写明大额补助的支付比例。")
        if any(sample is None for sample in self.tried):
            raise PydanticCustomError(
                "never_pays", "有给付项目在任何常见的结算单上都算不出给付，请核对给付基数和限额。"
            )
        return self

    def expressions(self) -> Iterator[Expression]:
        """Every sum of fields that the scheme uses."""
        for benefit in self.benefits:
            if isinstance(benefit, Share):
                yield benefit.base
                yield from (clamp.of for clamp in benefit.clamps)
        yield from (clamp.of for clamp in self.stacking.total_clamps)

    @cached_property
    def cited(self) -> PolicyCited:
        return cite(KIND, self)

    @cached_property
    def ready(self) -> Ready:
        """The scheme made ready for working out claims."""
        return made_ready(self.benefits, self.stacking, self.large_amount.rate_bp if self.large_amount else None)

    @cached_property
    def tried(self) -> tuple[Sample | None, ...]:
        """For each benefit, in order, a sheet and a stay on which it pays, if one was found."""
        return tuple(paying_sample(benefit, self.stacking, self.ready) for benefit in self.benefits)

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """The same of a scheme that was read: one was found for each."""
        return tuple(sample for sample in self.tried if sample is not None)

    @cached_property
    def conditions(self) -> tuple[Conditions, ...]:
        return tuple(benefit.when for benefit in self.benefits)

    @cached_property
    def condition_texts(self) -> tuple[str, ...]:
        return tuple(condition_text(when) for when in self.conditions)

    @cached_property
    def asked(self) -> Conditions:
        return all_asked(self.conditions)

    @cached_property
    def asks_receipts(self) -> bool:
        return any("receipts" in each.fields for each in self.expressions())


def _check_groups(stacking: Stacking, lines: Sequence[str]) -> None:
    grouped = [line for group in stacking.exclusive for line in group.lines]
    if unknown := set(grouped) - set(lines):
        raise PydanticCustomError(
            "group_line_unknown", "只给付一项的组里有不存在的给付项目：{lines}。", {"lines": "、".join(sorted(unknown))}
        )
    if len(set(grouped)) < len(grouped):
        raise PydanticCustomError("group_line_twice", "一个给付项目只能属于一个只给付一项的组。")


def _check_total_caps(stacking: Stacking, benefits: Sequence[Benefit]) -> None:
    if stacking.total_caps is None:
        return
    least = max(_least(benefit) for benefit in benefits)
    if any(cap < least for cap in stacking.total_caps.caps):
        raise PydanticCustomError("total_cap_too_low", "各项合计的上限不能低于某一项的定额、日津贴或最低给付额。")


def _least(benefit: Benefit) -> Fen:
    if isinstance(benefit, Daily | LumpSum):
        return benefit.amount_fen
    return benefit.minimum_fen or 0
