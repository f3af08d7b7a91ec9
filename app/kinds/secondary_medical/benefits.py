"""What a scheme of secondary medical insurance pays, as data: shares of a base, daily allowances, lump sums. Pure.

Read from YAML, strictly; what cannot be meant is refused with its place and a message in Chinese.
Amounts in fen, rates in basis points (100 % = 10 000), counted in whole numbers only.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from app.kernel.money import MAX_FEN, WHOLE_BP
from app.kinds.secondary_medical.facts import Cause, Treatment, Ward
from app.policy.fields import Fen, Frozen

FieldName: TypeAlias = Literal[
    "medfee_sumamt",
    "fulamt_ownpay_amt",
    "overlmt_selfpay",
    "preselfpay_amt",
    "inscp_scp_amt",
    "act_pay_dedc",
    "hifp_pay",
    "hifob_pay",
    "cvlserv_pay",
    "maf_pay",
    "acct_pay",
    "psn_cash_pay",
    "above_ceiling",
    "receipts",
]
FIELDS: Final[Mapping[FieldName, str]] = {
    "medfee_sumamt": "医疗费总额",
    "fulamt_ownpay_amt": "全自费",
    "overlmt_selfpay": "超限价自费",
    "preselfpay_amt": "先行自付",
    "inscp_scp_amt": "符合政策范围金额",
    "act_pay_dedc": "实际起付线",
    "hifp_pay": "统筹基金支付",
    "hifob_pay": "大额补助支付",
    "cvlserv_pay": "公务员补助",
    "maf_pay": "医疗救助",
    "acct_pay": "个人账户支付",
    "psn_cash_pay": "现金支付",
    "above_ceiling": "超封顶线部分的自付",
    "receipts": "票据金额",
}


def _rate(rate_bp: int) -> int:
    if not 0 < rate_bp <= WHOLE_BP:
        raise PydanticCustomError("rate_bp", "比例以万分之一为单位，应大于0、不超过10000（即100%）。")
    return rate_bp


def _positive(fen: int) -> int:
    if not 0 < fen <= MAX_FEN:
        raise PydanticCustomError("amount_fen", "金额以分为单位，应大于0、不超过一百亿元。")
    return fen


def _count(number: int) -> int:
    if not 0 < number <= 10_000:
        raise PydanticCustomError("count", "次数、天数应为1到10000的整数。")
    return number


RateBp: TypeAlias = Annotated[
    int, AfterValidator(_rate), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": WHOLE_BP})
]
PositiveFen: TypeAlias = Annotated[
    int, AfterValidator(_positive), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_FEN})
]
Count: TypeAlias = Annotated[
    int, AfterValidator(_count), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 10_000})
]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=40, description="给职工看的中文名称")]
Source: TypeAlias = Annotated[str, Field(min_length=2, description="出处：文号、条款")]
Code: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


def _once(given: Iterable[object], code: str, message: str) -> None:
    listed = tuple(given)
    if len(set(listed)) < len(listed):
        raise PydanticCustomError(code, message)


class Expression(Frozen):
    """A sum of fields of the settlement sheet, never below zero."""

    name: Name
    plus: tuple[FieldName, ...] = Field(min_length=1, description="相加的结算单项目")
    minus: tuple[FieldName, ...] = Field(default=(), description="减去的结算单项目")

    @model_validator(mode="after")
    def a_field_stands_once(self) -> Self:
        _once((*self.plus, *self.minus), "field_twice", "同一个结算单项目不能出现两次。")
        return self

    @property
    def fields(self) -> frozenset[FieldName]:
        return frozenset((*self.plus, *self.minus))


class Clamp(Frozen):
    """What is counted, or paid, is at most a part of something else, such as 20 % of what the pool paid."""

    of: Expression = Field(description="以哪几项之和为限")
    rate_bp: RateBp = Field(description="不超过其万分之几")
    source: Source


class Deductible(Frozen):
    """The scheme's own deductible on a base."""

    amount_fen: PositiveFen = Field(description="本计划的起付额（分）")
    mode: Literal["subtract", "threshold"] = Field(
        description="subtract 减去起付额；threshold 超过起付额的，全部计入，否则不计"
    )
    source: Source


class Band(Frozen):
    above_fen: Fen = Field(description="本档下限（分）")
    up_to_fen: PositiveFen | None = Field(description="本档上限（分）；null 为没有上限")
    rate_bp: RateBp | None = Field(default=None, description="本档比例（万分之几）；flat 时不填")
    amount_fen: PositiveFen | None = Field(default=None, description="本档定额（分）；只在 flat 时填")


