"""What is done about each kind of push, in one transaction with the note that it was handled. Whatever order they come
in, the newest of what they say holds."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from app.articles.check_commands import heed_risky
from app.db.transaction import Record
from app.db.work import Work
from app.gateways.wechat.pushes import Content, changes_of, listed, text_in
from app.jobs.wechat.tasks import of_publication
from app.people.commands import OPENID, forget_phone, sign_out_everywhere
from app.people.queries import person_of_openid
from app.settings import settings
from app.wechat.accounts import OFFICIAL, template_ids
from app.wechat.follower_commands import note_follower
from app.wechat.push_commands import mark_handled, waiting
from app.wechat.sending_commands import settle
from app.wechat.subscription_commands import confirm, revoke, revoke_all
from app.wechat.task_commands import add_detail, by_reference
from app.wechat.task_commands import move as move_task
from app.wechat.templates import TEMPLATES

log = structlog.get_logger("aid.wechat")
Handle = Callable[[Work, Record, Content], Awaitable[str]]
PHONE: Final = "8"
"""手机号, in RevokeInfo; the other things that a person may take back are none that we keep."""


async def handle_push(work: Work, fact: dict[str, str]) -> None:
    """WeChat told us something."""
    found = await waiting(work, UUID(fact["push_id"]))
    if found is None:
        return
    row, content = found
    handle = _HANDLES.get(row["kind"])
    outcome = "not_ours" if handle is None else await handle(work, row, content)
    log.info("wechat_push_handled", name=row["kind"], outcome=outcome)
    await mark_handled(work, row["id"], outcome)


async def _person(work: Work, openid: str) -> UUID | None:
    row = await person_of_openid(work.transaction, work.keyring.blind_index(OPENID, openid))
    return None if row is None else row["id"]


def _key_of(template_id: str) -> str | None:
    return next((key for key, known in template_ids(settings()).items() if known == template_id), None)


async def _subscribed(work: Work, row: Record, content: Content) -> str:
    """A popup was answered: `accept…` is one message more; a refusal takes back nothing that was allowed before."""
    return await _each_choice(work, row, content, refusal_counts=False)


async def _changed(work: Work, row: Record, content: Content) -> str:
    """Changed in WeChat's own settings, of which only refusals are told: nothing more is sent."""
    return await _each_choice(work, row, content, refusal_counts=True)


async def _each_choice(work: Work, row: Record, content: Content, *, refusal_counts: bool) -> str:
    person_id = await _person(work, text_in(content, "FromUserName"))
    if person_id is None:
        return "nobody"
    for choice in changes_of(content):
        key, said = _key_of(choice.get("TemplateId", "")), choice.get("SubscribeStatusString", "")
        if key is None:
            continue
        if said.startswith("accept"):
            await confirm(work, person_id, key, row["said_at"], lasting=TEMPLATES[key].lasting)
        elif refusal_counts:
            await revoke(work, person_id, key, row["said_at"])
    return "done"


async def _sent(work: Work, row: Record, content: Content) -> str:
    """A message arrived, or did not."""
    person_id = await _person(work, text_in(content, "FromUserName"))
    if person_id is None:
        return "nobody"
    settled = False
    for said in changes_of(content):
        key, reference = _key_of(said.get("TemplateId", "")), said.get("MsgID", "")
        if key is not None and reference:
            delivered = said.get("ErrorCode", "0") == "0"
            settled |= await settle(work, person_id, key, reference, delivered=delivered)
    return "done" if settled else "late"


async def _authorisation_revoked(work: Work, row: Record, content: Content) -> str:
    """By law: what the person takes back is no longer used, and deleted."""
    person_id = await _person(work, text_in(content, "OpenID") or text_in(content, "FromUserName"))
    if person_id is None:
        return "nobody"
    if PHONE not in {each.strip() for each in text_in(content, "RevokeInfo").split(",")}:
        return "nothing_kept"
    await forget_phone(work, person_id)
    return "deleted"


async def _authorisation_cancelled(work: Work, row: Record, content: Content) -> str:
    """All of it: the phone number goes, nothing is sent, and whoever comes back signs in anew. What was applied for and
    decided stays, as the law on archives asks; closing the account is the person's own step."""
    person_id = await _person(work, text_in(content, "OpenID") or text_in(content, "FromUserName"))
    if person_id is None:
        return "nobody"
    await forget_phone(work, person_id)
    await revoke_all(work, person_id)
    await sign_out_everywhere(work, person_id)
    return "deleted"


