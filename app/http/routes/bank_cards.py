"""Cards that a payment waits for: what a bank says of them is entered by one of finance and confirmed by another."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, In, Limit
from app.http.views import payments as views
from app.kernel.errors import FieldError, Invalid
from app.payments import card_commands
from app.payments.card_commands import Result
from app.payments.queries import PAYERS, cards_to_check, open_checks
from app.policy.fields import Id

router = APIRouter(prefix=f"{PREFIX}/staff/bank_cards", tags=["银行卡核验"], route_class=Door)
AT_ONCE = 200


class CardResult(In):
    card_id: Id
    outcome: Literal["passed", "failed"] = Field(description="passed 户名与本人一致 · failed 不一致或账户不可用")


class NewChecks(In):
    method: Literal["name_check", "penny_test"] = Field(description="name_check 户名核验 · penny_test 小额验证")
    items: Annotated[list[CardResult], Field(min_length=1, max_length=AT_ONCE)]


class CheckDecision(In):
    action: Literal["confirm", "refuse"]
    check_ids: Annotated[list[Id], Field(min_length=1, max_length=AT_ONCE)]


@router.get("", summary="待核验的银行卡", response_model=views.CardPage)
async def list_cards(desk: Annotated[Desk, staff(*PAYERS)], limit: Limit = 20, cursor: Cursor = None) -> Response:
    """公示中、待发放和发放失败的申请的收款卡，还没有核验通过的；卡号已脱敏，先提交申请的在前。"""
    after = desk.service.cursors.read("bank_cards", cursor)
    rows = await cards_to_check(desk.work.transaction, limit + 1, after)
    placed = [dict(row) | {"id": row["application_id"]} for row in rows]
    page, following = desk.service.cursors.cut("bank_cards", placed, limit, "submitted_at")
    checks = await open_checks(desk.work.transaction, [row["card_id"] for row in page])
    me = desk.actor.person_id
    items = [views.card(row, checks.get(row["card_id"]), me) for row in page]
    return answer({"items": items, "next_cursor": following})


@router.post("/checks", status_code=201, summary="登记核验结果", response_model=views.ChecksEntered)
async def enter_checks(body: NewChecks, desk: Annotated[Desk, staff(*PAYERS)]) -> Response:
    """银行户名核验或小额验证的结果，一次最多200张；由另一人确认之后才算。要么全部登记，要么一张也不登记。"""
    _once([item.card_id for item in body.items], "/items", "card_id")
    results = [Result(item.card_id, item.outcome) for item in body.items]
    entered = await card_commands.enter(desk.work, desk.actor, body.method, results)
    return answer({"ids": [str(each) for each in entered]}, 201)


@router.post("/checks/decisions", summary="确认核验结果", response_model=views.ChecksDecided)
async def decide_checks(body: CheckDecision, desk: Annotated[Desk, staff(*PAYERS)]) -> Response:
    """由没有登记、也与登记人和持卡人无关的人确认或退回。确认通过的银行卡可以付款。"""
    _once(body.check_ids, "/check_ids", "")
    return answer({"count": await card_commands.decide(desk.work, desk.actor, body.check_ids, body.action)})


def _once(ids: list[UUID], at: str, name: str) -> None:
    """Raises Invalid for what is named twice."""
    for n, each in enumerate(ids):
        if each in ids[:n]:
            pointer = f"{at}/{n}/{name}" if name else f"{at}/{n}"
            raise Invalid(FieldError(pointer, "item_repeated", "同一项在名单里出现了不止一次。"))
