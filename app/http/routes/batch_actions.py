"""Dealing with many cases at once: a look at what would become of each, and then all of them by one token."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, WithJsonSchema

from app.applications.batches import commands
from app.applications.batches.commands import Item
from app.applications.batches.rules import AT_MOST, TOGETHER
from app.applications.commands import Said
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import In
from app.http.views import batches as views
from app.kernel.actor import Permission
from app.policy.fields import Id, LongText

router = APIRouter(prefix=f"{PREFIX}/staff/batch_actions", tags=["批量办理"], route_class=Door)
Reviewer = Annotated[Desk, staff(Permission.READ_CASES)]
Together = Annotated[
    str, Field(max_length=40), WithJsonSchema({"type": "string", "enum": [str(action) for action in TOGETHER]})
]


class BatchItem(In):
    application_id: Id
    version: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = Field(
        default=None, description="在列表里看到的版本；不填的，以现在的为准"
    )


class BatchRequest(In):
    action: Together
    items: Annotated[list[BatchItem], Field(min_length=1, max_length=AT_MOST)]
    note: LongText | None = Field(default=None, description="意见，每份申请都记下同样的话；退回补正必填")
    reason_code: Annotated[str, Field(max_length=40)] | None = None


class BatchRun(In):
    token: Id
    action: Together | None = Field(default=None, description="屏幕上确认的是哪一种办理；与预览的不同则不办理")


@router.post("/preview", summary="批量办理前的预览", response_model=views.BatchPreview)
async def preview(body: BatchRequest, desk: Reviewer) -> Response:
    """最多 1000 份。逐份说明现在能不能这样办理、为什么不能，并给出 30 分钟内有效的 token。不予通过要逐件办理。"""
    said = Said(body.action, body.note, body.reason_code)
    items = [Item(item.application_id, item.version) for item in body.items]
    return answer(views.preview(await commands.preview(desk.work, desk.actor, said, items)))


@router.post("", summary="批量办理", response_model=views.BatchResult)
async def run(body: BatchRun, desk: Reviewer) -> Response:
    """按预览办理：预览之后又有变动的跳过并说明原因，其余的办成。同一个 token 只办理一次，再问得到同样的结果。"""
    content = await commands.run(desk.work, desk.actor, body.token, body.action, views.result)
    return Response(content, media_type="application/json")
