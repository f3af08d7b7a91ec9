"""What the simulator pushes is read by others' code (wechatpy), and what others encrypt is read by ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from xml.etree.ElementTree import fromstring

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.utils import check_signature

from app.gateways.wechat.crypto import PushKey, signature
from app.gateways.wechat.pushes import Signed, read
from app.simulator.app import DEMO_ACCOUNTS, create_app
from app.simulator.sealing import sealed
from tests.serving import serving

APPID = "wx0000000000000sim"
TOKEN, KEY = "a-push-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


class Server:
    """Somebody's server: what came, and how it answers."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], str]] = []
        self.answers: list[tuple[int, str, float]] = []

    async def __call__(self, request: Request) -> Response:
        query = dict(request.query_params)
        if request.method == "GET":
            check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
            return PlainTextResponse(query["echostr"])
        self.came.append((query, (await request.body()).decode()))
        status, text, delay_s = self.answers.pop(0) if self.answers else (200, "success", 0.0)
        await asyncio.sleep(delay_s)
        return PlainTextResponse(text, status)


@asynccontextmanager
async def set_up(**how: Any) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    theirs = Server()
    app = Starlette(routes=[Route("/push", theirs.__call__, methods=["GET", "POST"])])
    with serving(app) as url, serving(create_app(DEMO_ACCOUNTS)) as base_url:
        async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=30) as http:
            where = {"appid": APPID, "url": f"{url}/push", "token": TOKEN, "aes_key": KEY, "timeout_s": 0.3}
            assert (await http.post("/_sim/callback", json=where | how)).json() == {"verified": True}
            yield theirs, http


async def pushed(http: httpx.AsyncClient, **event: Any) -> list[dict[str, Any]]:
    answer = await http.post("/_sim/push", json={"appid": APPID, "event": {"Event": "debug_demo", **event}})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["deliveries"]
    return found


@pytest.mark.parametrize("mode", ["safe", "compat"])
async def test_wechatpy_reads_what_the_simulator_encrypts(mode: str) -> None:
    async with set_up(mode=mode, format="xml") as (theirs, http):
        await pushed(http, debug_str="你好 <世界> ]]> & 😀")

        query, body = theirs.came[0]
        crypto = WeChatCrypto(TOKEN, KEY, APPID)
        message = crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])

        assert fromstring(message).findtext("debug_str") == "你好 <世界> ]]> & 😀"
        assert (fromstring(body).findtext("debug_str") is None) == (mode == "safe")
        with pytest.raises(InvalidSignatureException):
            crypto.decrypt_message(body, query["signature"], query["timestamp"], query["nonce"])


def test_what_wechatpy_encrypts_is_read_by_ours() -> None:
    crypto, key = WeChatCrypto(TOKEN, KEY, APPID), PushKey(APPID, TOKEN, KEY)
    text = "<xml><MsgType>event</MsgType><Event>debug_demo</Event><CreateTime>1</CreateTime><d>你好</d></xml>"

    reply = fromstring(crypto.encrypt_message(text, "a-nonce", "1790000000"))
    found = {each.tag: each.text or "" for each in reply}

    assert key.decrypt(found["Encrypt"]).decode() == text
    signed = Signed("1790000000", "a-nonce", "", found["MsgSignature"], encrypted=True)
    envelope = f"<xml><Encrypt>{found['Encrypt']}</Encrypt></xml>".encode()
    assert read(key, signed, envelope).content["d"] == "你好"
    assert key.decrypt(sealed(KEY, APPID, text)).decode() == text
    ours = key.encrypt(text.encode())
    mine = signature(TOKEN, "1790000000", "a-nonce", ours)
    assert crypto.decrypt_message({"Encrypt": ours}, mine, "1790000000", "a-nonce") == text


async def test_three_tries_of_the_same_until_one_is_answered_well() -> None:
    async with set_up(mode="plain", format="json") as (theirs, http):
        theirs.answers = [(500, "", 0), (200, "<html>", 0)]
        deliveries = await pushed(http)
        assert [each["good"] for each in deliveries] == [False, False, True]
        assert len({body for _, body in theirs.came}) == 1

        theirs.answers = [(200, "success", 1.0)] * 3
        deliveries = await pushed(http)
        assert [each["answer"] for each in deliveries] == ["TimeoutError"] * 3 or all(
            not each["good"] for each in deliveries
        )


async def test_pushes_go_wrong_on_demand() -> None:
    async with set_up(mode="safe", format="json") as (theirs, http):
        await http.post("/_sim/pushes/faults", json={"copies": 2, "skew_s": -900})
        assert [each["copy"] for each in await pushed(http)] == [1, 2]
        await http.post("/_sim/pushes/faults", json={"bad_signature": True})
        await pushed(http)
        await http.post("/_sim/pushes/faults", json={"wrong_appid": True})
        await pushed(http)
        (_, _), (late, _), (forged, _), (foreign, body) = theirs.came

        now = int(foreign["timestamp"])
        assert now - 910 <= int(late["timestamp"]) <= now - 890
        assert forged["signature"] != signature(TOKEN, forged["timestamp"], forged["nonce"])
        assert foreign["signature"] == signature(TOKEN, foreign["timestamp"], foreign["nonce"])
        with pytest.raises(ValueError, match="appid"):
            read(PushKey(APPID, TOKEN, KEY), _signed(foreign), body.encode())


async def test_what_was_held_back_comes_newest_first() -> None:
    async with set_up(mode="plain", format="json") as (theirs, http):
        await http.post("/_sim/pushes/faults", json={"hold": True})
        for template in ("sim-progress", "sim-work"):
            choice = {"appid": APPID, "name": "worker-1", "templates": {template: "accept"}}
            await http.post("/_sim/choices", json=choice)
        assert theirs.came == []

        assert (await http.post("/_sim/pushes/release")).json() == {"released": 2}

        assert ["sim-work" in body for _, body in theirs.came] == [True, False]


def _signed(query: dict[str, str]) -> Signed:
    return Signed(query["timestamp"], query["nonce"], query["signature"], query["msg_signature"], encrypted=True)
