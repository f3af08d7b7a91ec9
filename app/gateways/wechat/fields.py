"""What the fields of a subscribe message may hold (订阅消息参数值内容限制说明), and making a value fit.

WeChat refuses the whole message for one bad value (47003), and refuses it again as often as it is sent. How it counts a
character outside the basic plane is not documented: such characters are taken out.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

_PREFIX = re.compile(r"([a-z_]+)[0-9]{1,3}", re.ASCII)
_CHINESE = r"\u4e00-\u9fff"
_DATE = r"([0-9]{4}[-/.][0-9]{1,2}([-/.][0-9]{1,2})?|[0-9]{4}年[0-9]{1,2}月([0-9]{1,2}日)?|[0-9]{1,2}-[0-9]{1,2})"
_TIME = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
_MOMENT = rf"({_DATE}( ?{_TIME})?|{_TIME})"
_DAY = rf"{_DATE}( ?{_TIME})?"
RULES: Final[dict[str, re.Pattern[str]]] = {
    "thing": re.compile(r"(?=\S)[^\x00-\x1f\x7f]{1,20}"),
    "number": re.compile(r"(?=.{1,32}\Z)-?[0-9]+(\.[0-9]+)?"),
    "letter": re.compile(r"[A-Za-z]{1,32}"),
    "symbol": re.compile(r"[^\w\s\x00-\x1f]{1,5}"),
    "character_string": re.compile(r"[!-~]{1,32}"),
    "time": re.compile(rf"{_MOMENT}(~{_MOMENT})?"),
    "date": re.compile(rf"{_DAY}(~{_DAY})?"),
    "amount": re.compile(r"[¥￥$€£]?[0-9]{1,10}(\.[0-9]+)?元?"),
    "phone_number": re.compile(r"[0-9+() -]{1,17}"),
    "car_number": re.compile(rf"[A-Z0-9{_CHINESE}][A-Z0-9]{{0,6}}[A-Z0-9{_CHINESE}]?"),
    "name": re.compile(rf"[{_CHINESE}]{{1,10}}|[A-Za-z .·'-]{{1,20}}|(?=.{{1,10}}\Z)[A-Za-z{_CHINESE} .·'-]+"),
    "phrase": re.compile(rf"[{_CHINESE}]{{1,5}}"),
    "enum": re.compile(r"[^\x00-\x1f]{1,20}"),
}
"""By the prefix of the field's name (thing1, time3)."""


class ValueDoesNotFit(ValueError):
    """This value cannot be made to fit its field: the text of the error names the field, never the value."""


def kind_of(name: str) -> str:
    """The prefix of a field's name. Raises ValueDoesNotFit for a name that is none."""
    found = _PREFIX.fullmatch(name)
    if found is None or found[1] not in RULES:
        raise ValueDoesNotFit(name)
    return found[1]


def fits(name: str, value: str) -> bool:
    return RULES[kind_of(name)].fullmatch(value) is not None


def fitted(name: str, value: str) -> str:
    """The value as WeChat takes it. Raises ValueDoesNotFit where cutting it would make it say something else."""
    kind = kind_of(name)
    made = _FITTED.get(kind, str.strip)(_plain(value))
    if not RULES[kind].fullmatch(made):
        raise ValueDoesNotFit(name)
    return made


def _plain(value: str) -> str:
    """One line of characters that are shown, without emoji."""
    one_line = " ".join(value.split())
    return "".join(each for each in one_line if ord(each) <= 0xFFFF and unicodedata.category(each)[0] not in "C")


def _thing(value: str) -> str:
    return value if len(value) <= 20 else f"{value[:19]}…"


def _phrase(value: str) -> str:
    return "".join(re.findall(f"[{_CHINESE}]", value))[:5]


def _name(value: str) -> str:
    return value[:10] if re.search(f"[{_CHINESE}]", value) else value[:20]


_FITTED: Final[dict[str, Callable[[str], str]]] = {"thing": _thing, "phrase": _phrase, "name": _name}
"""Only words are cut; half a number, a date or an amount would be another one."""
