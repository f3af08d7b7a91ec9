"""What a contact card says, and what draws it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from app.documents.qr import qr_svg
from app.policy.wording import day_text

FORM: Final = Path(__file__).with_name("contact_card.typ")
PAGE: Final = "pages/household/card"
MOST_MEASURES, MOST_CHARACTERS = 10, 40
"""What has room on a card; the rest is behind its code."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of the household's plan (帮扶措施) as the card shows it."""

    title: str
    by: str = ""
    """Who sees to it."""
    due: str = ""
    """By when, in words."""


@dataclass(frozen=True, slots=True)
class Responsible:
    """The person responsible for a household as the union publishes them."""

    name: str
    organisation: str
    phone: str


def content(
    household: dict[str, Any], union: str, responsible: Responsible, measures: Sequence[Measure]
) -> dict[str, Any]:
    """All that a card says but its serial and its day: two that say the same are the same card."""
    return {
        "number": household["number"],
        "head": household["head_masked"],
        "union": union,
        "responsible": asdict(responsible),
        "measures": [_shortened(asdict(measure)) for measure in measures[:MOST_MEASURES]],
        "more": max(0, len(measures) - MOST_MEASURES),
    }


def printed(said: dict[str, Any], serial: str, issued_on: date, link: str | None) -> dict[str, Any]:
    """A card ready to be drawn, with the code of its page in the mini-program where its address is known."""
    code = qr_svg(address(link, serial)) if link else ""
    return said | {"serial": serial, "issued_on": day_text(issued_on), "qr": code}


def drawn_by() -> str:
    """What draws a card: its form and the version of typst. Together with what it says it decides every byte."""
    return sha256(FORM.read_bytes() + version("typst").encode()).hexdigest()


def address(link: str, serial: str) -> str:
    """Where the code leads: a plain link that WeChat opens as a page of the mini-program."""
    return f"{link.rstrip('/')}/{PAGE}?serial={serial}"


def _shortened(said: dict[str, str]) -> dict[str, str]:
    most = MOST_CHARACTERS
    return {name: words if len(words) <= most else words[: most - 1] + "…" for name, words in said.items()}
