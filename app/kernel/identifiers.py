"""Numbers people and organisations are known by: read, normalise, check. Pure; no look-up anywhere.

Every function takes what a person typed, folds full-width characters (NFKC) and outer spaces, and answers the
one normalised spelling or raises InvalidIdentifier. Messages never contain the value: it is personal data.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

Sex = Literal["male", "female"]
IdKind = Literal["resident", "hk_mo_tw_permit", "foreign_permanent_resident"]

MESSAGES: Final[Mapping[str, str]] = {
    "id_number_length": "身份证号应为 18 位，请核对后重新输入。",
    "id_number_characters": "身份证号只能由数字组成，最后一位可以是字母 X。",
    "id_number_region": "身份证号的前六位不正确，请核对后重新输入。",
    "id_number_birth_date": "身份证号中的出生日期不正确，请核对后重新输入。",
    "id_number_checksum": "身份证号不正确，请对照证件逐位核对。",
    "uscc_length": "统一社会信用代码应为 18 位，请核对后重新输入。",
    "uscc_characters": "统一社会信用代码只能由数字和大写字母组成，且不含 I、O、S、V、Z。",
    "uscc_checksum": "统一社会信用代码不正确，请对照证照逐位核对。",
    "bank_card_length": "银行卡号应为 16 至 19 位，请核对后重新输入。",
    "bank_card_characters": "银行卡号只能由数字组成，请重新输入。",
    "bank_card_checksum": "银行卡号不正确，请对照银行卡逐位核对。",
    "mobile_format": "手机号应为 11 位数字，请核对后重新输入。",
}
"""Every code this module can raise, with what the person reads."""

_ID_NUMBER = re.compile(r"\A(?:[0-9]{15}|[0-9]{17}[0-9Xx])\Z")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
_OLDEST_YEARS = 150

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC = re.compile(rf"\A[{_USCC_ALPHABET}]{{2}}[0-9]{{6}}[{_USCC_ALPHABET}]{{10}}\Z", re.IGNORECASE | re.ASCII)
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)

_DIGITS = re.compile(r"\A[0-9]+\Z")
_MOBILE = re.compile(r"\A1[3-9][0-9]{9}\Z")
_SEPARATED = re.compile(r"[\s_./-]+")
_LONGEST_INPUT = 64


class InvalidIdentifier(ValueError):
    """The number cannot be right: stable `code` (a key of MESSAGES) and plain-Chinese `message`, never the number."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class ResidentId:
    """What an identity number says. `number` is 18 characters, upper-case X; kept out of repr and so of logs."""

    number: str = field(repr=False)
    birth_date: date = field(repr=False)
    sex: Sex
    kind: IdKind


def resident_id(text: str, today: date) -> ResidentId:
    """Read an identity number: GB 11643-1999, the 81/82/83 residence permits, the 2023 foreigner's card (9…).

    A 15-digit number of a resident is upgraded to 18. The region is never looked up: divisions come and go while
    numbers stay. `today` (business date) bounds the birth date: not in the future, under 150 years ago.
    Raises InvalidIdentifier: id_number_length, _characters, _region, _birth_date or _checksum.
    """
    number = _eighteen(_folded(text))
    if number[0] == "0":
        raise _wrong("id_number_region")
    birth_date = _birth_date(number[6:14], today)
    if check_digit(number[:17]) != number[17]:
        raise _wrong("id_number_checksum")
    return ResidentId(number, birth_date, "male" if int(number[16]) % 2 else "female", _kind(number))


def check_digit(first17: str) -> str:
    """The 18th character of an identity number, 0–9 or X: ISO 7064 MOD 11-2 over 17 ASCII digits.

    Raises InvalidIdentifier: id_number_length or id_number_characters.
    """
    if len(first17) != len(_ID_WEIGHTS):
        raise _wrong("id_number_length")
    if not _DIGITS.match(first17):
        raise _wrong("id_number_characters")
    return _ID_CHECKS[sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, first17, strict=True)) % 11]


