"""A decision as the contract describes it. What is answered are the very bytes that were kept (app.policy.decision)."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field


class CitedView(BaseModel):
    """决定所依据的另一项政策版本。"""

    kind: str = Field(description="政策种类，如 household_criteria（建档口径）、minimum_living_standard（低保标准）")
    version: str = Field(description="版本名")


class PolicyCitedView(BaseModel):
    """决定所依据的政策版本。"""

    kind: str = Field(description="政策种类")
    version: str = Field(description="版本名；已生效的版本不再修改")
    source: str = Field(description="出处（文号、条款）")
    in_force_from: date = Field(description="自哪一天起施行")
    rests_on: list[CitedView] = Field(description="同时依据的其他政策版本，如家庭建档口径和低保标准")


class ReasonView(BaseModel):
    """一条规则的结论。"""

    rule: str = Field(description="规则代码，稳定不变")
    met: bool | None = Field(description="true 符合，false 不符合，null 暂时无法判断（按不符合处理）")
    text: str = Field(description="规则的内容")
    needed: str = Field(description="需要达到什么")
    given: str = Field(description="实际情况是什么")
    source: str = Field(description="标准的出处，有施行日期的写明日期")


class ChangeView(BaseModel):
    """使结论改变所需的一项变化；各项合在一起才够，缺一不可。"""

    rule: str = Field(description="对应的规则代码")
    text: str = Field(description="需要怎样变化")
    can_change: bool = Field(description="是否可以由本人改变，或等到某一天即可")


class TraceStepView(BaseModel):
    """计算过程的一步；各步金额相加等于决定的金额。"""

    step: str = Field(description="步骤代码")
    text: str = Field(description="这一步的说明")
    amount_fen: int = Field(description="这一步增加（正）或减少（负）的金额，单位分")


class DecisionView(BaseModel):
    """按政策测算的结果：金额、每一条理由、怎样才能改变，以及计算过程。"""

    outcome: Literal["eligible", "ineligible"] = Field(description="eligible 符合，ineligible 不符合")
    amount_fen: int = Field(description="金额，单位分；不符合时为 0")
    policy: PolicyCitedView = Field(description="依据的政策版本")
    reasons: list[ReasonView] = Field(description="每一条规则的结论")
    changes: list[ChangeView] = Field(description="不符合时，使结论改变的最小一组变化；符合时为空")
    trace: list[TraceStepView] = Field(description="计算过程")
    decided_on: date = Field(description="测算日期")
