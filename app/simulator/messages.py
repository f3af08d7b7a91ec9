"""Subscribe messages (订阅消息): sending, templates, and what people choose in the popup and in their settings."""

import asyncio
import re
import secrets
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.simulator import codes
from app.simulator.answers import Refused
from app.simulator.calling import caller, done, posted
from app.simulator.fieldrules import refusal_of
from app.simulator.pushing import push
from app.simulator.remembered import Template
from app.simulator.world import World, world_of

_OPENID: Final = re.compile(r"o[\w-]{27}", re.ASCII)


async def send(request: Request) -> Response:
    """POST /cgi-bin/message/subscribe/send (发送订阅消息)."""
    world, appid = caller(request)
    body = await posted(request, "touser", "template_id", "page", "data", "miniprogram_state", "lang")
    openid, template_id = body.get("touser"), body.get("template_id")
    if not isinstance(openid, str) or not _OPENID.fullmatch(openid):
        raise Refused(40003)
    messages = world.messages
    template = messages.templates.get(template_id) if isinstance(template_id, str) else None
    if template is None or not isinstance(template_id, str):
        raise Refused(40037)
    if messages.banned:
        raise Refused(43107)
    if openid in messages.under_way:
        raise Refused(43108)
    messages.under_way.add(openid)
    try:
        await asyncio.sleep(messages.takes_s)
        data = _checked(template, body.get("data"))
        _use_credit(world, openid, template_id)
    finally:
        messages.under_way.discard(openid)
    messages.last_id += secrets.randbelow(1000) + 1
    kept = {"appid": appid, "touser": openid, "template_id": template_id, "page": body.get("page", ""), "data": data}
    world.sent.append(kept | {"msgid": messages.last_id, "at": int(world.now())})
    said = {"TemplateId": template_id, "MsgID": str(messages.last_id), "ErrorCode": "0", "ErrorStatus": "success"}
    push(world, appid, _event(world, openid, "subscribe_msg_sent_event", "SubscribeMsgSentEvent", [said]))
    return done(request, **({"msgid": messages.last_id} if world.mode == "live" else {}))


def _checked(template: Template, data: object) -> dict[str, str]:
    if not isinstance(data, dict):
        raise Refused(47003, "argument invalid! data invalid")
    found = {}
    for name in template.fields:
        value = data[name].get("value") if isinstance(data.get(name), dict) else None
        wrong = refusal_of(name, value)
        if wrong:
            raise Refused(47003, wrong)
        found[name] = str(value)
    return found


def _use_credit(world: World, openid: str, template_id: str) -> None:
    messages, key = world.messages, (openid, template_id)
    if messages.refuse_all or (messages.credit[key] <= 0 and key not in messages.lasting):
        raise Refused(43101)
    if key not in messages.lasting:
        messages.credit[key] -= 1


async def templates(request: Request) -> Response:
    """GET /wxaapi/newtmpl/gettemplate (获取已有模板列表)."""
    world, _ = caller(request, "GET")
    items = [
        {
            "priTmplId": template_id,
            "title": each.title,
            "content": "".join(f"{name}:{{{{{name}.DATA}}}}\n" for name in each.fields),
            "example": "",
            "type": 3 if each.lasting else 2,
        }
        for template_id, each in world.messages.templates.items()
    ]
    return done(request, data=items)


async def add_template(request: Request) -> Response:
    """POST /wxaapi/newtmpl/addtemplate (选用模板): its fields are thing1, thing2, … here."""
    world, _ = caller(request)
    body = await posted(request, "tid", "kidList", "sceneDesc")
    kids = body.get("kidList")
    if not isinstance(body.get("tid"), str) or not isinstance(kids, list) or not 2 <= len(kids) <= 5:
        raise Refused(200014, "invalid kidList")
    template_id = secrets.token_urlsafe(32)
    fields = tuple(f"thing{kid}" for kid in kids)
    world.messages.templates[template_id] = Template(str(body.get("sceneDesc", "")), fields)
    return done(request, priTmplId=template_id)


async def delete_template(request: Request) -> Response:
    """POST /wxaapi/newtmpl/deltemplate (删除模板)."""
    world, _ = caller(request)
    body = await posted(request, "priTmplId")
    if world.messages.templates.pop(str(body.get("priTmplId")), None) is None:
        raise Refused(40037)
    return done(request)


class Choice(BaseModel):
    """What somebody does in the popup (`accept…`, `reject`) or in the settings (`settings_reject`)."""

    model_config = ConfigDict(strict=True, extra="forbid")
    appid: str
    name: str = Field(min_length=1, max_length=64)
    templates: dict[str, Literal["accept", "acceptWithAlert", "acceptWithAudio", "reject", "settings_reject"]]


async def choose(request: Request) -> Response:
    """POST Choice: a person answers the popup, or changes their mind; the event follows → `{openid}`."""
    world = world_of(request)
    choice = Choice.model_validate_json(await request.body() or b"{}")
    openid = codes.openid(choice.appid, choice.name)
    asked: list[dict[str, str]] = []
    changed: list[dict[str, str]] = []
    for template_id, said in choice.templates.items():
        key, template = (openid, template_id), world.messages.templates.get(template_id)
        if said.startswith("accept"):
            world.messages.credit[key] += 1
            if template is not None and template.lasting:
                world.messages.lasting.add(key)
        elif said == "settings_reject":
            world.messages.credit[key] = 0
            world.messages.lasting.discard(key)
        status = "accept" if said.startswith("accept") else "reject"
        entry = {"TemplateId": template_id, "SubscribeStatusString": status}
        if said == "settings_reject":
            changed.append(entry)
        else:
            asked.append(entry | {"PopupScene": "0"})
    for event, wrapper, entries in (
        ("subscribe_msg_popup_event", "SubscribeMsgPopupEvent", asked),
        ("subscribe_msg_change_event", "SubscribeMsgChangeEvent", changed),
    ):
        if entries:
            push(world, choice.appid, _event(world, openid, event, wrapper, entries))
    return JSONResponse({"openid": openid})


def _event(world: World, openid: str, event: str, wrapper: str, entries: list[dict[str, str]]) -> dict[str, Any]:
    """In JSON the list stands at the top, and one entry stands for a list of one; in XML it is inside a wrapper."""
    return {
        "ToUserName": "gh_simulated0001",
        "FromUserName": openid,
        "CreateTime": str(int(world.now())),
        "MsgType": "event",
        "Event": event,
        "List": entries if len(entries) > 1 else entries[0],
        "_xml": {wrapper: {"List": entries}},
    }


class MessageFaults(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    refuse_all: bool = False
    banned: bool = False
    takes_s: float = Field(default=0, ge=0, le=60)


async def spoil(request: Request) -> Response:
    """POST MessageFaults: everybody refuses, the capability is banned, or a send takes so long."""
    world, wish = world_of(request), MessageFaults.model_validate_json(await request.body() or b"{}")
    world.messages.refuse_all, world.messages.banned = wish.refuse_all, wish.banned
    world.messages.takes_s = wish.takes_s
    return JSONResponse(wish.model_dump())


async def sent(request: Request) -> Response:
    """GET `?name=&appid=` → `{items}`: the messages that were accepted, oldest first; of one person, with a name."""
    world, query = world_of(request), request.query_params
    items = world.sent
    if query.get("name"):
        openids = {codes.openid(appid, query["name"]) for appid in world.accounts}
        items = [each for each in items if each["touser"] in openids]
    return JSONResponse({"items": items})
