"""An article as the HTML that the official account takes: a handful of tags, inline styles, and no address but those
that WeChat gave for the pictures. Pure; what a text holds is always text."""

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Final
from uuid import UUID

from app.articles.content import Content, Figures, Heading, Paragraph, Picture, Quote
from app.kernel.business_time import SHANGHAI

LONGEST: Final = 19_999
"""Characters of the whole (新增草稿: 少于 2 万字符)."""
_PARAGRAPH: Final = "margin:0 0 1em;line-height:1.8;font-size:16px;"
_HEADING: Final = "margin:1.6em 0 .8em;font-size:18px;font-weight:bold;"
_QUOTE: Final = "margin:0 0 1em;padding:.6em 1em;border-left:4px solid #b3261e;background:#f7f7f7;"
_CAPTION: Final = "margin:.4em 0 1.2em;text-align:center;color:#666;font-size:14px;"
_TABLE: Final = "width:100%;border-collapse:collapse;font-size:15px;"
_CELL: Final = "border:1px solid #ddd;padding:.4em .6em;"
_NOTE: Final = "margin:.2em 0 1.2em;color:#666;font-size:13px;"


def rendered(content: Content, addresses: Mapping[UUID, str]) -> str:
    """The body of a draft; `addresses`: of every picture at WeChat. Raises KeyError for one that has none."""
    return "".join(_block(block, addresses) for block in content.blocks)


def _block(block: Paragraph | Heading | Quote | Picture | Figures, addresses: Mapping[UUID, str]) -> str:
    match block:
        case Paragraph():
            return _p(block.text, _PARAGRAPH)
        case Heading():
            return f'<h2 style="{_HEADING}">{escape(block.text)}</h2>'
        case Quote():
            by = f"<br/>—— {escape(block.by)}" if block.by else ""
            return f'<blockquote style="{_QUOTE}">{_lines(block.text)}{by}</blockquote>'
        case Picture():
            address, caption = escape(addresses[block.file_id]), escape(block.caption)
            image = f'<img src="{address}" alt="{caption}" style="max-width:100%;"/>'
            return f'<p style="margin:0;text-align:center;">{image}</p>{_p(block.caption, _CAPTION)}'
        case Figures():
            return _table(block)


def _table(figures: Figures) -> str:
    rows = "".join(
        f'<tr><td style="{_CELL}">{escape(row.label)}</td>'
        f'<td style="{_CELL}text-align:right;">{escape(row.value)}</td></tr>'
        for row in figures.rows
    )
    head = f'<p style="{_PARAGRAPH}"><strong>{escape(figures.title)}</strong></p>'
    return f'{head}<table style="{_TABLE}"><tbody>{rows}</tbody></table>{_p(as_of(figures.as_of), _NOTE)}'


def as_of(moment: datetime) -> str:
    """When figures were taken, as people read it."""
    local = moment.astimezone(SHANGHAI)
    return f"数据截至 {local.year} 年 {local.month} 月 {local.day} 日 {local:%H:%M}"


def _p(text: str, style: str) -> str:
    return f'<p style="{style}">{_lines(text)}</p>'


def _lines(text: str) -> str:
    return "<br/>".join(escape(line) for line in text.split("\n"))
