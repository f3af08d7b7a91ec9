"""The tree of unions, as its administrators keep it; the first of them come by `aid unions`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import CodeCursor, In, Limit, PathId
from app.kernel.actor import Permission
from app.organisations.commands import CityNamesReceiver, enter, receive_unattached, rename
from app.organisations.queries import kept_union, kept_union_of_code, kept_unions
from app.organisations.rules import BelowCity, DivisionCode, Level, UnionCode, Written
from app.policy.fields import ShortText

router = APIRouter(prefix=f"{PREFIX}/staff/organisations", tags=["工会组织"], route_class=Door)
Keeper = Annotated[Desk, staff(Permission.KEEP_UNIONS)]


class UnionEntry(In):
    code: Annotated[UnionCode, Field(description="编码，全市唯一，录入后不能改")]
    name: ShortText
    level: Annotated[
        BelowCity, Field(description="district 区县 · industry 产业 · street 镇街 · unit 基层；录入后不能改")
    ]
    parent_code: Annotated[UnionCode, Field(description="上级工会的编码，录入后不能改")]
    division_code: Annotated[DivisionCode, Field(description="所在地的区划代码，6 到 12 位数字，录入后不能改")]


class UnionName(In):
    name: ShortText


class UnionView(BaseModel):
    """一个工会组织。"""

    id: str
    code: str
    name: str
    level: Level
    parent_code: str | None = Field(description="上级工会的编码；市总工会没有上级")
    division_code: str
    receives_unattached: bool = Field(description="是不是接收没有工会的职工的那一个，一个市至多一个")


class UnionPage(BaseModel):
    items: list[UnionView]
    next_cursor: str | None


@router.get("", summary="工会组织", response_model=UnionPage)
async def list_unions(
    desk: Keeper,
    q: Annotated[str, Query(max_length=50, description="名称中的几个字")] = "",
    parent_code: Annotated[UnionCode | None, Query(description="只看直属于这个工会的")] = None,
    limit: Limit = 20,
    cursor: CodeCursor = "",
) -> Response:
    """管辖范围内的工会组织，按编码的顺序。"""
    reach = desk.actor.reach(Permission.KEEP_UNIONS)
    rows = await kept_unions(desk.work.transaction, reach, limit + 1, words=q, parent_code=parent_code, after=cursor)
    items = [_shown(row) for row in rows[:limit]]
    return answer({"items": items, "next_cursor": items[-1]["code"] if len(rows) > limit else None})


@router.post("", status_code=201, summary="录入工会", response_model=UnionView)
async def enter_union(body: UnionEntry, desk: Keeper) -> Response:
    """在管辖范围内的一个工会下录入。同一个工会录入两次只有一个；市总工会由命令行 `aid unions` 录入。"""
    reach = desk.actor.reach(Permission.KEEP_UNIONS)
    parent = await kept_union_of_code(desk.work.transaction, reach, body.parent_code)
    entered = await enter(desk.work, desk.actor.person_id, Written(**body.model_dump()), parent)
    return await _answered(desk, entered, 201)


@router.post("/{organisation_id}/rename", summary="更改工会名称", response_model=UnionView)
async def rename_union(organisation_id: PathId, body: UnionName, desk: Keeper) -> Response:
    """以后的档案、申请和单据用新名称；已经写下的仍是当时的名称。"""
    union = await _kept(desk, organisation_id)
    await rename(desk.work, desk.actor.person_id, union["id"], body.name)
    return await _answered(desk, organisation_id)


@router.post("/{organisation_id}/receive_unattached", summary="指定接收没有工会的职工", response_model=UnionView)
async def name_receiver(organisation_id: PathId, desk: Keeper) -> Response:
    """以后没有工会的职工由这个工会（职工服务中心）接收，原来接收的不再接收；由市总工会的系统管理员指定。"""
    union = await _kept(desk, organisation_id)
    if all(post.place.id != union["city_id"] for post in desk.actor.posts_with(Permission.KEEP_UNIONS)):
        raise CityNamesReceiver
    await receive_unattached(desk.work, desk.actor.person_id, union)
    return await _answered(desk, organisation_id)


async def _kept(desk: Desk, organisation_id: UUID) -> Record:
    """A union within reach. Raises OrganisationNotFound."""
    return await kept_union(desk.work.transaction, desk.actor.reach(Permission.KEEP_UNIONS), organisation_id)


async def _answered(desk: Desk, organisation_id: UUID, status: int = 200) -> Response:
    """The union as it is now."""
    return answer(_shown(await _kept(desk, organisation_id)), status)


def _shown(row: Record) -> dict[str, Any]:
    told = ("code", "name", "level", "parent_code", "division_code", "receives_unattached")
    return {"id": str(row["id"]), **{name: row[name] for name in told}}
