"""What a field of a subscribe message takes, as the table of 发送订阅消息 says, one function a kind."""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2})?"
_DAY: Final = r"(?:\d{4}年\d{1,2}月(?:\d{1,2}日)?|(?:\d{4}[-/.])?\d{1,2}[-/.]\d{1,2}|\d{4}[-/.]\d{1,2})"


def _thing(value: str) -> bool:
    return len(value) <= 20 and value == value.lstrip()


def _characters(value: str) -> bool:
    return len(value) <= 32 and value.isascii() and " " not in value


def _name(value: str) -> bool:
    chinese = any("\u4e00" <= each <= "\u9fff" for each in value)
    return len(value) <= (10 if chinese else 20) and not any(each.isdigit() for each in value)


def _moment(value: str, shape: str) -> bool:
    parts = value.split("~")
    return len(parts) <= 2 and all(re.fullmatch(shape, part.strip(), re.ASCII) for part in parts)


_KINDS: Final[dict[str, Callable[[str], bool]]] = {
    "thing": _thing,
    "number": lambda value: len(value) <= 32 and re.fullmatch(r"-?\d+(\.\d+)?", value, re.ASCII) is not None,
    "letter": lambda value: len(value) <= 32 and value.isascii() and value.isalpha(),
    "symbol": lambda value: len(value) <= 5 and not any(each.isalnum() or each.isspace() for each in value),
    "character_string": _characters,
    "time": lambda value: _moment(value, rf"(?:{_DAY} ?)?{_CLOCK}|{_DAY}"),
    "date": lambda value: _moment(value, rf"{_DAY}(?: ?{_CLOCK})?"),
    "amount": lambda value: re.fullmatch(r"[¥￥$€£]?\d{1,10}(\.\d+)?元?", value, re.ASCII) is not None,
    "phone_number": lambda value: len(value) <= 17 and re.fullmatch(r"[\d+() -]+", value, re.ASCII) is not None,
    "car_number": lambda value: len(value) <= 8 and value[1:-1].isascii(),
    "name": _name,
    "phrase": lambda value: len(value) <= 5 and all("\u4e00" <= each <= "\u9fff" for each in value),
    "enum": lambda value: len(value) <= 20,
}


def refusal_of(name: str, value: object, *, reject_emoji: bool = True) -> str | None:
    """The message of 47003 for a value that does not fit; `is emtpy` is WeChat's own spelling."""
    if not isinstance(value, str) or not value:
        return f"argument invalid! data.{name}.value is emtpy"
    takes = _KINDS.get(name.rstrip("0123456789"))
    controls = any(unicodedata.category(each) == "Cc" for each in value)
    astral = reject_emoji and any(ord(each) > 0xFFFF for each in value)
    if takes is None or controls or astral or not takes(value):
        return f"argument invalid! data.{name}.value invalid"
    return None
