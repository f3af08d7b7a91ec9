"""A policy in plain words, in sections of sentences and tables, made from the policy's own data: for pages. Pure."""

from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from app.kernel.money import Fen, yuan
from app.policy.book import PolicyBook
from app.policy.reference import Standard, minimum_living_standard
from app.policy.versions import CITY

UNKNOWN: Final = "没有查到低保标准"


class Standards(NamedTuple):
    """The minimum living standard of a day, in town and in the country."""

    urban: Standard
    rural: Standard


@dataclass(frozen=True, slots=True)
class Table:
    """`numbers`: which columns hold amounts or counts."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One thing that a policy says, with where it comes from."""

    title: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    source: str | None = None


def standards_on(book: PolicyBook, on: date, division_code: str = CITY) -> Standards:
    return Standards(
        minimum_living_standard(book, division_code, on, "urban"),
        minimum_living_standard(book, division_code, on, "rural"),
    )


def money(fen: Fen) -> str:
    """Without idle cents: 872.00元 is 872元."""
    return yuan(fen).replace(".00元", "元")


def limit(fen: Fen | None) -> str:
    return "不设上限" if fen is None else money(fen)


def months(count: int, standard: Standard) -> str:
    """So many months of the standard, in money."""
    return UNKNOWN if standard.monthly_fen is None else money(count * standard.monthly_fen)
