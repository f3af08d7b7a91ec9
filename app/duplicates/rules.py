"""When two household files look like one: features, keys that bring files together, reasons with points. Pure.

Nothing here is kept: a job computes the features from the sealed form, keeps keyed hashes of the keys, and of a pair
that looks alike the score and the reasons, which name places in the two forms and never what stands there.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

from app.duplicates.names import likeness, one_apart, plain, sounds
from app.duplicates.weights import Weights
from app.kernel.identifiers import eighteen

PersonCode = Literal[
    "same_number",
    "near_number_same_name",
    "near_number_sounding_name",
    "near_number_near_name",
    "near_serial_sounding_name",
    "birth_same_name",
    "birth_sounding_name",
    "birth_near_name",
]
Code = Literal[PersonCode, "phone", "card", "address", "paper"]
_SEPARATORS: Final = re.compile(r"[\s\-—_·.,，。、;；:：()（）#]+")
_NUMERALS: Final = str.maketrans("〇零一二三四五六七八九两壹贰叁肆伍陆柒捌玖", "0012345678921234567" + "89")
_ABOVE: Final = re.compile(
    r"^(?:[^0-9]{2,8}?(?:省|自治区))?(?:[^0-9]{2,8}?市)?(?:[^0-9]{1,8}?(?<![小社园发])[区县])?(?:[^0-9]{1,8}?(?:街道|镇|乡))?"
    r"(?:[^0-9]{1,12}?(?:社区|居委会|村委会|居委|村委))?"
)
_UNIT_WORDS: Final = re.compile(r"号楼|单元|号房|[号幢栋座梯楼层室房户之]")
_DIGITS: Final = re.compile(r"[0-9]+[A-Z]?|[A-Z](?=$|[0-9])")
_TENS: Final = re.compile(r"([1-9]?)十([1-9]?)")
PERSON_CODES: Final[frozenset[Code]] = frozenset(get_args(PersonCode))


class Someone(NamedTuple):
    """One person of a file. `pointer` says where the form names them."""

    pointer: str
    name: str
    number: str

    @property
    def birth(self) -> str:
        """YYYYMMDD as the number has it; empty where it is no number."""
        return self.number[6:14] if len(self.number) == 18 else ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is known of a household outside its form: telephones, and keyed hashes of bank cards and of papers (the
    settlement sheets and invoices that were claimed for)."""

    phones: frozenset[str] = frozenset()
    cards: frozenset[str] = frozenset()
    papers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Features:
    people: tuple[Someone, ...]
    address: str
    elsewhere: Elsewhere

    def spelt(self) -> str:
        """The features in one stable text: what a verdict was given on."""
        people = sorted(f"{each.name}\x1e{each.number}" for each in self.people)
        known = (self.elsewhere.phones, self.elsewhere.cards, self.elsewhere.papers)
        return "\x1d".join((*people, self.address, *(",".join(sorted(each)) for each in known)))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why two files look like one. `a` and `b` point to the persons in the two forms, where the reason is a person."""

    code: Code
    points: int
    a: str | None = None
    b: str | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    score: int
    reasons: tuple[Reason, ...]


def features_of(form: Mapping[str, Any], elsewhere: Elsewhere = Elsewhere()) -> Features:
    """What of a submitted form identifies a household."""
    named = [("/head", form["head"])] + [(f"/members/{n}", each) for n, each in enumerate(form["members"])]
    people = tuple(Someone(at, plain(each["name"]), id_number(each["id_number"])) for at, each in named)
    return Features(people, address(form["address"]), elsewhere)


def id_number(text: str) -> str:
    """One spelling of an identity number: 18 characters, upper-case X; what is no number stays as it is."""
    return eighteen(_SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper())


def phone_number(text: str) -> str:
    """Digits alone, without the country's code."""
    digits = re.sub(r"[^0-9]", "", unicodedata.normalize("NFKC", text))
    return digits.removeprefix("0086").removeprefix("86") if len(digits) > 11 else digits


def address(text: str) -> str:
    """Road and numbers of a dwelling, however it is written; empty where no dwelling is named: a street is no home."""
    written = _SEPARATORS.sub(" ", unicodedata.normalize("NFKC", text).upper()).replace(" ", "|")
    written = _TENS.sub(lambda tens: f"{tens[1] or 1}{tens[2] or 0}", written.translate(_NUMERALS))
    rest = _ABOVE.sub("", written.lstrip("|"))
    numbers = _DIGITS.findall(rest)
    road = _UNIT_WORDS.sub("", re.sub(r"[0-9A-Z|]+", "", rest))
    return f"{road}|{'-'.join(numbers)}" if road and numbers else ""


