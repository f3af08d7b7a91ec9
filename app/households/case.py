"""A household as it stands in a case file (`aid policy evaluate`): its facts, with the standard looked up. Pure."""

from datetime import date
from typing import Annotated

from pydantic import Field

from app.households.criteria import Circumstance
from app.households.facts import HouseholdFacts
from app.households.upkeep import review_limit
from app.policy.book import PolicyBook
from app.policy.fields import Fen, Frozen, IsoDate
from app.policy.reference import Residence, minimum_living_standard

_Count = Annotated[int, Field(ge=0, le=1000)]


class HouseholdCase(Frozen):
    """家庭档案中的事实；不知道的填 null。金额为全年合计，单位分。"""

    file_active: bool | None = Field(description="困难职工档案是否有效；查不到填 null")
    filed_on: IsoDate | None = Field(
        default=None, description="档案首次提交日期，决定适用哪一版建档口径；没有则按申请日"
    )
    residence: Residence = Field(default="urban", description="按城镇（urban）还是农村（rural）低保标准")
    income_fen_yearly: Fen | None = Field(default=None, description="家庭全年可支配收入，分")
    rigid_spending_fen: Fen | None = Field(default=None, description="全年刚性支出合计，分；没有填 0")
    necessary_work_cost_fen: Fen = Field(default=0, description="刚性支出中的必要就业成本，分")
    members: _Count | None = Field(default=None, description="共同生活人数，含户主")
    primary_cause: Circumstance | None = Field(default=None, description="主要致困原因")
    circumstances: list[Circumstance] = Field(default_factory=list, description="其他致困原因和情形")
    accident_cost_fen: Fen | None = Field(default=None, description="意外或灾害造成的支出（赔偿、保险之后），分")
    grave_illness_cost_fen: Fen | None = Field(default=None, description="重病造成的支出（报销之后），分")
    financial_assets_fen: Fen | None = Field(default=None, description="存款和投资净值，分")
    receives_dibao: bool | None = Field(default=None, description="是否享受低保")
    months_below: _Count | None = Field(default=None, description="未获政府救助、人均收入连续低于低保的月数")
    homes: _Count | None = Field(default=None, description="住房套数")
    runs_business: bool | None = Field(default=None, description="是否经商办店或雇佣他人")
    private_car: bool | None = Field(default=None, description="是否经常使用非经营性机动车")
    non_dwelling_property: bool | None = Field(default=None, description="是否有非居住类房产")
    high_fee_school: bool | None = Field(default=None, description="子女是否就读高收费学校")
    study_abroad: bool | None = Field(default=None, description="子女是否自费出国留学")
    able_adult_not_working: bool | None = Field(default=None, description="是否有劳动能力的成年人无正当理由不就业")
    migrant_worker: bool | None = Field(default=None, description="是否农民工")
    union_member: bool | None = Field(default=None, description="是否工会会员")
    labour_relation_months: _Count | None = Field(default=None, description="劳动关系已满月数")
    review_overdue_days: Annotated[int, Field(ge=0, le=40_000)] | None = Field(
        default=None, description="档案年度复核已逾期的天数；没有逾期填 0，不看这一项填 null"
    )


_SAME = tuple(name for name in HouseholdCase.model_fields if name not in ("residence", "circumstances"))
NO_FILE = HouseholdCase(file_active=False)


def household_facts(case: HouseholdCase | None, on: date, area: str, book: PolicyBook) -> HouseholdFacts:
    """The facts of a case on a day. Never raises: a standard that is not known is a fact that is not known."""
    told = case or NO_FILE
    standard, limit = minimum_living_standard(book, area, on, told.residence), review_limit(book, on, area)
    return HouseholdFacts(
        **{name: getattr(told, name) for name in _SAME},
        circumstances=tuple(told.circumstances),
        minimum_living_standard_fen=standard.monthly_fen,
        edge_line_fen=standard.edge_line_fen,
        minimum_living_standard_from=standard.in_force_from,
        minimum_living_standard_version=standard.version,
        minimum_living_standard_source=standard.source,
        review_grace_days=limit.grace_days,
        review_source=limit.source,
        upkeep_version=limit.version,
    )
