"""Field types of what comes in from outside: forms and policy files. Strict, bounded, refused in plain Chinese.

A JSON body reaches pydantic as Python objects, so strict mode would refuse every date, instant and UUID; and its own
reading of dates takes "1577836800" for a day of 2020. Here each is read from its one written form and no other.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Final, TypeAlias, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.kernel.identifiers import MESSAGES as ID_MESSAGES
from app.kernel.identifiers import check_digit
from app.kernel.money import MAX_FEN
from app.kernel.text import InvalidText, clean, clean_name

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2100
MAX_FILES: Final = 20

_DATE = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_INSTANT = re.compile(
    r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
_UUID = re.compile(r"\A[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z", re.IGNORECASE)
_CODE = re.compile(r"\A[0-9A-Za-z][0-9A-Za-z_./-]*\Z")
_ID_NUMBER = re.compile(r"\A[0-9]{17}[0-9X]\Z")

_Day = TypeVar("_Day", date, datetime)


class Frozen(BaseModel):
    """A strict, closed, immutable model. Errors never repeat the value: it may be personal."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


def _date(value: object) -> date:
    if type(value) is date:  # made by our own code; JSON has none
        return value
    if not (isinstance(value, str) and _DATE.match(value)):
        raise PydanticCustomError("date_format", "日期应写成“2026-09-01”的样子。")
    return _real(date.fromisoformat, value)


def _instant(value: object) -> datetime:
    if not (isinstance(value, str) and _INSTANT.match(value)):
        raise PydanticCustomError("instant_format", "时间应写成“2026-09-01T08:30:00+08:00”的样子。")
    return _real(datetime.fromisoformat, value)


def _real(read: Callable[[str], _Day], value: str) -> _Day:
    try:
        day = read(value)
    except ValueError:
        raise PydanticCustomError("date_invalid", "没有这一天或这个时间，请重新选择。") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise PydanticCustomError("date_range", "年份应在 1900 年到 2100 年之间。")
    return day


def _uuid(value: object) -> UUID:
    if not (isinstance(value, str) and _UUID.match(value)):
        raise PydanticCustomError("id_format", "编号格式不正确，请返回上一页重试。")
    return UUID(value)


def _line(text: str) -> str:
    return _filled(clean, text)


def _lines(text: str) -> str:
    return _filled(lambda raw: clean(raw, multiline=True), text)


def _name(text: str) -> str:
    return _filled(clean_name, text)


def _code(text: str) -> str:
    code = _line(text)
    if not _CODE.match(code):
        raise PydanticCustomError("code_characters", "编号只能由字母、数字和 - _ . / 组成。")
    return code


def _filled(read: Callable[[str], str], text: str) -> str:
    try:
        cleaned = read(text)
    except InvalidText as error:
        raise PydanticCustomError(error.code, error.message) from None
    if not cleaned:
        raise PydanticCustomError("text_empty", "请填写内容。")
    return cleaned


def _id_number(text: str) -> str:
    number = unicodedata.normalize("NFKC", _line(text)).upper()
    if len(number) != 18:
        raise PydanticCustomError("id_number_length", ID_MESSAGES["id_number_length"])
    if not _ID_NUMBER.match(number):
        raise PydanticCustomError("id_number_characters", ID_MESSAGES["id_number_characters"])
    if check_digit(number[:17]) != number[17]:
        raise PydanticCustomError("id_number_checksum", ID_MESSAGES["id_number_checksum"])
    return number


IsoDate: TypeAlias = Annotated[date, BeforeValidator(_date)]
"""A date from the string YYYY-MM-DD, years 1900–2100."""

Instant: TypeAlias = Annotated[datetime, BeforeValidator(_instant)]
"""An instant from an RFC 3339 string with an offset, years 1900–2100."""

Fen: TypeAlias = Annotated[int, Field(strict=True, ge=0, le=MAX_FEN)]
"""An amount in fen, 0 to 10^12; no text, no float, no boolean."""

Id: TypeAlias = Annotated[UUID, BeforeValidator(_uuid)]
"""A UUID from its hyphenated string."""

FileIds: TypeAlias = Annotated[list[Id], Field(max_length=MAX_FILES)]

ShortText: TypeAlias = Annotated[str, Field(max_length=100), AfterValidator(_line)]
"""One line, 1–100 characters, cleaned."""

LongText: TypeAlias = Annotated[str, Field(max_length=2000), AfterValidator(_lines)]
"""Lines of text, 1–2,000 characters, cleaned."""

PersonName: TypeAlias = Annotated[str, Field(max_length=100), AfterValidator(_name)]

Code: TypeAlias = Annotated[str, Field(max_length=64), AfterValidator(_code)]
"""A number printed on a paper, such as that of a hospital or a settlement sheet: 1–64 letters, digits, - _ . /"""

IdNumber: TypeAlias = Annotated[str, Field(max_length=64), AfterValidator(_id_number)]
"""An identity number of 18 characters with a right check digit, X in upper case.

Only its structure: whether the birth date is possible is judged where today is known (`identifiers.resident_id`).
"""
