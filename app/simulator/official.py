"""The official account (公众号): followers, tags, pictures and drafts."""

import secrets
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.simulator import codes
from app.simulator.answers import Refused
from app.simulator.calling import caller, done, posted
from app.simulator.pushing import push
from app.simulator.world import World, world_of

PAGE: Final = 10_000
_PICTURE: Final = 1024 * 1024
_MATERIAL: Final = 10 * 1024 * 1024


def next_id(world: World) -> int:
    world.official.last_id += secrets.randbelow(100) + 1
    return world.official.last_id


async def followers(request: Request) -> Response:
    """GET /cgi-bin/user/get (获取用户列表): at most 10,000 behind `next_openid`."""
    world, _ = caller(request, "GET")
    everybody, after = world.official.followers, request.query_params.get("next_openid", "")
    if after and after not in world.official.names:
        raise Refused(40003)
    page = list(islice(_behind(everybody, world.official.names, after), PAGE))
    data = {"data": {"openid": page}} if page else {}
    return done(request, total=len(everybody), count=len(page), **data, next_openid=page[-1] if page else "")


def _behind(everybody: Mapping[str, float], names: Mapping[str, str], after: str) -> Iterator[str]:
    """Who follows, in the order in which they first came, behind one of them, who may have left meanwhile."""
    known = iter(names)
    for openid in known if after else ():
        if openid == after:
            break
    return (openid for openid in known if openid in everybody)


async def users(request: Request) -> Response:
    """POST /cgi-bin/user/info/batchget (批量获取用户基本信息)."""
    world, _ = caller(request)
    wanted = (await posted(request, "user_list")).get("user_list")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= 100:
        raise Refused(40032)
    return done(request, user_info_list=[_user(world, str(each.get("openid"))) for each in wanted])


def _user(world: World, openid: str) -> dict[str, Any]:
    since = world.official.followers.get(openid)
    if since is None:
        return {"subscribe": 0, "openid": openid}
    tags = [tag for tag, tagged in world.official.tagged.items() if openid in tagged]
    shown = {"subscribe": 1, "openid": openid, "subscribe_time": int(since), "remark": "", "tagid_list": tags}
    name = world.official.names.get(openid)
    return shown | ({"unionid": codes.unionid(name)} if world.unionid and name else {})


async def tags(request: Request) -> Response:
    """GET /cgi-bin/tags/get."""
    world, _ = caller(request, "GET")
    official = world.official
    shown = [{"id": tag, "name": name, "count": len(official.tagged[tag])} for tag, name in official.tags.items()]
    return done(request, tags=shown)


async def make_tag(request: Request) -> Response:
    """POST /cgi-bin/tags/create."""
    world, _ = caller(request)
    tag = (await posted(request, "tag")).get("tag")
    name = tag.get("name") if isinstance(tag, dict) else None
    if not isinstance(name, str) or not name or len(name.encode()) > 30:
        raise Refused(45158)
    if name in world.official.tags.values():
        raise Refused(45157)
    if len(world.official.tags) >= 100:
        raise Refused(45056)
    tag_id = max(99, *world.official.tags, *world.official.tagged) + 1
    world.official.tags[tag_id] = name
    return done(request, tag={"id": tag_id, "name": name})


async def delete_tag(request: Request) -> Response:
    """POST /cgi-bin/tags/delete; somebody at the console does the same."""
    world, _ = caller(request)
    tag = (await posted(request, "tag")).get("tag")
    tag_id = tag.get("id") if isinstance(tag, dict) else None
    if tag_id not in world.official.tags:
        raise Refused(45159)
    del world.official.tags[tag_id]
    world.official.tagged[tag_id].clear()  # nobody has it, and no other tag gets its number
    return done(request)


async def tag_members(request: Request) -> Response:
    """POST /cgi-bin/tags/members/batchtagging and batchuntagging."""
    world, _ = caller(request)
    body = await posted(request, "openid_list", "tagid")
    openids, tag_id = body.get("openid_list"), body.get("tagid")
    if not isinstance(openids, list) or not 1 <= len(openids) <= 50:
        raise Refused(40032)
    if tag_id not in world.official.tags:
        raise Refused(45159)
    if not all(openid in world.official.followers for openid in openids):
        raise Refused(40003)
    if request.url.path.endswith("batchuntagging"):
        world.official.tagged[tag_id] -= set(openids)
    else:
        world.official.tagged[tag_id] |= set(openids)
    return done(request)


async def _media(request: Request, most: int) -> bytes:
    async with request.form() as form:
        media = form.get("media")
        if not isinstance(media, UploadFile):
            raise Refused(41005, "media data missing")
        content = await media.read()
    if not content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        raise Refused(40005)
    if len(content) > most:
        raise Refused(40009)
    return content


