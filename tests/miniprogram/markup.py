"""WXML and WXSS as far as the tests ask about them: elements with their attributes, and colours by class."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

_RULE = re.compile(r"([^{}]+)\{([^}]*)\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SMALLEST_TARGET = 88
"""In rpx: 44 pt at the width of every phone."""
READABLE = 4.5
"""The least contrast of text (WCAG 2 AA)."""


@dataclass(frozen=True)
class Element:
    tag: str
    attributes: Mapping[str, str]
    line: int

    @property
    def classes(self) -> list[str]:
        return re.sub(r"\{\{.*?\}\}", " ", self.attributes.get("class", "")).split()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Element] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append(Element(tag, {name: value or "" for name, value in attributes}, self.getpos()[0]))


def elements(path: Path) -> list[Element]:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.found


def tappable(element: Element) -> bool:
    if element.tag in ("button", "input", "textarea"):
        return True
    return "bindtap" in element.attributes or element.attributes.get("role") == "button"


def rules(text: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each selector with its declarations."""
    for selectors, body in _RULE.findall(_COMMENT.sub("", text)):
        said = (line.split(":", 1) for line in body.split(";") if ":" in line)
        declared = {name.strip(): value.strip() for name, value in said}
        for selector in selectors.split(","):
            yield selector.strip(), declared


def heights(text: str) -> dict[str, int]:
    """The least height of each class, in rpx."""
    found = ((selector, re.match(r"(\d+)rpx", each.get("min-height", ""))) for selector, each in rules(text))
    return {selector.removeprefix("."): int(height[1]) for selector, height in found if height}


def contrasts(text: str, grounds: tuple[str, ...]) -> dict[str, float]:
    """The contrast of each rule that colours text: on its own ground, or on the worst of those that it can stand on."""
    found = {}
    for selector, each in rules(text):
        if "color" in each:
            own = each.get("background-color")
            found[selector] = min(contrast(each["color"], ground) for ground in ((own,) if own else grounds))
    return found


def contrast(one: str, other: str) -> float:
    """WCAG 2: from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    parts = [each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in (red, green, blue)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
