"""A month of money as a picture (SVG) that a phone shows: bars by source, kind and district. Pure; equal figures give
equal bytes. Everything is said in words and numbers as well: nobody has to tell colours apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from app.kernel.money import yuan

WIDTH: Final = 360
_SIDE: Final = 16
_BAR: Final = 12
_ROW: Final = 46
_FONT: Final = "'PingFang SC','Noto Sans CJK SC','Microsoft YaHei',sans-serif"
_INK, _PALE, _LINE, _PAPER = "#1f2933", "#52606d", "#e4e7eb", "#ffffff"
COLOURS: Final = ("#1f5fa8", "#a34a00", "#2e6b34")
"""One for each part, each at least 4.5 : 1 on white."""
_FIGURE, _CHARACTER = 8, 14
"""How wide a figure and a Chinese character of the smaller size are, at the most."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bars under a heading: names and fen, the largest first."""

    title: str
    bars: Sequence[tuple[str, int]]


def ranked(bars: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those of one name together, the largest first."""
    sums: dict[str, int] = {}
    for name, fen in bars:
        sums[name] = sums.get(name, 0) + fen
    return sorted(sums.items(), key=lambda bar: (-bar[1], bar[0]))


def picture(title: str, union: str, told: str, parts: Sequence[Part]) -> bytes:
    """`union` and `told`, the total, stand below the title, a line each."""
    drawn, y = list[str](), 126
    for colour, part in zip(COLOURS, parts, strict=True):
        drawn.append(_text(_SIDE, y, part.title, 16, _INK, weight=700))
        y += 14
        if not part.bars:
            drawn.append(_text(_SIDE, y + 18, "本月没有支出", 14, _PALE))
            y += _ROW - 12
        for bar in part.bars:
            drawn += _bar(bar, max(max(fen for _, fen in part.bars), 1), y, colour)
            y += _ROW
        y += 30
    height = y - 8
    body = "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" role="img" aria-labelledby="t d" font-family="{escape(_FONT)}">',
            f'<title id="t">{escape(title)}</title><desc id="d">{escape(_said(f"{union}，{told}", parts))}</desc>',
            f'<rect width="{WIDTH}" height="{height}" fill="{_PAPER}"/>',
            _text(_SIDE, 36, title, 20, _INK, weight=700),
            _text(_SIDE, 62, _fitting(union, WIDTH - 2 * _SIDE), 14, _PALE),
            _text(_SIDE, 84, told, 14, _PALE),
            f'<rect x="{_SIDE}" y="98" width="{WIDTH - 2 * _SIDE}" height="1" fill="{_LINE}"/>',
            *drawn,
            "</svg>\n",
        )
    )
    return body.encode()


def _bar(bar: tuple[str, int], most: int, y: int, colour: str) -> list[str]:
    name, fen = bar
    room = WIDTH - 2 * _SIDE
    wide = room * max(fen, 0) // most
    return [
        _text(_SIDE, y + 18, _fitting(name, room - _FIGURE * (len(yuan(fen)) + 1)), 14, _INK),
        _text(WIDTH - _SIDE, y + 18, yuan(fen), 14, _INK, anchor="end"),
        f'<rect x="{_SIDE}" y="{y + 26}" width="{room}" height="{_BAR}" rx="3" fill="{_LINE}"/>',
        f'<rect x="{_SIDE}" y="{y + 26}" width="{max(wide, 3 if fen > 0 else 0)}" height="{_BAR}" rx="3" '
        f'fill="{colour}"/>',
    ]


def _fitting(name: str, wide: int) -> str:
    most = wide // _CHARACTER
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _text(x: int, y: int, said: str, size: int, colour: str, *, weight: int = 400, anchor: str = "start") -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(said)}</text>'
    )


def _said(told: str, parts: Sequence[Part]) -> str:
    """The whole picture in words, for whoever is read to."""
    listed = (
        f"{part.title}：" + ("，".join(f"{name} {yuan(fen)}" for name, fen in part.bars) or "没有支出")
        for part in parts
    )
    return f"{told}。" + "；".join(listed) + "。"