def eighteen(number: str) -> str:
    """A resident's number of 15 digits as one of 18; whatever else it is stays as it is, and nothing is judged."""
    if len(number) == 15 and _DIGITS.match(number):
        first17 = f"{number[:6]}19{number[6:]}"
        return first17 + check_digit(first17)
    return number


def plain_number(text: str) -> str:
    """One spelling of the number of a bill or of a hospital's code: no hyphens or slashes, capital letters."""
    return _SEPARATED.sub("", _folded(text)).upper()


def uscc(text: str) -> str:
    """Read a unified social credit code (GB 32100-2015): 18 characters, upper case, weights 3^i mod 31.

    Raises InvalidIdentifier: uscc_length, uscc_characters or uscc_checksum.
    """
    folded = _folded(text)
    if len(folded) != 18:
        raise _wrong("uscc_length")
    if not _USCC.match(folded):
        raise _wrong("uscc_characters")
    code = folded.upper()
    total = sum(weight * _USCC_ALPHABET.index(char) for weight, char in zip(_USCC_WEIGHTS, code[:17], strict=True))
    if _USCC_ALPHABET[-total % 31] != code[17]:
        raise _wrong("uscc_checksum")
    return code


def bank_card(text: str) -> str:
    """Read a bank card number: 16–19 digits with a right Luhn sum; spaces anywhere are dropped.

    Raises InvalidIdentifier: bank_card_length, bank_card_characters or bank_card_checksum.
    """
    number = _folded(text).replace(" ", "")
    if not 16 <= len(number) <= 19:
        raise _wrong("bank_card_length")
    if not _DIGITS.match(number):
        raise _wrong("bank_card_characters")
    # No issuer starts with 0; without this a row of zeros would pass Luhn.
    if number[0] == "0" or _luhn(number) % 10:
        raise _wrong("bank_card_checksum")
    return number


def mobile(text: str) -> str:
    """Read a mainland mobile number: 11 digits from 13… to 19…, no country code.

    Raises InvalidIdentifier: mobile_format.
    """
    number = _folded(text)
    if not _MOBILE.match(number):
        raise _wrong("mobile_format")
    return number


def _wrong(code: str) -> InvalidIdentifier:
    return InvalidIdentifier(code, MESSAGES[code])


def _folded(text: str) -> str:
    """Full-width and compatibility forms to ASCII, outer spaces off; nothing left of what is far too long."""
    return unicodedata.normalize("NFKC", text).strip(" ") if len(text) <= _LONGEST_INPUT else ""


def _eighteen(folded: str) -> str:
    if len(folded) not in (15, 18):
        raise _wrong("id_number_length")
    if not _ID_NUMBER.match(folded):
        raise _wrong("id_number_characters")
    if len(folded) == 18:
        return folded.upper()
    # Permits and foreigners' cards never had 15 digits; residents' all were for births of the 20th century.
    if _kind(folded) != "resident":
        raise _wrong("id_number_length")
    return eighteen(folded)


def _birth_date(digits: str, today: date) -> date:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise _wrong("id_number_birth_date") from None
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if born > today or age >= _OLDEST_YEARS:
        raise _wrong("id_number_birth_date")
    return born


def _kind(number: str) -> IdKind:
    if number[:2] in ("81", "82", "83"):
        return "hk_mo_tw_permit"
    # A foreigner's card is 9 + the province that issued it (11–65) + nationality, so it never starts with 99:
    # that region belongs to nobody and is left to invented people.
    if number[0] == "9" and number[1] != "9":
        return "foreign_permanent_resident"
    return "resident"


def _luhn(number: str) -> int:
    doubled = (2 * int(digit) for digit in number[-2::-2])
    return sum(int(digit) for digit in number[::-2]) + sum(d - 9 if d > 9 else d for d in doubled)
