"""What of a personal value may be shown by default. Total functions: odd input is masked whole, never refused."""

import re
import unicodedata

_SEPARATORS = " ·"
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Mn", "Mc", "Me"})
_ID_NUMBER = re.compile(r"\A[0-9]{17}[0-9X]\Z")
_MOBILE = re.compile(r"\A1[0-9]{10}\Z")
_CARD = re.compile(r"\A[0-9]{16,19}\Z")
_HIDDEN = "****"

# Shown by their first character alone, so that 欧阳修 does not keep two of its three.
_COMPOUND_SURNAME = re.compile(
    "欧阳|司马|上官|诸葛|司徒|东方|皇甫|尉迟|公孙|令狐|长孙|宇文|慕容|夏侯|轩辕|端木|南宫|独孤|百里|呼延|"
    "申屠|太史|澹台|闻人|万俟|钟离|闾丘|东郭|西门|淳于|单于|赫连|公羊|公冶|濮阳|歐陽|司馬|諸葛"
)


def mask_name(name: str) -> str:
    """张三 → 张*, 张小明 → 张*明, 欧阳修 → 欧**, 迪丽热巴·买买提 → 迪***·***; a name of one character → *.

    Only whole characters are kept: combining marks, joiners and lone surrogates are dropped first, and a character
    outside the basic plane counts as one.
    """
    shown = _characters(name)
    if not shown:
        return "*" if name else ""
    if len(shown) == 1:
        return "*"
    if len(shown) == 2 or _COMPOUND_SURNAME.match(shown) or any(char in _SEPARATORS for char in shown):
        return shown[0] + _stars(shown[1:])
    return shown[0] + _stars(shown[1:-1]) + shown[-1]


def mask_id_number(number: str) -> str:
    """11010519491231002X → 110105********002X; anything but 18 normalised characters is hidden whole."""
    return number[:6] + "*" * 8 + number[-4:] if _ID_NUMBER.match(number) else _whole(number)


def mask_phone(number: str) -> str:
    """13800138000 → 138****8000; anything but an 11-digit mobile number is hidden whole."""
    return number[:3] + _HIDDEN + number[-4:] if _MOBILE.match(number) else _whole(number)


def mask_card(number: str) -> str:
    """6222020200001230123 → 6222 **** **** 0123, whatever its 16–19 digits; anything else is hidden whole."""
    digits = number.replace(" ", "")
    return f"{digits[:4]} {_HIDDEN} {_HIDDEN} {digits[-4:]}" if _CARD.match(digits) else _whole(number)


def _characters(name: str) -> str:
    """The name's visible base characters, composed, without outer separators."""
    composed = unicodedata.normalize("NFC", name)
    return "".join(char for char in composed if unicodedata.category(char) not in _INVISIBLE).strip().strip(_SEPARATORS)


def _stars(text: str) -> str:
    return "".join(char if char in _SEPARATORS else "*" for char in text)


def _whole(value: str) -> str:
    """Says that something is there, not how long it is."""
    return _HIDDEN if value else ""
