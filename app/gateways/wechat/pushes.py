"""Reading what WeChat pushes (消息推送): plain, compatible and safe mode, XML and JSON; and what makes a push one.

Nothing is parsed before a signature holds. Sizes are the caller's to bound.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from app.gateways.wechat.crypto import PushBroken, PushKey, is_signed

Content = Mapping[str, Any]
DEEPEST: Final = 12
_LONGEST_KIND: Final = 40
_LONGEST_ID: Final = 128


@dataclass(frozen=True, slots=True)
class Signed:
    """What stands in the query of a push."""

    timestamp: str
    nonce: str
    signature: str
    msg_signature: str = ""
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Push:
    """One message or event. `kind` is the event's name in small letters, or `message.` and the kind of message."""

    kind: str
    said_at: datetime
    content: Content = field(repr=False)
    once: bytes = field(repr=False)
    """What makes it one, hashed: by kind (see `_key`)."""

    @property
    def openid(self) -> str:
        return _text(self.content, "FromUserName")


def check_signature(key: PushKey, signed: Signed) -> None:
    """Whether the query is WeChat's. Raises PushBroken."""
    if not is_signed(signed.signature, key.token, signed.timestamp, signed.nonce):
        raise PushBroken("signature")


def read(key: PushKey, signed: Signed, body: bytes) -> Push:
    """The push in a body whose query was checked. Raises PushBroken."""
    content = parse(body)
    if signed.encrypted:
        # In compatible mode what stands beside it in plain was not signed: only what was encrypted counts.
        sealed = content.get("Encrypt")
        if not isinstance(sealed, str):
            raise PushBroken("envelope")
        if not is_signed(signed.msg_signature, key.token, signed.timestamp, signed.nonce, sealed):
            raise PushBroken("msg_signature")
        content = parse(key.decrypt(sealed))
    return _push(content)


def parse(body: bytes) -> Content:
    """An object of JSON, or a document of XML without any DTD. Raises PushBroken."""
    stripped = body.lstrip()
    found = _of_json(body) if stripped.startswith(b"{") else _of_xml(body)
    return {str(name).strip(): value for name, value in found.items()}  # an official sample has " OpenID"


def _of_json(body: bytes) -> Content:
    try:
        found = orjson.loads(body)
    except ValueError:
        raise PushBroken("content") from None
    if not isinstance(found, dict):
        raise PushBroken("content")
    return found


def _of_xml(body: bytes) -> Content:
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise PushBroken("content") from None
    found = _value(root, 0)
    if not isinstance(found, dict):
        raise PushBroken("content")
    return found


def _value(element: Element, depth: int) -> Any:
    """An element's text, or its children by their names: those that share one are a list."""
    if depth > DEEPEST:
        raise PushBroken("content")
    if len(element) == 0:
        return (element.text or "").strip()
    found: dict[str, Any] = {}
    for child in element:
        value = _value(child, depth + 1)
        if child.tag in found:
            found[child.tag] = [*listed(found[child.tag]), value]
        else:
            found[child.tag] = value
    return found


def listed(value: Any) -> list[Any]:
    """WeChat writes a list of one as the one, and an empty one as an empty text."""
    if isinstance(value, list):
        return value
    return [] if value in (None, "") else [value]


def changes_of(content: Content) -> list[dict[str, str]]:
    """The entries of a subscription event: in JSON at the top, in XML one or two levels down."""
    entries = content.get("List")
    for name in ("SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent"):
        inside = content.get(name)
        if isinstance(inside, dict):
            entries = inside.get("List", entries)
        elif isinstance(inside, list):
            entries = [each.get("List", each) for each in inside if isinstance(each, dict)]
    return [
        {name: str(value) for name, value in each.items() if isinstance(value, str | int)}
        for each in listed(entries)
        if isinstance(each, dict)
    ]


def _push(content: Content) -> Push:
    kind = _kind(content)
    said_at = _said_at(content)
    return Push(kind, said_at, content, hashlib.sha256("\x1f".join(_key(kind, content)).encode()).digest())


def _kind(content: Content) -> str:
    message = _text(content, "MsgType")
    if not message:
        raise PushBroken("kind")
    kind = _text(content, "Event") if message == "event" else f"message.{message}"
    if not kind or len(kind) > _LONGEST_KIND or not kind.isprintable():
        raise PushBroken("kind")
    return kind.lower()


def _said_at(content: Content) -> datetime:
    try:
        return datetime.fromtimestamp(int(_text(content, "CreateTime")), UTC)
    except (ValueError, OverflowError, OSError):
        raise PushBroken("time") from None


def _key(kind: str, content: Content) -> list[str]:
    """By what WeChat's repetitions of one push are known, and two pushes told apart (platform facts 5.5)."""
    sender, at = _text(content, "FromUserName"), _text(content, "CreateTime")
    if kind.startswith("message."):
        return [kind, _text(content, "MsgId"), sender, at]
    if kind == "wxa_media_check":
        return [kind, _text(content, "trace_id")]
    if kind == "subscribe_msg_sent_event":
        return [kind, *(f"{each.get('MsgID')} {each.get('TemplateId')}" for each in changes_of(content))]
    if kind in ("templatesendjobfinish", "masssendjobfinish") and "PublishEventInfo" not in content:
        return [kind, _text(content, "MsgID") or _text(content, "MsgId")]
    info = content.get("PublishEventInfo")
    if isinstance(info, dict):
        # One that was published may be deleted or banned later.
        return ["publish", _text(info, "publish_id"), _text(info, "publish_status")]
    if kind.startswith("subscribe_msg_"):
        entries = orjson.dumps(changes_of(content), option=orjson.OPT_SORT_KEYS)
        return [kind, sender, at, hashlib.sha256(entries).hexdigest()]
    if kind.startswith("user_"):
        return [kind, _text(content, "OpenID") or sender, at, _text(content, "RevokeInfo")]
    return [kind, sender, at, _text(content, "EventKey")]


def _text(content: Content, name: str) -> str:
    value = content.get(name, "")
    found = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return found.strip()[:_LONGEST_ID]


def text_in(content: Content, name: str) -> str:
    """A field's value as text; empty where there is none."""
    return _text(content, name)