class Bands(Frozen):
    """Bands on the base, lowest first, each beginning where the one before ends."""

    mode: Literal["marginal", "whole", "flat"] = Field(
        description="marginal 分段计算，各段按各段比例；whole 全部按所在档比例；flat 按所在档定额"
    )
    upper_bound: Literal["inclusive", "exclusive"] = Field(
        description="恰为上限时算本档（inclusive）或下一档（exclusive）"
    )
    rows: tuple[Band, ...] = Field(min_length=1, description="各档，从低到高，首尾相接")
    source: Source

    @model_validator(mode="after")
    def bands_fit_together(self) -> Self:
        for band in self.rows:
            self._one(band)
        for lower, upper in pairwise(self.rows):
            if lower.up_to_fen is None or upper.above_fen < lower.up_to_fen:
                raise PydanticCustomError("band_overlap", "两档重叠：每一档的下限应等于前一档的上限。")
            if upper.above_fen > lower.up_to_fen:
                raise PydanticCustomError("band_gap", "两档之间有空隙：每一档的下限应等于前一档的上限。")
        if self.mode != "marginal" and self.rows[-1].up_to_fen is not None:
            raise PydanticCustomError("band_open_end", "最高一档不能有上限，否则超过上限的金额没有办法计算。")
        return self

    def _one(self, band: Band) -> None:
        wanted, other = ("amount_fen", "rate_bp") if self.mode == "flat" else ("rate_bp", "amount_fen")
        if getattr(band, wanted) is None or getattr(band, other) is not None:
            raise PydanticCustomError("band_value", "flat 各档只填定额 amount_fen，其余各档只填比例 rate_bp。")
        if band.up_to_fen is not None and band.up_to_fen <= band.above_fen:
            raise PydanticCustomError("band_empty", "一档的上限应大于下限。")


class Conditions(Frozen):
    """When a line is paid at all. What is not said here does not matter to it."""

    treatments: tuple[Treatment, ...] = Field(default=("inpatient",), min_length=1, description="住院、门诊特定病种")
    causes: tuple[Cause, ...] = Field(default=("illness", "accident"), min_length=1, description="疾病、意外")
    min_days: Count | None = Field(default=None, description="至少连续住院几天")
    hospital_levels: tuple[Literal[1, 2, 3], ...] | None = Field(default=None, min_length=1, description="限几级医院")
    excluded_wards: tuple[Ward, ...] = Field(default=(), description="不给付的病房类别")
    events: tuple[Code, ...] = Field(default=(), description="须发生其中一项，如 critical_illness 确诊重大疾病")
    archived_only: bool = Field(default=False, description="只给付已建档的困难职工")

    @cached_property
    def asks_no_more(self) -> bool:
        """Whether treatment and cause are all that is asked, as most lines have it."""
        others = (self.min_days, self.hospital_levels, self.excluded_wards, self.events, self.archived_only)
        return not any(others)

    @model_validator(mode="after")
    def a_general_ward_is_paid(self) -> Self:
        if "general" in self.excluded_wards:
            raise PydanticCustomError("ward_general", "普通病房不能排除在外。")
        for given in (self.treatments, self.causes, self.hospital_levels or (), self.excluded_wards, self.events):
            _once(given, "condition_twice", "同一项条件不能写两次。")
        return self


class Limits(Frozen):
    """How often and how much at most; null: no limit. What earlier claims were paid counts."""

    max_payments_per_term: Count | None = Field(default=None, description="一个保障期内最多给付几次")
    max_payments_per_year: Count | None = Field(default=None, description="一个自然年内最多给付几次")
    per_claim_fen: PositiveFen | None = Field(default=None, description="每次最多给付（分）")
    per_term_fen: PositiveFen | None = Field(default=None, description="一个保障期内合计最多给付（分）")
    per_year_fen: PositiveFen | None = Field(default=None, description="一个自然年内合计最多给付（分）")

    @property
    def caps(self) -> tuple[int, ...]:
        given = (self.per_claim_fen, self.per_term_fen, self.per_year_fen)
        return tuple(cap for cap in given if cap is not None)


class _Benefit(Frozen):
    line: Code = Field(description="给付项目的代码；历次给付按它累计")
    name: Name
    source: Source
    when: Conditions = Field(default=Conditions(), description="给付条件；不写的，住院即可")
    limits: Limits = Field(default=Limits(), description="次数和金额的上限；不写的，没有上限")


