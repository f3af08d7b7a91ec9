"""Reads back what was printed: the glyphs and the text of a PDF's pages, and the pages as pictures."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pikepdf
import zxingcpp
from PIL import Image, ImageDraw

_PAIRS = re.compile(rb"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>")
_BLOCKS = re.compile(rb"begin(bfchar|bfrange)(.*?)end", re.DOTALL)
_RANGES = re.compile(rb"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>")
INVISIBLE = "\u200b"


def pages(pdf: bytes) -> list[str]:
    """The text of each page, in the order in which it was drawn; what is drawn in one go is a line."""
    return ["\n".join(line for line, _ in _lines(page)) for page in pikepdf.open(io.BytesIO(pdf)).pages]


def glyphs(pdf: bytes) -> set[int]:
    """The number of every glyph that is drawn; 0 is the box that stands for a character which the font lacks."""
    return {code for page in pikepdf.open(io.BytesIO(pdf)).pages for _, codes in _lines(page) for code in codes}


def fonts(pdf: bytes) -> set[str]:
    """The fonts in a PDF, without the tags of their subsets."""
    opened = pikepdf.open(io.BytesIO(pdf))
    return {
        str(font.BaseFont).lstrip("/").rpartition("+")[2]
        for page in opened.pages
        for font in page.resources.get("/Font", {}).values()
    }


def codes(picture: Image.Image) -> list[str]:
    """What the codes (QR and others) in a picture say, as any telephone would read them."""
    return [found.text for found in zxingcpp.read_barcodes(picture)]


def strokes(pdf: bytes, scale: float = 4.0) -> Image.Image:
    """The first page of a PDF with the straight lines that are drawn on it: its code is made of them."""
    opened = pikepdf.open(io.BytesIO(pdf))
    page = opened.pages[0]
    width, height = (float(side) * scale for side in page.mediabox[2:])
    picture = Image.new("L", (int(width), int(height)), 255)
    draw, now, thick = ImageDraw.Draw(picture), pikepdf.Matrix().scaled(scale, scale), 1.0
    kept, path = list[tuple[pikepdf.Matrix, float]](), list[tuple[float, float]]()
    for operands, operator in pikepdf.parse_content_stream(page):
        match str(operator):
            case "q":
                kept.append((now, thick))
            case "Q":
                now, thick = kept.pop()
            case "cm":
                now = pikepdf.Matrix(*map(float, operands)) @ now
            case "w":
                thick = float(operands[0])
            case "m" | "l":
                path.append(now.transform((float(operands[0]), float(operands[1]))))
            case "S" | "B":
                half = thick * abs(now.a) / 2
                for (x, y), (to_x, to_y) in zip(path[::2], path[1::2], strict=False):
                    above, below = height - max(y, to_y) - half, height - min(y, to_y) + half
                    draw.rectangle((min(x, to_x), above, max(x, to_x), below), fill=0)
                path = []
            case "f" | "n":
                path = []
    return picture


def _lines(page: pikepdf.Page) -> Iterator[tuple[str, list[int]]]:
    told: dict[str, dict[int, str]] = {
        name: _to_unicode(font.ToUnicode.read_bytes()) for name, font in page.resources.get("/Font", {}).items()
    }
    font: dict[int, str] = {}
    text, drawn = "", list[int]()
    for operands, operator in pikepdf.parse_content_stream(page):
        match str(operator):
            case "BT":
                text, drawn = "", []
            case "Tf":
                font = told[str(operands[0])]
            case "Tj" | "TJ":
                codes = [code for part in _strings(operands[0]) for code in _codes(part)]
                text, drawn = text + "".join(font.get(code, "\ufffd") for code in codes), drawn + codes
            case "ET":
                yield text.replace(INVISIBLE, ""), drawn


def _strings(operand: Any) -> Iterator[bytes]:
    for each in operand if isinstance(operand, pikepdf.Array) else [operand]:
        if isinstance(each, pikepdf.String):
            yield bytes(each)


def _codes(drawn: bytes) -> list[int]:
    return [int.from_bytes(drawn[n : n + 2], "big") for n in range(0, len(drawn), 2)]


def _to_unicode(cmap: bytes) -> dict[int, str]:
    found = {}
    for kind, block in _BLOCKS.findall(cmap):
        if kind == b"bfchar":
            found |= {int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be") for code, text in
                      _PAIRS.findall(block)}  # fmt: skip
        for first, last, text in _RANGES.findall(block) if kind == b"bfrange" else ():
            begins = bytes.fromhex(text.decode()).decode("utf-16-be")
            for n in range(int(last, 16) - int(first, 16) + 1):
                found[int(first, 16) + n] = begins[:-1] + chr(ord(begins[-1]) + n)
    return found
