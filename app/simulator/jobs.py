"""Publishing a draft and sending it to many: WeChat takes the job, works on it, and tells how it ended."""

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.simulator.answers import Refused
from app.simulator.calling import caller, done, posted
from app.simulator.official import next_id
from app.simulator.pushing import push
from app.simulator.remembered import Job
from app.simulator.world import World, world_of

ADMIN_S: Final = 30 * 60
CLIENT_ID_S: Final = 24 * 3600
TO_ALL_A_MONTH: Final = 4
_SHANGHAI: Final = timezone(timedelta(hours=8))


async def submit(request: Request) -> Response:
    """POST /cgi-bin/freepublish/submit (发布草稿): only that it was taken."""
    world, appid = caller(request)
    media_id = str((await posted(request, "media_id")).get("media_id"))
    if media_id not in world.official.drafts:
        raise Refused(40007)
    job = _begun(world, "publish", appid, media_id, world.official.takes_s)
    also = {"msg_data_id": job.id + 1} if world.mode == "live" else {}
    return done(request, publish_id=str(job.id), **also)


async def publication(request: Request) -> Response:
    """POST /cgi-bin/freepublish/get (发布状态查询)."""
    world, _ = caller(request)
    job = _job(world, "publish", (await posted(request, "publish_id")).get("publish_id"))
    return done(request, publish_id=str(job.id), **_publication(job))


def _publication(job: Job) -> dict[str, Any]:
    shown: dict[str, Any] = {"publish_status": job.status if job.status != "" else 1}
    if job.status == 0:
        item = {"idx": 1, "article_url": f"https://mp.weixin.qq.com/s/{job.article_id}"}
        shown |= {"article_id": job.article_id, "article_detail": {"count": 1, "item": [item]}}
    elif job.status in (2, 3, 4):
        shown["fail_idx"] = [1]
    return shown


async def take_down(request: Request) -> Response:
    """POST /cgi-bin/freepublish/delete: for good."""
    world, _ = caller(request)
    article_id = str((await posted(request, "article_id", "index")).get("article_id"))
    if world.official.articles.pop(article_id, None) is None:
        raise Refused(53600, "article_id invalid")
    return done(request)


async def publications(request: Request) -> Response:
    """POST /cgi-bin/freepublish/batchget (获取成功发布列表): the newest first, without their texts."""
    world, _ = caller(request)
    body = await posted(request, "offset", "count", "no_content")
    offset, count = body.get("offset"), body.get("count")
    if not isinstance(offset, int) or not isinstance(count, int) or offset < 0 or not 1 <= count <= 20:
        raise Refused(40097)
    settle(world)
    everything = list(world.official.articles.items())[::-1]
    items = [
        {
            "article_id": article_id,
            "content": {"news_item": [_news(article_id, each) for each in draft.get("news_item", [])]},
            "update_time": int(world.now()),
        }
        for article_id, draft in everything[offset : offset + count]
    ]
    return done(request, total_count=len(everything), item_count=len(items), item=items)


def _news(article_id: str, article: dict[str, Any]) -> dict[str, Any]:
    shown = {name: article.get(name, "") for name in ("title", "author", "digest", "thumb_media_id")}
    return shown | {"url": f"https://mp.weixin.qq.com/s/{article_id}", "is_deleted": False}


async def delete_mass(request: Request) -> Response:
    """POST /cgi-bin/message/mass/delete (删除群发): only of what was sent."""
    world, _ = caller(request)
    job = _job(world, "mass", (await posted(request, "msg_id", "article_idx")).get("msg_id"))
    if job.status not in ("send success", "DELETE"):
        raise Refused(40097)
    job.status = "DELETE"
    return done(request)


async def send_to_all(request: Request) -> Response:
    """POST /cgi-bin/message/mass/sendall (根据标签群发)."""
    world, appid = caller(request)
    body = await posted(request, "filter", "mpnews", "msgtype", "send_ignore_reprint", "clientmsgid")
    audience, news = body.get("filter"), body.get("mpnews")
    if not isinstance(audience, dict) or not isinstance(news, dict) or body.get("msgtype") != "mpnews":
        raise Refused(40097)
    media_id, client_id = str(news.get("media_id")), str(body.get("clientmsgid", ""))
    if len(client_id.encode()) > 64:
        raise Refused(45067)
    for job in world.official.jobs.values():
        if client_id and job.client_id == client_id and world.now() - job.begun_at < CLIENT_ID_S:
            raise Refused(45065, msg_id=job.id)
    if media_id not in world.official.drafts:
        raise Refused(40007)
    if not audience.get("is_to_all") and audience.get("tag_id") not in world.official.tags:
        raise Refused(45159)
    if audience.get("is_to_all") and _to_all_this_month(world) >= TO_ALL_A_MONTH:
        raise Refused(45028)
    admin = world.official.admin
    wait = ADMIN_S if admin == "absent" else world.official.takes_s
    job = _begun(world, "mass", appid, media_id, wait, client_id)
    job.article_id = "all" if audience.get("is_to_all") else ""
    everybody, tagged = world.official.followers, world.official.tagged
    job.audience = len(everybody) if audience.get("is_to_all") else len(tagged[audience["tag_id"]] & everybody.keys())
    also = {"msg_data_id": job.id + 1} if world.mode == "live" else {}
    return done(request, errmsg="send job submission success", msg_id=job.id, **also)


def _to_all_this_month(world: World) -> int:
    def month(at: float) -> tuple[int, int]:
        moment = datetime.fromtimestamp(at, _SHANGHAI)
        return moment.year, moment.month

    jobs = world.official.jobs.values()
    return sum(each.article_id == "all" and month(each.begun_at) == month(world.now()) for each in jobs)


