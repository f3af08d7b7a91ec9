"""What every request body is made of: strict types, clean text, no unknown fields."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

_UUID_LENGTH = 36
_DIGITS = re.compile(r"\A[0-9]{1,9}\Z")
_CODE = re.compile(r"\A[0-9A-Za-z_./-]*\Z")
_FLAGS = ("true", "false")


class In(BaseModel):
    """The base of every request body."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


def _hyphenated(value: object) -> object:
    # Only the written form: the library would also take braces, a urn, or no hyphens at all.
    if isinstance(value, str) and (len(value) != _UUID_LENGTH or not value.isascii()):
        raise PydanticCustomError("id_format", "编号格式不正确，请返回上一页重试。")
    return value


def _digits(value: object) -> object:
    # A query is text, and the library would also take 1_0, " 1" or 1.0 for a number, and "on" for a flag.
    if isinstance(value, str) and not _DIGITS.match(value):
        raise PydanticCustomError("limit_format", "条数应为 1 到 100 的整数。")
    return value


def _flag(value: object) -> object:
    if isinstance(value, str) and value not in _FLAGS:
        raise PydanticCustomError("flag_format", "应为 true 或 false。")
    return value


def _code(value: str) -> str:
    if not _CODE.match(value):
        raise PydanticCustomError("cursor_invalid", "翻页位置无效，请从第一页重新查看。")
    return value


PathId = Annotated[UUID, BeforeValidator(_hyphenated), WithJsonSchema({"type": "string", "format": "uuid"})]
Limit = Annotated[int, Field(ge=1, le=100), BeforeValidator(_digits)]
Cursor = Annotated[str | None, Query(max_length=200)]
"""Where a list goes on: what its last page told."""
CodeCursor = Annotated[str, Query(max_length=60), AfterValidator(_code)]
"""The same of a list in the order of codes that everybody may know: the last of them."""
Flag = Annotated[bool, BeforeValidator(_flag)]