def keys(features: Features) -> Iterator[tuple[str, ...]]:
    """What two files must share, at least one, to be compared. Each is chosen so that few strangers share it, and so
    that one wrong digit or two exchanged ones leave one of them whole."""
    for someone in features.people:
        number, read = someone.number, sounds(someone.name)
        if len(number) != 18:
            yield from (("name", sound) for sound in read)
            continue
        region, birth, serial = number[:6], someone.birth, number[14:17]
        yield "serial", birth[2:], serial
        for sound in read:
            surname = sound.partition("|")[0]
            yield "birth", birth, sound
            yield "month", region, birth[:6], sound
            yield "region", region, birth, surname
            yield "year", region, birth[:4], serial, surname
            yield "day", region, birth[6:], serial, surname
    yield from (("phone", each) for each in features.elsewhere.phones)
    yield from (("card", each) for each in features.elsewhere.cards)
    yield from (("paper", each) for each in features.elsewhere.papers)
    if features.address:
        yield "address", features.address


def compare(one: Features, other: Features, weights: Weights) -> Likeness:
    """How much two files look like one household, and why."""
    people = _people(one.people, other.people, weights)
    reasons = list(people)
    shared = (
        ("phone", one.elsewhere.phones & other.elsewhere.phones),
        ("card", one.elsewhere.cards & other.elsewhere.cards),
        ("address", one.address and one.address == other.address),
    )
    codes: list[Code] = [code for code, found in shared if found]  # type: ignore[misc]
    reasons += [Reason(code, getattr(weights, code)) for code in codes]
    kin = sum(reason.points for reason in reasons[len(people) :])
    score = sum(reason.points for reason in people) + (kin if people else min(kin, weights.without_a_person))
    if one.elsewhere.papers & other.elsewhere.papers:
        reasons.append(Reason("paper", weights.paper))
        score += weights.paper
    return Likeness(min(score, 100), tuple(reasons))


def _people(ones: Iterable[Someone], others: Iterable[Someone], weights: Weights) -> list[Reason]:
    """The persons of the two files that look alike, each at most once; the strongest counts whole."""
    found = [reason for a in ones for b in others if (reason := alike(a, b, weights)) is not None]
    found.sort(key=lambda reason: (-reason.points, str(reason.a), str(reason.b)))
    kept: list[Reason] = []
    for reason in found:
        if all(reason.a != each.a and reason.b != each.b for each in kept):
            points = reason.points if not kept else reason.points * weights.further_person_percent // 100
            kept.append(Reason(reason.code, points, reason.a, reason.b))
    return kept


def alike(a: Someone, b: Someone, weights: Weights) -> Reason | None:
    """Whether two persons may be one. Twins have one birthday, numbers that differ in the serial, and names that differ
    in a character: that much alike is not alike."""
    code = _code(a, b)
    return Reason(code, getattr(weights, code), a.pointer, b.pointer) if code else None


def _code(a: Someone, b: Someone) -> Code | None:
    if a.number == b.number and len(a.number) == 18:
        return "same_number"
    names = likeness(a.name, b.name)
    if names == "different":
        return None
    maybe_twins = a.number[:14] == b.number[:14]
    if names == "near" and maybe_twins:
        return None
    if _near_numbers(a.number, b.number):
        if names == "same":
            return "near_number_same_name"
        if names == "near":
            return "near_number_near_name"
        return "near_serial_sounding_name" if maybe_twins else "near_number_sounding_name"
    if not a.birth or a.birth != b.birth:
        return None
    by_name: dict[str, Code] = {"same": "birth_same_name", "sounds_same": "birth_sounding_name"}
    return by_name.get(names, "birth_near_name")


def _near_numbers(a: str, b: str) -> bool:
    """One digit wrong, missing or too many, or two neighbours exchanged; the check digit follows from the others."""
    if len(a) == len(b) == 18:
        return one_apart(a[:17], b[:17]) or a[:17] == b[:17]
    return {len(a), len(b)} in ({17, 18}, {18, 19}) and one_apart(a, b)
