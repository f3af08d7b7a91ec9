"""Screening: what a household may count on before it applies. Nothing is kept, and nobody is asked who they are."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.applications.path import Kind
from app.http.door import PREFIX, Door, answer, service_of
from app.http.service import clock
from app.http.views.decisions import ReasonView
from app.kernel.business_time import business_date
from app.screening import Answers, Likely, dibao_hint, screen

router = APIRouter(prefix=PREFIX, tags=["资格自测"], route_class=Door)


class ScreenedView(BaseModel):
    """一种帮扶的测算：可能、不可能，还是缺少回答。"""

    kind: Kind
    likely: Likely
    amount_fen_max: int | None = Field(description="最多可能得到的金额，单位分；没有扣除本年度已得到的")
    reasons: list[ReasonView]
    form: dict[str, Any] = Field(description="可以直接用来新建申请的表单（尚缺的项目以后再填）")


class DibaoHintView(BaseModel):
    """是否接近低保，建议同时申请。"""

    likely: Likely
    text: str
    source: str


class ScreeningView(BaseModel):
    items: list[ScreenedView]
    dibao: DibaoHintView
    decided_on: str


@router.post("/screening", summary="资格自测", response_model=ScreeningView)
async def screen_answers(body: Answers, request: Request) -> Response:
    """一组回答，同时测算三种帮扶，并提示是否应申请低保。不保存任何内容；结果仅供参考，以申请时的审核为准。"""
    policies, today = await service_of(request).policies.get(), business_date(clock())
    items = [
        each._asdict() | {"reasons": [reason._asdict() for reason in each.reasons]}
        for each in screen(body, policies, today)
    ]
    return answer({"items": items, "dibao": dibao_hint(body, policies, today)._asdict(), "decided_on": str(today)})
