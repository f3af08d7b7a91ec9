"""A first draft of an article on how the work goes on, from live figures: exits against the year's target, people
helped, money by kind. Pure. Numbers of few people are left out, and so is what they could be worked out from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Final
from uuid import UUID

from app.articles.content import Content
from app.kernel.business_time import answered, business_date
from app.kernel.money import yuan

FEW: Final = 5
"""Fewer people, or households, than these are not told of."""
_RED, _GREY, _INK = "#b3261e", "#e6e6e6", "#333333"
_WIDTH: Final = 900
_ROW: Final = 74


@dataclass(frozen=True, slots=True)
class Paid:
    """What was paid of one kind of aid in the year."""

    name: str
    people: int
    fen: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The figures of one union in one year, as they were at an instant."""

    union: str
    year: int
    as_of: datetime
    in_file: int
    """Households that were in the file when the year began."""
    opened: int
    lifted: int
    relieved: int
    paid: tuple[Paid, ...]
    helped: int
    """Different people, of whatever kind."""
    target: int | None = None
    """How many households are to be lifted in the year, as whoever writes has it from the plan."""

    @property
    def told(self) -> tuple[Paid, ...]:
        return tuple(each for each in self.paid if each.people >= FEW)

    @property
    def whole(self) -> bool:
        """Whether every kind is told of: otherwise the sum would tell what was left out."""
        return all(each.people >= FEW or each.people == 0 for each in self.paid)


def of_rows(
    rows: list[Mapping[str, Any]], names: Mapping[str, str], union: str, year: int, as_of: datetime, target: int | None
) -> Progress:
    """From what the database counts (`progress_figures`)."""
    counts = {row["what"]: row["count"] for row in rows if row["kind"] is None}
    paid = tuple(Paid(names[row["kind"]], row["count"], row["fen"]) for row in rows if row["kind"] is not None)
    few = {name: counts.get(name, 0) for name in ("in_file", "opened", "lifted", "relieved")}
    return Progress(union, year, as_of, paid=paid, helped=counts.get("helped", 0), target=target, **few)


def draft(progress: Progress, picture: UUID) -> Content:
    """What somebody then goes on writing, and another reviews."""
    day = business_date(progress.as_of)
    said = f"截至{day.month}月{day.day}日"
    blocks: list[dict[str, Any]] = [
        {"type": "heading", "text": "今年以来"},
        {"type": "paragraph", "text": f"{said}，{progress.union}{progress.year}年的帮扶工作进展如下。"},
        {
            "type": "picture",
            "file_id": str(picture),
            "caption": f"{progress.year}年帮扶工作进展（{said}）",
            "nobody": True,
        },
        {
            "type": "figures",
            "title": "主要数字",
            "as_of": answered(progress.as_of).isoformat(),
            "rows": [{"label": label, "value": value} for label, value in rows_of(progress)],
        },
        {"type": "paragraph", "text": "困难职工可以在微信小程序“汕头工会帮扶”申请，也可以拨打 12351 咨询。"},
    ]
    return Content.model_validate(
        {
            "title": f"{progress.year}年帮扶工作进展",
            "signed": progress.union[:16],
            "digest": f"{said}的脱困户数、帮扶人数和帮扶资金。",
            "cover_file_id": str(picture),
            "cover_nobody": True,
            "blocks": blocks,
        }
    )


def rows_of(progress: Progress) -> list[tuple[str, str]]:
    """Each figure in words."""
    rows = [
        ("年初在档户数", households(progress.in_file)),
        ("今年新建档", households(progress.opened)),
        ("今年脱困", households(progress.lifted)),
        ("今年解困", households(progress.relieved)),
    ]
    if progress.target is not None:
        rows.append(("全年脱困目标", f"{progress.target}户"))
        if progress.lifted >= FEW and progress.target > 0:
            rows.append(("完成目标", f"{percent(progress.lifted, progress.target)}%"))
    rows += [(each.name, f"{each.people}人，{yuan(each.fen)}") for each in progress.told]
    if progress.whole and progress.helped >= FEW:
        rows.append(("帮扶人数", f"{progress.helped}人"))
        rows.append(("帮扶资金合计", yuan(sum(each.fen for each in progress.paid))))
    return rows


def households(count: int) -> str:
    return "0户" if count == 0 else f"不足{FEW}户" if count < FEW else f"{count}户"


def percent(part: int, whole: int) -> str:
    """To one place, rounded down: a target is not met by rounding."""
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10}"


def chart(progress: Progress) -> str:
    """The picture of it as SVG: exits against the target, and the money of each kind."""
    bars: list[tuple[str, str, int, int]] = []
    if progress.lifted >= FEW:
        whole = progress.target if progress.target and progress.target > progress.lifted else progress.lifted
        of_target = f"目标{progress.target}户" if progress.target is not None else ""
        bars.append(("今年脱困", f"{progress.lifted}户 {of_target}".strip(), progress.lifted, whole))
    most = max((each.fen for each in progress.told), default=0)
    bars += [(each.name, f"{each.people}人 {yuan(each.fen)}", each.fen, max(most, 1)) for each in progress.told]
    height = 170 + _ROW * max(len(bars), 1)
    day = answered(progress.as_of)
    drawn = "".join(_bar(110 + _ROW * n, *bar) for n, bar in enumerate(bars))
    if not bars:
        drawn = _text(40, 150, 22, "今年的数字还很少，暂不公布", _INK)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">'
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
        f"{_text(40, 60, 32, f'{progress.union} {progress.year}年帮扶工作进展', _RED)}{drawn}"
        f"{_text(40, height - 24, 18, f'数据截至 {day:%Y-%m-%d %H:%M}', '#777777')}</svg>"
    )


def _bar(top: int, label: str, said: str, part: int, whole: int) -> str:
    room = _WIDTH - 80
    width = max(4, room * part // whole)
    return (
        f"{_text(40, top + 20, 22, f'{label}　{said}', _INK)}"
        f'<rect x="40" y="{top + 32}" width="{room}" height="22" fill="{_GREY}"/>'
        f'<rect x="40" y="{top + 32}" width="{width}" height="22" fill="{_RED}"/>'
    )


def _text(x: int, y: int, size: int, said: str, fill: str) -> str:
    font = 'font-family="Noto Sans CJK SC"'
    return f'<text x="{x}" y="{y}" font-size="{size}" {font} fill="{fill}">{escape(said)}</text>'