async def _user_info_modified(work: Work, row: Record, content: Content) -> str:
    """Name and picture in WeChat: we keep neither."""
    return "nothing_kept"


async def _media_checked(work: Work, row: Record, content: Content) -> str:
    task = await by_reference(work, "media_check", text_in(content, "trace_id"))
    if task is None:
        return "not_ours"
    errcode, result = text_in(content, "errcode"), content.get("result")
    if errcode not in ("", "0") or not isinstance(result, dict):
        moved = await move_task(work, task["id"], "failed", f"errcode {errcode}"[:60])
    else:
        suggest, label = text_in(result, "suggest")[:60], text_in(result, "label")
        moved = await move_task(work, task["id"], "done", suggest, label=label)
        if moved and suggest == "risky":
            await heed_risky(work, task["asked_for"])
    return "done" if moved else "late"


async def _published(work: Work, row: Record, content: Content) -> str:
    info = content.get("PublishEventInfo")
    if not isinstance(info, dict):
        return await _mass_sent(work, row, content)  # one event, two names, as the documentation has it
    task = await by_reference(work, "publish", text_in(info, "publish_id"))
    if task is None:
        return "not_ours"
    status = text_in(info, "publish_status")
    if not status.isdecimal():
        return "unreadable"
    url = _first_url(info.get("article_detail"), "item", "article_url")
    moved = await of_publication(work, task["id"], int(status), text_in(info, "article_id"), url)
    return "done" if moved else "late"


async def _mass_sent(work: Work, row: Record, content: Content) -> str:
    if isinstance(content.get("PublishEventInfo"), dict):
        return await _published(work, row, content)
    task = await by_reference(work, "mass_send", text_in(content, "MsgID") or text_in(content, "MsgId"))
    if task is None:
        return "not_ours"
    status = text_in(content, "Status")[:60]
    counts = {name: text_in(content, name) for name in ("TotalCount", "FilterCount", "SentCount", "ErrorCount")}
    urls = content.get("ArticleUrlResult")
    if isinstance(urls, dict):
        counts["articles"] = str(len(listed(urls.get("ResultList"))))
        counts |= {"url": url} if (url := _first_url(urls, "ResultList", "ArticleUrl")) else {}
    moved = await move_task(work, task["id"], "done" if status == "send success" else "failed", status, **counts)
    # When we had asked first, we know that it ended; how many it reached only the event tells.
    return "done" if moved or await add_detail(work, task["id"], **counts) else "late"


def _first_url(content: object, listing: str, name: str) -> str:
    """Where the first article of a list is read; in the lists of XML each entry may stand in an `item` of its own."""
    entries = listed(content.get(listing)) if isinstance(content, dict) else []
    first = entries[0] if entries else None
    if isinstance(first, dict) and isinstance(first.get("item"), dict | list):
        inner = listed(first["item"])
        first = inner[0] if inner else None
    return text_in(first, name)[:500] if isinstance(first, dict) else ""


async def _followed(work: Work, row: Record, content: Content) -> str:
    return await _follower(work, row, content, follows=True)


async def _left(work: Work, row: Record, content: Content) -> str:
    return await _follower(work, row, content, follows=False)


async def _follower(work: Work, row: Record, content: Content, *, follows: bool) -> str:
    if row["account"] != OFFICIAL or not text_in(content, "FromUserName"):
        return "not_ours"
    said_at: datetime = row["said_at"]
    return "done" if await note_follower(work, text_in(content, "FromUserName"), said_at, follows=follows) else "late"


_HANDLES: Final[dict[str, Handle]] = {
    "subscribe_msg_popup_event": _subscribed,
    "subscribe_msg_change_event": _changed,
    "subscribe_msg_sent_event": _sent,
    "user_authorization_revoke": _authorisation_revoked,
    "user_authorization_cancellation": _authorisation_cancelled,
    "user_info_modified": _user_info_modified,
    "wxa_media_check": _media_checked,
    "publishjobfinish": _published,
    "freepublishjobfinish": _published,
    "masssendjobfinish": _mass_sent,
    "subscribe": _followed,
    "unsubscribe": _left,
}
"""By the event's name in small letters."""
