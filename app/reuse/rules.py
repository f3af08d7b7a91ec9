"""When two claims may stand on one bill: keys that bring claims together, and evidence with points. Pure.

A bill of one hospital looks like every other, strangers leave it on one day, and its numbers follow one another: none
of that is evidence by itself. What counts is what two bills never share: one code, number or file, the same sums to
the last fen, or one picture laid upon the other without a field that differs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple

from app.kernel.business_time import business_date
from app.kernel.identifiers import plain_number

Code = Literal["file", "code", "picture", "number", "number_near", "amounts", "bill", "stay"]
VERSION: Final = "2026"
POINTS: Final[Mapping[Code, int]] = {
    "file": 100,
    "code": 90,
    "picture": 90,
    "number": 80,
    "amounts": 50,
    "number_near": 40,
    "bill": 30,
    "stay": 15,
}
THRESHOLD: Final = 60
"""A number that is one digit away, of somebody who left the same hospital on the same day (55), is the next in line."""
CROWD: Final = 30
"""A key that so many claims share says nothing of any two of them."""
LEAST_AMOUNTS: Final = 3
"""So many sums other than nothing must be equal, the sheet's total among them."""
_SHEET: Final = (
    "medfee_sumamt_fen fulamt_ownpay_amt_fen overlmt_selfpay_fen preselfpay_amt_fen inscp_scp_amt_fen act_pay_dedc_fen "
    "hifp_pay_fen hifob_pay_fen cvlserv_pay_fen maf_pay_fen acct_pay_fen psn_cash_pay_fen"
).split()
Key = tuple[str, ...]


class Stay(NamedTuple):
    """Where and when somebody lay."""

    hospital: str
    admitted_on: date
    discharged_on: date


@dataclass(frozen=True, slots=True)
class Claim:
    """What identifies the bill that somebody claims for, as far as the form says. `files`: hashes of its papers."""

    kind: str
    number: str = ""
    stay: Stay | None = None
    amounts: tuple[int, ...] = ()
    bill: tuple[date, int] | None = None
    """The day and the self-paid sum of a medical bill that was claimed without its sheet."""
    files: frozenset[str] = field(default=frozenset())
    codes: frozenset[int] = field(default=frozenset())
    """Keyed hashes of what is to be scanned on the papers."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that both claims show. `files`: which papers of the one and of the other, where it is papers."""

    code: Code
    points: int
    files: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What two claims have in common, and what of their sheets differs, by names."""

    score: int
    evidence: tuple[Evidence, ...]
    differs: tuple[str, ...] = ()

    def turned(self) -> "Found":
        """The same seen from the other claim."""
        evidence = tuple(replace(each, files=each.files and (each.files[1], each.files[0])) for each in self.evidence)
        return replace(self, evidence=evidence)


def claim_of(kind: str, form: Mapping[str, Any], files: Iterable[str], codes: Iterable[int]) -> Claim:
    """What of a submitted form identifies its bill."""
    papers = {"files": frozenset(files), "codes": frozenset(codes)}
    if kind == "secondary_medical":
        sheet, stay = form["settlement"], form["stay"]
        return Claim(
            kind,
            number=plain_number(sheet["number"]),
            stay=Stay(
                plain_number(stay["hospital_code"]),
                date.fromisoformat(stay["admitted_on"]),
                date.fromisoformat(stay["discharged_on"]),
            ),
            amounts=tuple(sheet[name] for name in _SHEET),
            bill=(business_date(datetime.fromisoformat(sheet["settled_at"])), sheet["psn_cash_pay_fen"]),
            **papers,  # type: ignore[arg-type]
        )
    medical = form.get("medical")
    bill = (date.fromisoformat(medical["settled_on"]), medical["self_paid_fen"]) if medical else None
    return Claim(kind, bill=bill, **papers)  # type: ignore[arg-type]


def keys(claim: Claim) -> Iterator[Key]:
    """What two claims must share, at least one, to be compared. One digit that was changed, lost or added in a number
    leaves one of its keys whole."""
    yield from (("file", each) for each in claim.files)
    yield from (("code", str(each)) for each in claim.codes)
    if claim.number:
        yield "number", claim.number
        yield from (("number", shorter) for shorter in _one_less(claim.number))
    if claim.stay:
        yield "stay", claim.stay.hospital, str(claim.stay.admitted_on), str(claim.stay.discharged_on)
    if claim.amounts:
        yield "total", str(claim.amounts[0])
    if claim.bill:
        yield "bill", str(claim.bill[0]), str(claim.bill[1])


def _one_less(number: str) -> set[str]:
    return {number[:n] + number[n + 1 :] for n in range(len(number))} if len(number) > 4 else set()


def compare(one: Claim, other: Claim, pictures: Mapping[tuple[str, str], bool]) -> Found:
    """What two claims have in common. `pictures`: of pairs of their papers, whether both show one paper."""
    found = [Evidence(code, POINTS[code]) for code in _said(one, other)]
    same_files = one.files & other.files
    if same_files:
        found.append(Evidence("file", POINTS["file"]))
    elif laid := next((pair for pair, same in pictures.items() if same), None):
        found.append(Evidence("picture", POINTS["picture"], laid))
    found.sort(key=lambda each: -each.points)
    score = min(sum(each.points for each in found), 100)
    return Found(score, tuple(found), tuple(_differing(one, other)))


def _said(one: Claim, other: Claim) -> Iterator[Code]:
    """What the forms and the codes on the papers have in common."""
    if one.codes & other.codes:
        yield "code"
    if one.number and other.number:
        if one.number == other.number:
            yield "number"
        elif near(one.number, other.number):
            yield "number_near"
    if one.amounts and one.amounts == other.amounts and sum(1 for each in one.amounts if each) >= LEAST_AMOUNTS:
        yield "amounts"
    elif one.bill is not None and one.bill == other.bill and one.bill[1]:
        yield "bill"
    if one.stay is not None and one.stay == other.stay:
        yield "stay"


def near(one: str, other: str) -> bool:
    """Whether one digit of a number was changed, lost or added, or two neighbours were exchanged."""
    if min(len(one), len(other)) < 5 or abs(len(one) - len(other)) > 1:
        return False
    if len(one) == len(other):
        at = [n for n in range(len(one)) if one[n] != other[n]]
        swapped = len(at) == 2 and at[1] == at[0] + 1 and one[at[0]] == other[at[1]] and one[at[1]] == other[at[0]]
        return len(at) == 1 or swapped
    longer, shorter = sorted((one, other), key=len, reverse=True)
    return shorter in _one_less(longer)


def _differing(one: Claim, other: Claim) -> Iterator[str]:
    """What both sheets say, and say otherwise."""
    if one.number and other.number and one.number != other.number:
        yield "number"
    if one.stay is not None and other.stay is not None:
        yield from (name for name in Stay._fields if getattr(one.stay, name) != getattr(other.stay, name))
    if one.amounts and other.amounts:
        yield from (name for name, a, b in zip(_SHEET, one.amounts, other.amounts, strict=True) if a != b)


def is_likely(found: Found) -> bool:
    """Whether somebody has to look at it."""
    return found.score >= THRESHOLD
