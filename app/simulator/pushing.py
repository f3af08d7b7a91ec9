"""Message push (消息推送): what happened is told to the account's server, as WeChat would: three tries, five seconds
each, and only 200 with `success`, nothing, or a reply counts."""

import asyncio
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

import httpx
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.simulator.remembered import Callback, PushFaults
from app.simulator.sealing import sealed, signed
from app.simulator.world import World, world_of

TRIES: Final = 3
_GOOD: Final = re.compile(r"\A\s*(success|<xml>.*</xml>|\{.*\})?\s*\Z", re.DOTALL)


def push(world: World, appid: str, event: dict[str, Any]) -> None:
    """Tell the account's server, in the background, if it has said where."""
    callback = world.pushing.callbacks.get(appid)
    if callback is None:
        return
    if world.pushing.faults.hold:
        world.pushing.held.append((appid, event))
        return
    task = asyncio.get_running_loop().create_task(deliver(world, callback, event))
    world.pushing.tasks.add(task)
    task.add_done_callback(world.pushing.tasks.discard)


async def deliver(world: World, callback: Callback, event: dict[str, Any]) -> None:
    """Every copy of it, until each was answered or tried three times. The body of a retry is the same."""
    faults = world.pushing.faults
    query, body = made_up(world, callback, event)
    for copy in range(faults.copies):
        for attempt in range(1, TRIES + 1):
            entry = {"appid": callback.appid, "event": event.get("Event"), "copy": copy + 1, "try": attempt}
            entry |= await _posted(callback, query, body)
            world.pushing.log.append(entry | {"at": world.now()})
            if entry["good"]:
                break


async def _posted(callback: Callback, query: Mapping[str, str], body: bytes) -> dict[str, Any]:
    kind = "text/xml" if callback.format == "xml" else "application/json"
    try:
        async with asyncio.timeout(callback.timeout_s):
            # Without TLS there are no certificates to read, which takes longer than all the rest.
            tls = callback.url.startswith("https:")
            async with httpx.AsyncClient(trust_env=False, timeout=callback.timeout_s, verify=tls) as http:
                told = await http.post(callback.url, params=dict(query), content=body, headers={"Content-Type": kind})
    except (httpx.HTTPError, TimeoutError) as lost:
        return {"good": False, "status": None, "answer": type(lost).__name__}
    good = told.status_code == 200 and _GOOD.match(told.text) is not None
    return {"good": good, "status": told.status_code, "answer": told.text[:200]}


def made_up(world: World, callback: Callback, event: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    """The query and the body of a push."""
    faults = world.pushing.faults
    timestamp, nonce = str(int(world.now()) + faults.skew_s), str(secrets.randbelow(10**9))
    query = {"timestamp": timestamp, "nonce": nonce, "openid": str(event.get("FromUserName", ""))}
    token = "another-token" if faults.bad_signature else callback.token
    query["signature"] = signed(token, timestamp, nonce)
    message = _written(callback.format, event)
    if callback.mode == "plain":
        return query, message.encode()
    appid = "wx-somebody-else" if faults.wrong_appid else callback.appid
    encrypted = sealed(callback.aes_key, appid, message)
    query |= {"encrypt_type": "aes", "msg_signature": signed(token, timestamp, nonce, encrypted)}
    envelope: dict[str, Any] = {"ToUserName": event.get("ToUserName", ""), "Encrypt": encrypted}
    return query, _written(callback.format, (event if callback.mode == "compat" else {}) | envelope).encode()


def _written(form: str, content: dict[str, Any]) -> str:
    """`_xml` holds what is spelt otherwise in XML."""
    shown = {name: value for name, value in content.items() if name != "_xml"}
    if form == "json":
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    if "_xml" in content:
        shown = {name: value for name, value in shown.items() if name != "List"} | content["_xml"]
    return f"<xml>{_elements(shown)}</xml>"


def _elements(content: Mapping[str, Any]) -> str:
    parts = []
    for name, value in content.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                parts.append(f"<{name}>{_elements(each)}</{name}>")
            elif isinstance(each, int):
                parts.append(f"<{name}>{each}</{name}>")
            elif "]]>" in str(each):
                parts.append(f"<{name}>{escape(str(each))}</{name}>")
            else:
                parts.append(f"<{name}><![CDATA[{each}]]></{name}>")
    return "".join(parts)


# ---- controls ----


async def set_callback(request: Request) -> Response:
    """POST Callback: where pushes go. The address is verified as WeChat does on saving → `{verified}`."""
    world, callback = world_of(request), Callback.model_validate_json(await request.body() or b"{}")
    timestamp, nonce, echo = str(int(world.now())), str(secrets.randbelow(10**9)), str(secrets.randbelow(10**18))
    query = {"timestamp": timestamp, "nonce": nonce, "echostr": echo}
    query["signature"] = signed(callback.token, timestamp, nonce)
    verified = False
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=callback.timeout_s) as http:
            told = await http.get(callback.url, params=query)
            verified = told.status_code == 200 and told.text == echo
    except httpx.HTTPError:
        pass
    if verified:
        world.pushing.callbacks[callback.appid] = callback
    return JSONResponse({"verified": verified})


class Told(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    appid: str
    event: dict[str, Any]


async def push_now(request: Request) -> Response:
    """POST `{appid, event}`: push this, and wait until it was delivered or given up → `{deliveries}`. Time, sender and
    receiver are filled in where they are missing."""
    world, told = world_of(request), Told.model_validate_json(await request.body() or b"{}")
    callback = world.pushing.callbacks.get(told.appid)
    if callback is None:
        return JSONResponse({"error": "no callback was set for this appid"}, 400)
    usual = {"ToUserName": "gh_simulated0001", "FromUserName": "", "CreateTime": int(world.now()), "MsgType": "event"}
    before = len(world.pushing.log)
    await deliver(world, callback, usual | told.event)
    return JSONResponse({"deliveries": world.pushing.log[before:]})


async def set_push_faults(request: Request) -> Response:
    """POST PushFaults: from now on; what is not named is as it should be."""
    world = world_of(request)
    world.pushing.faults = PushFaults.model_validate_json(await request.body() or b"{}")
    return JSONResponse(world.pushing.faults.model_dump())


async def release_pushes(request: Request) -> Response:
    """POST: what was held back is delivered, the newest first → `{released}`."""
    world = world_of(request)
    held, world.pushing.held = world.pushing.held, []
    for appid, event in reversed(held):
        await deliver(world, world.pushing.callbacks[appid], event)
    return JSONResponse({"released": len(held)})


async def list_pushes(request: Request) -> Response:
    """GET → `{items}`: every delivery, oldest first, after all that is under way."""
    world = world_of(request)
    while world.pushing.tasks:
        await asyncio.wait(set(world.pushing.tasks))
    return JSONResponse({"items": world.pushing.log})
