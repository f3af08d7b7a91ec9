"""The dated order in which funds are drawn (资金使用顺序), and for how long a reservation stands unused. Pure."""

from typing import Annotated, Final, Literal, get_args

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from app.policy.versions import Version

KIND: Final = "fund_order"
Source = Literal["central", "provincial", "match", "union", "donation", "interest"]
SOURCES: Final[tuple[Source, ...]] = get_args(Source)


class FundOrder(Version):
    """资金使用顺序。"""

    order: Annotated[
        tuple[Source, ...],
        Field(
            description="先用哪一种来源的资金：central 中央财政 · provincial 省级财政 · match 市县财政配套 · "
            "union 工会经费 · donation 社会捐赠 · interest 专户利息；每种写一次"
        ),
    ]
    reservation_days: Annotated[
        int, Field(ge=1, le=730, description="预留的资金多少天（自然日）没有发放就收回，申请转入待拨付名单")
    ]

    @field_validator("order")
    @classmethod
    def every_source_once(cls, order: tuple[Source, ...]) -> tuple[Source, ...]:
        if sorted(order) != sorted(SOURCES):
            raise PydanticCustomError("sources_once", "六种资金来源每种都要写，并且只写一次。")
        return order
