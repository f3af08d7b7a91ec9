"""The dated ways of approval (审批环节): which stages a case passes, by kind, item and amount. Pure."""

from datetime import date
from itertools import pairwise
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from app.applications.path import STAGES, State, route_text
from app.kernel.money import Fen as Amount
from app.policy.book import PolicyBook
from app.policy.fields import Fen, Frozen
from app.policy.versions import Version

KIND: Final = "approval_route"
KindName = Literal["hardship_aid", "golden_autumn", "secondary_medical"]
Item = Literal["living", "medical", "accident", "temporary"]
Stage = Literal["unit_review", "district_review", "city_approval", "meeting"]
_ORDER: Final[dict[str, int]] = {stage: n for n, stage in enumerate(STAGES)}


def _in_order(stages: tuple[str, ...]) -> tuple[str, ...]:
    if any(_ORDER[before] >= _ORDER[after] for before, after in pairwise(stages)):
        message = "环节应按单位审核、区县审核、市总审批、会议决定的先后来写，每个最多一次。"
        raise PydanticCustomError("stages_order", message)
    if State.CITY_APPROVAL not in stages:
        raise PydanticCustomError("stages_without_city", "不能没有市总审批（city_approval）这个环节。")
    return stages


class MeetingTerms(Frozen):
    """会议怎样表决。列名的人比 members 多的，法定人数按同样的比例增加。"""

    members: Annotated[int, Field(ge=1, le=50, description="至少列名几人参加表决")]
    quorum: Annotated[int, Field(description="列名 members 人时，至少几人表决才有效")]
    majority: Annotated[
        Literal["of_members", "of_votes"],
        Field(description="赞成票要超过谁的半数：of_members 全体列名的人，of_votes 实际表决的人"),
    ]

    @field_validator("quorum")
    @classmethod
    def somebody_votes(cls, quorum: int, info: ValidationInfo) -> int:
        if quorum < 1:
            raise PydanticCustomError("quorum_zero", "法定人数不能为0：至少要有1人表决。")
        if quorum > info.data.get("members", quorum):
            raise PydanticCustomError("quorum_above_members", "法定人数不能多于列名的人数。")
        return quorum


class Band(Frozen):
    """一档金额的审批环节。"""

    above_fen: Annotated[Fen | None, Field(description="高于多少分（不含）；第一档不写")] = None
    up_to_fen: Annotated[Fen | None, Field(description="到多少分为止（含）；最后一档不写")] = None
    stages: Annotated[
        tuple[Stage, ...],
        Field(min_length=1, description="受理之后依次经过哪些环节；可以少一个，不能没有 city_approval"),
        AfterValidator(_in_order),
    ]
    meeting: Annotated[MeetingTerms | None, Field(description="有会议决定（meeting）环节的，怎样表决")] = None

    @model_validator(mode="after")
    def holds_something(self) -> Self:
        if self.up_to_fen is not None and self.up_to_fen <= (self.above_fen or 0):
            raise PydanticCustomError("band_empty", "这一档里没有金额：终点应大于起点。")
        if (State.MEETING in self.stages) != (self.meeting is not None):
            message = "有会议决定环节的，要写明怎样表决；没有的，不要写。"
            raise PydanticCustomError("meeting_terms", message)
        return self


