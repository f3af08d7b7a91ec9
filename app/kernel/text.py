"""Text that came from outside, made safe to store, print and compare. Pure.

Refused: what PostgreSQL, JSON or a spreadsheet cannot hold, and what makes text read otherwise than it is stored.
Kept: emoji, and ideographs of every plane, known to this Python or not.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

MESSAGES: Final[Mapping[str, str]] = {
    "text_nul": "内容中有无法保存的空字符，请删除后重新输入。",
    "text_surrogate": "内容中有不完整的字符，请删除后重新输入。",
    "text_control": "内容中有看不见的控制字符或换行，请删除后重新输入。",
    "text_bidi": "内容中有改变文字方向的隐藏字符，请删除后重新输入。",
    "name_length": "姓名应为 1 到 50 个字。",
    "name_characters": "姓名只能用文字、间隔号“·”和空格，请用输入法重新输入。",
}
"""Every code this module can raise, with what the person reads."""

MAX_NAME_LENGTH: Final = 50
_MAX_NAME_INPUT = 4 * MAX_NAME_LENGTH  # room for what is stripped, too little to make normalising slow

_SURROGATE = re.compile("[\ud800-\udfff]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Beyond C0 and C1: U+2028/2029 break a line where none is allowed, U+FFFE/FFFF no XML (no spreadsheet) can hold.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_CONTROL_IN_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_LINE_END = re.compile("\r\n?|\u2028|\u2029")
_ZERO_WIDTH = re.compile("[\u200b\u200c\u2060\ufeff]")

_DOT = "·"
_DOTS = re.compile(" ?[·•‧・．∙⋅･] ?")
_SPACES = re.compile(r"\s+")
_VARIATION_SELECTORS = re.compile("[\u180b-\u180d\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Letters by category, yet drawn as nothing: a name of them would be blank.
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")


class InvalidText(ValueError):
    """The text cannot be taken: stable `code` (a key of MESSAGES) and plain-Chinese `message`, never the text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


def clean(text: str, *, multiline: bool = False) -> str:
    """The text in NFC without zero-width characters and outer white space (U+200D stays: emoji are joined by it).

    With `multiline`, tabs and line ends are allowed, and every line end becomes a newline.
    Bound the length first: composing a run of combining marks takes quadratic time (2,000 of them: some ms).
    Raises InvalidText: text_nul, text_surrogate, text_control or text_bidi.
    """
    if multiline:
        text = _LINE_END.sub("\n", text)
    _refuse_unsafe(text, _CONTROL_IN_LINES if multiline else _CONTROL)
    return unicodedata.normalize("NFC", _ZERO_WIDTH.sub("", text)).strip()


def clean_name(text: str) -> str:
    """A person's name: words of letters or ideographs, joined by single `·` or single spaces, 1–50 code points.

    All invisible characters go, look-alikes of the middle dot become a bare `·`, runs of white space one space.
    No NFKC: a name keeps the characters it was registered with.
    Raises InvalidText: those of `clean`, name_length or name_characters.
    """
    if len(text) > _MAX_NAME_INPUT:
        raise _wrong("name_length")
    visible = "".join(char for char in clean(text) if unicodedata.category(char) != "Cf")
    composed = unicodedata.normalize("NFC", _VARIATION_SELECTORS.sub("", visible))
    name = _DOTS.sub(_DOT, _SPACES.sub(" ", composed).strip())
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise _wrong("name_length")
    if not all(_is_word(word) for word in re.split(f"[{_DOT} ]", name)):
        raise _wrong("name_characters")
    return name


def search_key(text: str) -> str:
    """What two spellings share for a search: NFKC, case folded. For matching, never to show."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _wrong(code: str) -> InvalidText:
    return InvalidText(code, MESSAGES[code])


def _refuse_unsafe(text: str, control: re.Pattern[str]) -> None:
    if "\x00" in text:
        raise _wrong("text_nul")
    if _SURROGATE.search(text):
        raise _wrong("text_surrogate")
    if control.search(text):
        raise _wrong("text_control")
    if _BIDI.search(text):
        raise _wrong("text_bidi")


def _is_word(word: str) -> bool:
    """Letters, each with the marks that follow it; not empty."""
    return word != "" and _is_letter(word[0]) and all(_is_letter(char) or _is_mark(char) for char in word)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Mc")


def _is_letter(char: str) -> bool:
    # Planes 2 and 3 are reserved for ideographs: newer ones are "unassigned" to an older Python, but people bear them.
    if ord(char) >> 16 in (2, 3) or char == "〇":
        return True
    return unicodedata.category(char).startswith("L") and char not in _BLANK_LETTERS