async def upload_picture(request: Request) -> Response:
    """POST /cgi-bin/media/uploadimg (上传图文消息内的图片)."""
    caller(request)
    await _media(request, _PICTURE)
    return done(request, url=f"https://mmbiz.qpic.cn/mmbiz/{secrets.token_urlsafe(24)}/0")


async def add_material(request: Request) -> Response:
    """POST /cgi-bin/material/add_material?type=image."""
    world, _ = caller(request)
    if request.query_params.get("type") not in ("image", "thumb"):
        raise Refused(40004, "invalid media type")
    media_id = secrets.token_urlsafe(32)
    world.official.material[media_id] = len(await _media(request, _MATERIAL))
    return done(request, media_id=media_id, url=f"https://mmbiz.qpic.cn/mmbiz/{secrets.token_urlsafe(24)}/0")


def _article(world: World, given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Refused(47001)
    for name, most, errcode in (("title", 32, 45003), ("digest", 128, 45004), ("content", 19_999, 45166)):
        if len(str(given.get(name, ""))) > most:
            raise Refused(errcode)
    if not given.get("title"):
        raise Refused(45003)
    if not given.get("content"):
        raise Refused(45166)
    if given.get("thumb_media_id") not in world.official.material:
        raise Refused(40007)
    return given


async def add_draft(request: Request) -> Response:
    """POST /cgi-bin/draft/add (新增草稿)."""
    world, _ = caller(request)
    articles = (await posted(request, "articles")).get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= 8:
        raise Refused(47001)
    media_id = secrets.token_urlsafe(32)
    world.official.drafts[media_id] = {"news_item": [_article(world, each) for each in articles]}
    return done(request, media_id=media_id)


async def draft(request: Request) -> Response:
    """POST /cgi-bin/draft/get, update and delete."""
    world, _ = caller(request)
    body = await posted(request, "media_id", "index", "articles")
    media_id = str(body.get("media_id"))
    if media_id not in world.official.drafts:
        raise Refused(40007)
    if request.url.path.endswith("/delete"):
        del world.official.drafts[media_id]
    elif request.url.path.endswith("/update"):
        index, items = body.get("index", 0), world.official.drafts[media_id]["news_item"]
        if not isinstance(index, int) or not 0 <= index < len(items):
            raise Refused(40097)
        items[index] = _article(world, body.get("articles"))
    else:
        return done(request, **world.official.drafts[media_id])
    return done(request)


class Crowd(BaseModel):
    """Many people at once: `<prefix>0` and so on, each of whom follows the account or allows messages by templates."""

    model_config = ConfigDict(strict=True, extra="forbid")
    appid: str
    prefix: str = Field(min_length=1, max_length=40)
    count: int = Field(ge=1, le=2_000_000)
    follows: bool = False
    templates: dict[str, int] = {}


async def crowd(request: Request) -> Response:
    """POST Crowd: no event follows → `{count}`."""
    world, wish = world_of(request), Crowd.model_validate_json(await request.body() or b"{}")
    for n in range(wish.count):
        name = f"{wish.prefix}{n}"
        openid = codes.openid(wish.appid, name)
        if wish.follows:
            world.official.names[openid] = name
            world.official.followers.setdefault(openid, world.now())
        for template_id, times in wish.templates.items():
            world.messages.credit[openid, template_id] += times
    return JSONResponse({"count": wish.count})


class Follow(BaseModel):
    """Somebody follows the account, or leaves it."""

    model_config = ConfigDict(strict=True, extra="forbid")
    appid: str
    name: str = Field(min_length=1, max_length=64)
    follows: bool = True
    scene: str = Field(default="", max_length=64)


async def follow(request: Request) -> Response:
    """POST Follow: the event follows → `{openid}`."""
    world, wish = world_of(request), Follow.model_validate_json(await request.body() or b"{}")
    openid = codes.openid(wish.appid, wish.name)
    world.official.names[openid] = wish.name
    if wish.follows:
        world.official.followers.setdefault(openid, world.now())
    else:
        world.official.followers.pop(openid, None)
    key = f"qrscene_{wish.scene}" if wish.scene and wish.follows else ""
    push(
        world,
        wish.appid,
        {
            "ToUserName": "gh_simulated0001",
            "FromUserName": openid,
            "CreateTime": int(world.now()),
            "MsgType": "event",
            "Event": "subscribe" if wish.follows else "unsubscribe",
            "EventKey": key,
        },
    )
    return JSONResponse({"openid": openid})
