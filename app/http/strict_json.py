"""A request whose body is bounded and whose JSON is read strictly: no duplicate keys, no NaN, no bottomless nesting."""

import json
import re
from typing import Any, NoReturn

from starlette.requests import Request

from app.kernel.errors import DomainError, FieldError, Invalid
from app.policy.drafts import MESSAGES

MAXIMUM_BYTES = 256 * 1024
"""Several times the largest form; files come another way."""
DEEPEST = 32
_STRINGS_AND_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_NOTHING = (b"", b"{}")
"""How programs send that they send nothing."""
_JSON = re.compile(r"\Aapplication/(?:[a-z0-9.-]+\+)?json\s*(?:;|\Z)", re.IGNORECASE)


class BodyTooLarge(DomainError):
    """提交的内容太大，请减少后再试。"""


class UnsupportedMediaType(DomainError):
    """请用 JSON 格式提交。"""


class FileExpected(UnsupportedMediaType):
    """请以文件上传（multipart/form-data）的方式提交。"""


class StrictRequest(Request):
    """FastAPI asks it for `json()`; what it refuses becomes a 422 problem."""

    async def read(self) -> bytes:
        """The body, kept for those who ask later. Raises BodyTooLarge as soon as that is known."""
        if not hasattr(self, "_body"):
            declared = self.headers.get("content-length", "")[:10]  # only to refuse early: what counts is counted
            if declared.isdecimal() and int(declared) > MAXIMUM_BYTES:
                raise BodyTooLarge
            body = bytearray()
            async for chunk in self.stream():
                body += chunk
                if len(body) > MAXIMUM_BYTES:
                    raise BodyTooLarge
            self._body = bytes(body)
        return self._body

    async def read_json(self) -> None:
        """Read a body that has to be JSON, if there is one. Raises BodyTooLarge, UnsupportedMediaType."""
        if await self.read() and not _JSON.match(self.headers.get("content-type", "")):
            raise UnsupportedMediaType

    async def read_nothing(self) -> None:
        """Read a body in which nothing is asked for: what is sent all the same would be left undone without a word.
        Raises BodyTooLarge, Invalid."""
        if (await self.read()).strip() not in _NOTHING:
            raise Invalid(FieldError("", "extra_forbidden", MESSAGES["extra_forbidden"]))

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse(await self.body())
        return self._json


def parse(body: bytes) -> Any:
    """Raises json.JSONDecodeError, whose message is a stable code, for everything that is not plain JSON."""
    if body.count(b"[") + body.count(b"{") > DEEPEST and _deeper_than(body, DEEPEST):
        _refuse("json_too_deep")
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_no_twins, parse_constant=_refuse_constant)
    except json.JSONDecodeError as wrong:
        _refuse(wrong.msg if wrong.msg.startswith("json_") else "json_invalid")
    except (UnicodeDecodeError, RecursionError, ValueError):
        _refuse("json_invalid")


def _deeper_than(body: bytes, depth: int) -> bool:
    """Whether brackets outside strings nest deeper."""
    level = 0
    for found in _STRINGS_AND_BRACKETS.finditer(body):
        match found[0]:
            case b"[" | b"{":
                level += 1
                if level > depth:
                    return True
            case b"]" | b"}":
                level -= 1
    return False


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse("json_duplicate_key")
    return found


def _refuse_constant(_: str) -> NoReturn:
    _refuse("json_not_a_number")


def _refuse(code: str) -> NoReturn:
    raise json.JSONDecodeError(code, "", 0)
