"""What WeChat itself calls (消息推送): public, by its signature alone; kept and answered, and worked on later."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import Counter as Count

from app.db.transaction import Sight
from app.db.work import Work
from app.gateways.wechat.crypto import PushBroken, PushKey
from app.gateways.wechat.pushes import Signed, check_signature, read
from app.http.door import PREFIX, Door, begin, service_of
from app.http.service import clock
from app.http.strict_json import BodyTooLarge
from app.kernel.errors import DomainError, NotAllowed, NotFound
from app.wechat.push_commands import keep, note_refused, use_signature

log = structlog.get_logger("aid.wechat")
PUSHES: Final = Count(
    "aid_wechat_pushes_total", "Pushes of WeChat, by account and what became of them", ["account", "how"]
)
MAXIMUM_BYTES: Final = 64 * 1024
AGE: Final = timedelta(minutes=5)
AUDITED_EVERY: Final = timedelta(minutes=1)
PATH: Final = f"{PREFIX}/wechat/{{account}}/callback"
_LONGEST_PARAMETER: Final = 128
_refused_since: Counter[tuple[str, str]] = Counter()
_audited_at: dict[tuple[str, str], datetime] = {}


class PushDoor(Door):
    """A door whose body is read once its signature holds."""

    reads_body = False


class PushSignatureWrong(NotAllowed):
    """签名不对。"""


class PushTooOld(NotAllowed):
    """这个请求的时间与现在相差太多。"""


class PushUnreadable(NotAllowed):
    """推送的内容无法读取。"""


router = APIRouter(tags=["微信"], route_class=PushDoor, include_in_schema=False)


@router.get(PATH, summary="微信校验回调地址", response_class=Response, responses={200: {}})
async def verify_callback(request: Request, account: str) -> Response:
    """原样返回 echostr。"""
    _key(request, account)
    try:
        signed = _signed(request)
        _check(request, account, signed)
    except DomainError as refused:
        await _note(request, account, refused)
        raise
    echo = request.query_params.get("echostr", "")
    return Response(echo if len(echo) <= _LONGEST_PARAMETER else "", media_type="text/plain")


@router.post(PATH, summary="微信推送消息和事件", response_class=Response, responses={200: {}})
async def receive_push(request: Request, account: str) -> Response:
    """验签后存下即答 success，由后台任务办理；重复推送不会重复办理。"""
    _key(request, account)
    try:
        signed = _signed(request)
        _check(request, account, signed)
        body = await _body(request)
        try:
            push = read(_key(request, account), signed, body)
        except PushBroken as broken:
            log.warning("wechat_push_broken", name=account, reason=str(broken))
            raise (PushSignatureWrong if str(broken) == "msg_signature" else PushUnreadable) from None
        work = await begin(request, Sight("wechat"))
        await use_signature(work, account, signed, body)
    except DomainError as refused:
        await _note(request, account, refused)
        raise
    new = await keep(work, account, push)
    PUSHES.labels(account, "new" if new else "repeated").inc()
    return Response("success", media_type="text/plain")


def _signed(request: Request) -> Signed:
    query: Mapping[str, Any] = request.query_params
    if any(
        len(query.get(name, "")) > _LONGEST_PARAMETER for name in ("timestamp", "nonce", "signature", "msg_signature")
    ):
        raise PushSignatureWrong
    return Signed(
        timestamp=query.get("timestamp", ""),
        nonce=query.get("nonce", ""),
        signature=query.get("signature", ""),
        msg_signature=query.get("msg_signature", ""),
        encrypted=query.get("encrypt_type", "") == "aes",
    )


def _check(request: Request, account: str, signed: Signed) -> None:
    """Raises PushSignatureWrong, PushTooOld."""
    try:
        check_signature(_key(request, account), signed)
    except PushBroken:
        raise PushSignatureWrong from None
    if not (signed.timestamp.isascii() and signed.timestamp.isdecimal()) or len(signed.timestamp) > 11:
        raise PushTooOld
    if abs(clock() - datetime.fromtimestamp(int(signed.timestamp), UTC)) > AGE:
        raise PushTooOld


def _key(request: Request, account: str) -> PushKey:
    """Raises NotFound for an account that is none of ours, or whose pushes were not set up."""
    key = service_of(request).wechat_accounts.push_keys.get(account)
    if key is None:
        raise NotFound
    return key


async def _body(request: Request) -> bytes:
    """Raises BodyTooLarge as soon as that is known."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAXIMUM_BYTES:
            raise BodyTooLarge
    return bytes(body)


async def _note(request: Request, account: str, refused: DomainError) -> None:
    """Counted, and written into the audit trail once a minute and process: whoever forges does not fill it."""
    PUSHES.labels(account, refused.code).inc()
    seen, now = (account, refused.code), clock()
    _refused_since[seen] += 1
    if seen not in _audited_at or now - _audited_at[seen] >= AUDITED_EVERY:
        service = service_of(request)
        async with service.database.begin(Sight("wechat")) as transaction:
            calendar, policies = await service.calendar.get(), await service.policies.get()
            work = Work(transaction, service.keyring, calendar, now, policies)
            await note_refused(work, account, refused.code, _refused_since.pop(seen))
        _audited_at[seen] = now
