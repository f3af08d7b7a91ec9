"""The dated rules of how the union answers for what it does: appeals, looking at sensitive values, ratings. Pure."""

from typing import Annotated, Final

from pydantic import Field

from app.policy.versions import Version

KIND: Final = "accountability"


class AccountabilityPolicy(Version):
    """申诉、查看敏感信息和满意度评价的规则。"""

    appeal_window_working_days: Annotated[int, Field(ge=1, le=250, description="决定之后多少个工作日内可以申诉")]
    appeal_decision_working_days: Annotated[int, Field(ge=1, le=250, description="收到申诉之后多少个工作日内答复")]
    reveals_per_day: Annotated[int, Field(ge=0, le=10_000, description="每名工作人员每天最多查看多少次完整的敏感信息")]
    rating_group_min: Annotated[int, Field(ge=2, le=1_000, description="一个工会至少有几份评价才显示结果")]