class KindRoute(Frozen):
    """一种帮扶各档金额的审批环节。"""

    kind: Annotated[KindName, Field(description="哪一种帮扶")]
    items: Annotated[
        tuple[Item, ...], Field(description="困难帮扶中只适用于哪些救助；不写的，适用于其他没有单列的")
    ] = ()
    bands: Annotated[tuple[Band, ...], Field(min_length=1, max_length=20, description="各档金额，从低到高，首尾相接")]

    @field_validator("items")
    @classmethod
    def items_of_this_kind(cls, items: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if items and info.data.get("kind") != "hardship_aid":
            raise PydanticCustomError("items_of_other_kind", "只有困难帮扶可以按救助种类分列。")
        if len(set(items)) < len(items):
            raise PydanticCustomError("item_repeated", "同一种救助只能写一次。")
        return items

    @field_validator("bands")
    @classmethod
    def every_amount_once(cls, bands: tuple[Band, ...]) -> tuple[Band, ...]:
        if bands[0].above_fen is not None:
            raise PydanticCustomError("bands_begin_late", "第1档应从0开始：不要写“高于多少”。")
        if bands[-1].up_to_fen is not None:
            raise PydanticCustomError("bands_end_early", "最后一档应没有上限：不要写“到多少为止”。")
        for n, (below, band) in enumerate(pairwise(bands), 2):
            ends, begins = below.up_to_fen, band.above_fen
            if ends is None or begins is None or begins < ends:
                raise PydanticCustomError("bands_overlap", "第{n}档与上一档有重叠：起点应等于上一档的终点。", {"n": n})
            if begins > ends:
                raise PydanticCustomError("bands_gap", "第{n}档与上一档之间有空档：起点应等于上一档的终点。", {"n": n})
        return bands

    def band(self, amount_fen: Amount) -> Band:
        """The one in which an amount lies."""
        return next(each for each in self.bands if each.up_to_fen is None or amount_fen <= each.up_to_fen)


class ApprovalRoutes(Version):
    """审批环节。"""

    routes: Annotated[tuple[KindRoute, ...], Field(min_length=1, description="每种帮扶的审批环节")]

    @field_validator("routes")
    @classmethod
    def every_kind_once(cls, routes: tuple[KindRoute, ...]) -> tuple[KindRoute, ...]:
        named = [(route.kind, item) for route in routes for item in route.items or (None,)]
        if len(set(named)) < len(named):
            raise PydanticCustomError("route_repeated", "同一种帮扶、同一种救助的审批环节只能写一次。")
        if {kind for kind, item in named if item is None} < {"hardship_aid", "golden_autumn", "secondary_medical"}:
            message = "每种帮扶都要有一项不分救助种类（不写 items）的审批环节。"
            raise PydanticCustomError("route_missing", message)
        return routes

    def band(self, kind: str, item: str | None, amount_fen: Amount) -> Band:
        """By which stages so much of a kind and item is approved."""
        of_kind = [route for route in self.routes if route.kind == kind]
        own = next((route for route in of_kind if item in route.items), None)
        return (own or next(route for route in of_kind if not route.items)).band(amount_fen)

    def stages_of(self, kind: str) -> tuple[State, ...]:
        """Every stage that anything of a kind may have to pass, in order."""
        named = {stage for route in self.routes if route.kind == kind for band in route.bands for stage in band.stages}
        return tuple(stage for stage in STAGES if stage in named)


class Route(NamedTuple):
    """The way of one case, as its columns keep it."""

    route: str
    route_version: str
    route_fen: Amount
    """The amount that it is the way for."""


class _Found(NamedTuple):
    """What was found in a book by day: every submission asks, and a book changes now and then."""

    book: PolicyBook | None
    by_day: dict[date, ApprovalRoutes]


_found = _Found(None, {})


def _in_force(policies: PolicyBook, on: date) -> ApprovalRoutes:
    global _found
    found = _found
    if found.book is not policies:
        _found = found = _Found(policies, {})
    if on not in found.by_day:
        found.by_day[on] = policies.in_force(KIND, ApprovalRoutes, on)
    return found.by_day[on]


def route_for(policies: PolicyBook, kind: str, item: str | None, amount_fen: Amount, on: date) -> Route:
    """The way of so much, by the version in force on a day.

    Raises NoPolicyInForce: nothing is approved by fewer than a version might ask for.
    """
    version = _in_force(policies, on)
    return Route(route_text(version.band(kind, item, amount_fen).stages), version.version, amount_fen)


def terms_of(policies: PolicyBook, kind: str, item: str | None, route: Route) -> MeetingTerms:
    """How a meeting votes on a case whose way has one. Raises NoPolicyInForce for a version that cannot be read."""
    terms = policies.named(KIND, ApprovalRoutes, route.route_version).band(kind, item, route.route_fen).meeting
    assert terms is not None, "its way has a meeting"
    return terms
