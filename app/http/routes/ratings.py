"""How satisfied workers were: one rating for each application that was paid, and what leaders may know of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.applications.queries import own
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views.applications import instant
from app.kernel.actor import Permission
from app.policy.accountability import KIND, AccountabilityPolicy
from app.policy.fields import LongText
from app.ratings.commands import WORDS, rate
from app.ratings.queries import by_union, rating_of
from app.ratings.rules import summary

router = APIRouter(prefix=PREFIX, tags=["满意度评价"], route_class=Door)


class NewRating(In):
    score: Annotated[int, Field(ge=1, le=5, description="5 满意 · 4 较满意 · 3 一般 · 2 较不满意 · 1 不满意")]
    text: LongText | None = None


class RatingView(BaseModel):
    """我的评价，提交后不能修改。"""

    score: int
    text: str | None
    at: str


class UnionRatings(BaseModel):
    """一个工会的满意度，没有姓名；评价太少的不显示。"""

    organisation_code: str
    organisation_name: str
    enough: bool
    count: int | None
    satisfied_bp: int | None = Field(description="满意和较满意占全部评价的万分之几")
    scores: list[int] | None = Field(description="1 分到 5 分各有几份")


class UnionRatingsPage(BaseModel):
    items: list[UnionRatings]
    next_cursor: str | None


@router.post("/applications/{application_id}/rating", status_code=201, summary="评价", response_model=RatingView)
async def rate_application(application_id: PathId, body: NewRating, desk: WorkerDesk) -> Response:
    """发放之后，对办理情况评价一次。领导只能看到各工会的汇总，看不到是谁评的。"""
    await rate(desk.work, desk.actor, application_id, body.score, body.text)
    return answer(_rating(await rating_of(desk.work.transaction, application_id), desk.work.keyring), 201)


@router.get("/applications/{application_id}/rating", summary="我的评价", response_model=RatingView)
async def read_rating(application_id: PathId, desk: WorkerDesk) -> Response:
    """还没有评价的，返回 404。"""
    await own(desk.work.transaction, desk.actor, application_id)
    return answer(_rating(await rating_of(desk.work.transaction, application_id), desk.work.keyring))


def _rating(row: Record, keyring: Keyring) -> dict[str, Any]:
    words = keyring.open_text(WORDS, row["id"], row["words"]) if row["words"] else None
    return {"score": row["score"], "text": words, "at": instant(row["created_at"])}


@router.get("/staff/ratings", summary="各工会的满意度", response_model=UnionRatingsPage)
async def list_ratings(
    desk: Annotated[Desk, staff(Permission.READ_RATINGS)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """管辖范围内的每个工会，只计直接由它受理的；评价太少的工会只说明太少。"""
    after = desk.service.cursors.read("ratings", cursor)
    rows = await by_union(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("ratings", rows, limit, "created_at")
    at_least = desk.work.policies.in_force(KIND, AccountabilityPolicy, desk.work.today).rating_group_min
    return answer({"items": [_of_union(row, at_least) for row in page], "next_cursor": following})


def _of_union(row: Record, at_least: int) -> dict[str, Any]:
    scores = [row[f"score_{n}"] for n in range(1, 6)]
    found = summary(scores, at_least)
    return {
        "organisation_code": row["code"],
        "organisation_name": row["name"],
        "enough": found is not None,
        "count": found.count if found else None,
        "satisfied_bp": found.satisfied_bp if found else None,
        "scores": scores if found else None,
    }