async def mass_state(request: Request) -> Response:
    """POST /cgi-bin/message/mass/get (查询群发消息发送状态)."""
    world, _ = caller(request)
    job = _job(world, "mass", (await posted(request, "msg_id")).get("msg_id"))
    state = {"": "SENDING", "send success": "SEND_SUCCESS", "DELETE": "DELETE"}.get(str(job.status), "SEND_FAIL")
    return done(request, msg_id=job.id, msg_status=state)


async def preview(request: Request) -> Response:
    """POST /cgi-bin/message/mass/preview (预览)."""
    world, appid = caller(request)
    body = await posted(request, "touser", "towxname", "mpnews", "msgtype")
    news = body.get("mpnews")
    if not isinstance(news, dict) or news.get("media_id") not in world.official.drafts:
        raise Refused(40007)
    if body.get("touser") not in world.official.followers:
        raise Refused(40003)
    world.official.previews.append({"appid": appid, "touser": body["touser"], "media_id": news["media_id"]})
    return done(request, msg_id=next_id(world))


def _job(world: World, kind: str, given: object) -> Job:
    settle(world)
    job = world.official.jobs.get(int(given)) if isinstance(given, str | int) and str(given).isdecimal() else None
    if job is None or job.kind != kind:
        raise Refused(40097)
    return job


def _begun(
    world: World, kind: Literal["publish", "mass"], appid: str, media_id: str, takes_s: float, client_id: str = ""
) -> Job:
    job = Job(kind, next_id(world), appid, media_id, world.now() + takes_s, "", client_id, world.now())
    world.official.jobs[job.id] = job
    task = asyncio.get_running_loop().create_task(_watch(world, takes_s))
    world.official.watched.add(task)
    task.add_done_callback(world.official.watched.discard)
    return job


async def _watch(world: World, takes_s: float) -> None:
    await asyncio.sleep(takes_s + 0.01)
    settle(world)


def settle(world: World) -> None:
    """End the jobs whose time has come, and tell of each."""
    for job in world.official.jobs.values():
        if job.status == "" and world.now() >= job.due_at:
            _end(world, job)


def _end(world: World, job: Job) -> None:
    if job.kind == "publish":
        end_publication(world, job, world.official.publish_ends)
        return
    status = {"absent": "err(40002)", "refuses": "err(40001)"}.get(world.official.admin, world.official.mass_ends)
    job.status = status
    if status == "send success":
        world.official.drafts.pop(job.media_id, None)
    official, sent = world.official, status == "send success"
    left = max(job.audience - official.mass_filtered, 0) if sent else 0
    errors = min(official.mass_errors, left)
    event: dict[str, Any] = {"Event": "MASSSENDJOBFINISH", "MsgID": job.id, "Status": status}
    event |= {"TotalCount": job.audience if sent else 0, "FilterCount": left}
    event |= {"SentCount": left - errors, "ErrorCount": errors}
    event["ArticleUrlResult"] = {"Count": 0, "ResultList": ""}  # an empty list is a blank text
    push(world, job.appid, _head(world) | event)


def end_publication(world: World, job: Job, status: int) -> None:
    job.status = status
    if status == 0:
        job.article_id = f"article-{job.id}"
        world.official.articles[job.article_id] = world.official.drafts.pop(job.media_id, {})
    info = {"publish_id": str(job.id)} | _publication(job)
    push(world, job.appid, _head(world) | {"Event": "PUBLISHJOBFINISH", "PublishEventInfo": info})


def _head(world: World) -> dict[str, Any]:
    who = {"ToUserName": "gh_simulated0001", "FromUserName": "oSimulatedSystemAccount00000"}
    return who | {"CreateTime": int(world.now()), "MsgType": "event"}


class Outcomes(BaseModel):
    """How jobs end from now on; `later` changes a publication that has ended already (5 deleted, 6 banned)."""

    model_config = ConfigDict(strict=True, extra="forbid")
    publish: int | None = Field(default=None, ge=0, le=6)
    mass: str | None = Field(default=None, max_length=60)
    mass_filtered: int | None = Field(default=None, ge=0)
    mass_errors: int | None = Field(default=None, ge=0)
    admin: Literal["none", "confirms", "refuses", "absent"] | None = None
    takes_s: float | None = Field(default=None, ge=0, le=3600)
    later: dict[int, int] = {}


async def set_outcomes(request: Request) -> Response:
    """POST Outcomes."""
    world, wish = world_of(request), Outcomes.model_validate_json(await request.body() or b"{}")
    official = world.official
    official.publish_ends = official.publish_ends if wish.publish is None else wish.publish
    official.mass_ends = wish.mass or official.mass_ends
    official.mass_filtered = official.mass_filtered if wish.mass_filtered is None else wish.mass_filtered
    official.mass_errors = official.mass_errors if wish.mass_errors is None else wish.mass_errors
    official.admin = wish.admin or official.admin
    official.takes_s = official.takes_s if wish.takes_s is None else wish.takes_s
    for job_id, status in wish.later.items():
        end_publication(world, official.jobs[job_id], status)
    return JSONResponse({})


async def list_jobs(request: Request) -> Response:
    """GET → `{items}`: publications and mass sends, oldest first; and the previews."""
    world = world_of(request)
    settle(world)
    shown = [
        {
            "kind": each.kind,
            "id": each.id,
            "media_id": each.media_id,
            "status": each.status,
            "client_id": each.client_id,
        }
        for each in world.official.jobs.values()
    ]
    return JSONResponse({"items": shown, "previews": world.official.previews})