class Share(_Benefit):
    """A share of what the worker bore by the settlement sheet: by the number of the payment, or by bands."""

    kind: Literal["share"] = Field(description="按基数的一定比例给付")
    base: Expression = Field(description="给付基数")
    clamps: tuple[Clamp, ...] = Field(default=(), description="计入的基数以什么为限")
    deductible: Deductible | None = Field(default=None, description="本计划自己的起付额")
    rates_bp: tuple[RateBp, ...] | None = Field(
        default=None, min_length=1, description="按保障期内第几次给付取比例（万分之几），次数多于列数时取最后一个"
    )
    bands: Bands | None = Field(default=None, description="按基数分档；与 rates_bp 二选一")
    minimum_fen: PositiveFen | None = Field(default=None, description="算出的给付不足此数的，按此数给付（分）")

    @model_validator(mode="after")
    def has_rates_or_bands(self) -> Self:
        if (self.rates_bp is None) is (self.bands is None):
            raise PydanticCustomError("rates_or_bands", "rates_bp 和 bands 应填其中一项，且只能填一项。")
        if self.minimum_fen is not None and any(cap < self.minimum_fen for cap in self.limits.caps):
            raise PydanticCustomError("cap_below_minimum", "给付上限不能低于最低给付额。")
        return self


class Daily(_Benefit):
    """An allowance for each day in hospital."""

    kind: Literal["daily"] = Field(description="按住院天数给付")
    amount_fen: PositiveFen = Field(description="每天给付（分）")
    counting: Literal["one_end", "both_ends"] = Field(
        description="one_end 入院日算、出院日不算，当天出入院算一天；both_ends 首尾两天都算"
    )
    free_days: Annotated[int, Field(ge=0, le=365)] = Field(default=0, description="前几天不给付")
    max_days_per_stay: Count | None = Field(default=None, description="每次住院最多给付几天")
    max_days_per_term: Count | None = Field(default=None, description="一个保障期内最多给付几天")

    @model_validator(mode="after")
    def a_day_can_be_paid(self) -> Self:
        if any(cap < self.amount_fen for cap in self.limits.caps):
            raise PydanticCustomError("cap_below_day", "给付上限不能低于一天的津贴。")
        return self


class LumpSum(_Benefit):
    """A fixed sum for what happened, or for a stay that meets the conditions."""

    kind: Literal["lump_sum"] = Field(description="定额给付")
    amount_fen: PositiveFen = Field(description="定额给付（分）")

    @model_validator(mode="after")
    def caps_allow_it(self) -> Self:
        if any(cap < self.amount_fen for cap in self.limits.caps):
            raise PydanticCustomError("cap_below_sum", "给付上限不能低于定额给付。")
        return self


Benefit: TypeAlias = Annotated[Share | Daily | LumpSum, Field(discriminator="kind")]


class ExclusiveGroup(Frozen):
    """Lines of which only one is paid."""

    lines: tuple[Code, ...] = Field(min_length=2, description="只给付其中一项的给付项目")
    counts: Literal["best", "first"] = Field(description="best 给付金额最高的一项；first 按所列次序给付第一项")
    over: Literal["claim", "term"] = Field(description="同一次申请内、或同一保障期内只给付一项")
    source: Source


class TotalCaps(Frozen):
    """Caps on all lines together; null: none. What earlier claims were paid counts."""

    per_claim_fen: PositiveFen | None = Field(default=None, description="各项合计每次最多给付（分）")
    per_term_fen: PositiveFen | None = Field(default=None, description="各项合计一个保障期最多给付（分）")
    per_year_fen: PositiveFen | None = Field(default=None, description="各项合计一个自然年最多给付（分）")
    source: Source

    @property
    def caps(self) -> tuple[int, ...]:
        given = (self.per_claim_fen, self.per_term_fen, self.per_year_fen)
        return tuple(cap for cap in given if cap is not None)


class Stacking(Frozen):
    """How the lines add up. Where a total is above its limit, the last lines give way first."""

    exclusive: tuple[ExclusiveGroup, ...] = Field(default=(), description="只给付其中一项的组")
    total_clamps: tuple[Clamp, ...] = Field(default=(), description="各项合计以什么为限，如个人实际负担")
    total_caps: TotalCaps | None = Field(default=None, description="各项合计的上限")
    round_at: Literal["claim", "line"] = Field(
        description="四舍五入到分的时点：claim 各项相加后一次；line 每个给付项目各一次"
    )
