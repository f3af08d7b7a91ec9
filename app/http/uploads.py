"""Files that come in: who sends them is known before a byte of them is read, and they are looked at before any
transaction begins."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import Request, Response
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.http.door import Door, signed_in
from app.http.idempotency import key_of
from app.http.strict_json import BodyTooLarge, FileExpected
from app.kernel.actor import Actor, Permission
from app.kernel.errors import FieldError, Invalid, NotAllowed, Unavailable

AROUND_BYTES: Final = 16 * 1024
"""What may stand around the file: boundaries and short fields."""
_FIELD_BYTES: Final = 1_024
AT_ONCE: Final = 24
"""So many uploads may a process have in memory, with what is waiting to be looked at."""
OF_ONE_PERSON: Final = 4


class UploadDoor(Door):
    """A door whose body is read by `receiving`, after the token."""

    reads_body = False


class _InMemory(MultiPartParser):
    spool_max_size = 64 * 1024 * 1024  # never onto a disk unsealed; the body is bounded anyway


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and the fields beside it, from somebody who is signed in."""

    actor: Actor
    content: bytes
    fields: dict[str, str]


class UploadsBusy(Unavailable):
    """现在上传的人太多，请稍后再试。"""


_coming: Counter[UUID] = Counter()
"""How many uploads each person has in hand in this process: each holds its content in memory."""


@asynccontextmanager
async def receiving(
    request: Request, maximum: int, fields: Iterable[str], permission: Permission | None = None
) -> AsyncIterator[Upload]:
    """A multipart body with one `file` of at most so many bytes and these text fields, from somebody who may.

    Raises TokenRefused, IdempotencyKeyMissing, NotAllowed, FileExpected, UploadsBusy, BodyTooLarge, Invalid.
    """
    actor = await signed_in(request)
    key_of(request)
    if permission is not None and not actor.may(permission):
        raise NotAllowed
    if _coming.total() >= AT_ONCE or _coming[actor.person_id] >= OF_ONE_PERSON:
        raise UploadsBusy
    _coming[actor.person_id] += 1
    try:
        yield await _received(request, actor, maximum, fields)
    finally:
        _coming[actor.person_id] -= 1
        if not _coming[actor.person_id]:
            del _coming[actor.person_id]


async def _received(request: Request, actor: Actor, maximum: int, fields: Iterable[str]) -> Upload:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise FileExpected
    parser = _InMemory(
        request.headers,
        _bounded(request, maximum + AROUND_BYTES),
        max_files=1,
        max_fields=8,
        max_part_size=_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError):
        raise _wrong("", "multipart_invalid", "上传的内容不完整，请重试。") from None
    try:
        items = form.multi_items()
        return Upload(actor, await _file(items, maximum), _texts(items, frozenset(fields)))
    finally:
        await form.close()


async def _bounded(request: Request, maximum: int) -> AsyncGenerator[bytes, None]:
    declared = request.headers.get("content-length", "")[:12]
    if declared.isdecimal() and int(declared) > maximum:
        raise BodyTooLarge
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > maximum:
            raise BodyTooLarge
        yield chunk


async def _file(items: list[tuple[str, Any]], maximum: int) -> bytes:
    files = [(name, value) for name, value in items if isinstance(value, UploadFile)]
    if [name for name, _ in files] != ["file"]:
        raise _wrong("/file", "missing", "请选择要上传的文件。")
    content: bytes = await files[0][1].read()
    if len(content) > maximum:
        raise BodyTooLarge
    return content


def _texts(items: list[tuple[str, Any]], known: frozenset[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in items:
        if isinstance(value, str):
            if name not in known or name in texts:
                raise _wrong("", "extra_forbidden", "没有这一项，请删除。")
            texts[name] = value
    return texts


def _wrong(pointer: str, code: str, message: str) -> Invalid:
    return Invalid(FieldError(pointer, code, message))


def multipart(**fields: dict[str, Any]) -> dict[str, Any]:
    """How such a body stands in the contract."""
    properties: dict[str, Any] = {"file": {"type": "string", "format": "binary"}, **fields}
    schema = {"type": "object", "properties": properties, "required": ["file"], "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def downloaded(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """How an attachment, and the refusal of one that is not ready, stand in the contract."""
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        200: {"content": {media_type: {} for media_type in media_types}},
        409: {"description": "当前不能查看", "content": problem},
    }


class Attachment(Response):
    """A content to be kept by the caller, never shown in place."""

    def __init__(self, content: bytes = b"", media_type: str = "application/octet-stream", name: str = "file") -> None:
        """`name`: ASCII; nothing of what a sender called the file."""
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
        super().__init__(content, 200, headers, media_type)
