"""Pushes made up as WeChat would, by hand, for one's own app or somebody else's."""

import itertools
import time
from typing import Any

import httpx
import orjson

from app.settings import DEMO_WECHAT_AES_KEY, DEMO_WECHAT_OFFICIAL_APPID, DEMO_WECHAT_PUSH_TOKEN
from app.simulator.sealing import sealed, signed
from tests.gateways.steering import APPID

_NONCES = itertools.count(1)
APPIDS = {"miniprogram": APPID, "official": DEMO_WECHAT_OFFICIAL_APPID}


def query(*, token: str = DEMO_WECHAT_PUSH_TOKEN, at: float | None = None, nonce: str | None = None) -> dict[str, str]:
    timestamp, nonce = str(int(time.time() if at is None else at)), nonce or f"n{next(_NONCES)}"
    return {"timestamp": timestamp, "nonce": nonce, "signature": signed(token, timestamp, nonce)}


async def push(
    callbacks: httpx.AsyncClient, event: dict[str, Any], account: str = "miniprogram", **how: Any
) -> httpx.Response:
    """In plain mode and JSON."""
    return await callbacks.post(f"/{account}/callback", params=query(**how), content=orjson.dumps(event))


async def push_safely(
    callbacks: httpx.AsyncClient, message: str, account: str = "miniprogram", *, appid: str = "", **how: Any
) -> httpx.Response:
    """In safe mode; the message is JSON or XML."""
    asked = query(**how)
    encrypted = sealed(DEMO_WECHAT_AES_KEY, appid or APPIDS[account], message)
    shared = how.get("token", DEMO_WECHAT_PUSH_TOKEN)
    asked |= {
        "encrypt_type": "aes",
        "msg_signature": signed(shared, asked["timestamp"], asked["nonce"], encrypted),
    }
    return await callbacks.post(f"/{account}/callback", params=asked, json={"ToUserName": "gh", "Encrypt": encrypted})


def event(kind: str, openid: str = "oSomebody", at: int | None = None, **fields: Any) -> dict[str, Any]:
    said = {"ToUserName": "gh_1", "FromUserName": openid, "CreateTime": int(time.time() if at is None else at)}
    return said | {"MsgType": "event", "Event": kind} | fields


def popup(openid: str, said: str, template: str = "sim-progress", at: int | None = None) -> dict[str, Any]:
    kind = "subscribe_msg_change_event" if said == "reject" else "subscribe_msg_popup_event"
    return event(kind, openid, at, List={"TemplateId": template, "SubscribeStatusString": said, "PopupScene": "0"})
