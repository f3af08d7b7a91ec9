"""Looking at an xlsx file before any reader may: a workbook of 1.4 KB can abort the process that opens it.

Everything is looked at in its compressed form or piece by piece, so that the look itself costs next to nothing.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

MIB: Final = 1024 * 1024
MAX_BYTES: Final = 20 * MIB
MAX_ENTRIES: Final = 200
MAX_UNZIPPED_BYTES: Final = 320 * MIB
"""50,000 rows of seventy columns, each of them filled in, are about 240 MiB of XML; what reads them has a limit of its
own."""
MAX_RATIO: Final = 200
RATIO_FROM_BYTES: Final = MIB
"""Small parts may be as regular as they like."""
MAX_ROWS: Final = 51_000
MAX_COLUMNS: Final = 100
MAX_CELLS: Final = MAX_ROWS * MAX_COLUMNS

MESSAGES: Final[Mapping[str, str]] = {
    "spreadsheet_too_large": "表格文件太大，请分成几个文件。",
    "spreadsheet_not_xlsx": "请上传 xlsx 格式的表格（Excel 2007 以后的格式）。",
    "spreadsheet_encrypted": "表格加了密码，请取消密码后再上传。",
    "spreadsheet_damaged": "表格文件已损坏，请重新保存后再上传。",
    "spreadsheet_suspicious": "表格文件的结构异常，不能读取；请把内容复制到模板中再上传。",
    "spreadsheet_macros": "表格中有宏或嵌入的对象，请用模板填写后再上传。",
    "spreadsheet_external_links": "表格引用了其他文件，请把公式粘贴为数值后再上传。",
    "spreadsheet_too_wide": "表格的行数或列数太多（最多 50,000 行、100 列），请检查远处是否有多余内容。",
    "spreadsheet_unreadable": "表格读取失败，请另存为 xlsx 后再上传。",
    "spreadsheet_empty": "表格中没有内容。",
    "text_undecodable": "文件不是 GBK 或 UTF-8 编码的文本，也不是 xlsx 表格，请重新从银行下载。",
}
"""Every code of this package, with what the person reads."""

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PIECE: Final = 256 * 1024
_OVERLAP: Final = 64
_MACROS = re.compile(r"vbaproject|/embeddings/|/activex/|/ctrlprops/|oleobject|macrosheets|dialogsheets", re.IGNORECASE)
_EXTERNAL = re.compile(r"/externallinks/", re.IGNORECASE)
_SHEET = re.compile(r"\Axl/worksheets/[^/]+\.xml\Z", re.IGNORECASE)
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
# Columns beyond CV (100) and rows from 51,000 on, in the references of cells and rows.
_FAR_AWAY = re.compile(
    rb"""\sr\s*=\s*["'](?:[A-Za-z]{3}|[D-Zd-z][A-Za-z]|[Cc][W-Zw-z]|[A-Za-z]{0,2}(?:[0-9]{6}|[6-9][0-9]{4}|5[1-9][0-9]{3}))"""
)
_CELL = re.compile(rb"<(?:[a-z0-9]+:)?c[\s/>]")


class Refused(Exception):
    """The file is not read; `code` is a key of MESSAGES."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check(content: bytes) -> None:
    """Raises Refused for everything that must not be given to a reader."""
    if len(content) > MAX_BYTES:
        raise Refused("spreadsheet_too_large")
    if content.startswith(_OLE):
        raise Refused("spreadsheet_encrypted")  # a password makes an OLE container of it; an old .xls is one, too
    if not content.startswith(b"PK\x03\x04"):
        raise Refused("spreadsheet_not_xlsx")
    try:
        entries = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError):
        raise Refused("spreadsheet_damaged") from None
    _check_directory(entries)
    cells = 0
    for entry in entries:
        cells += _check_entry(content, entry)
        if cells > MAX_CELLS:
            raise Refused("spreadsheet_too_wide")


def _check_directory(entries: list[zipfile.ZipInfo]) -> None:
    names = {entry.filename for entry in entries}
    if len(entries) > MAX_ENTRIES or len(names) != len(entries):
        raise Refused("spreadsheet_suspicious")
    if sum(entry.file_size for entry in entries) > MAX_UNZIPPED_BYTES:
        raise Refused("spreadsheet_too_large")
    for entry in entries:
        _check_name(entry.orig_filename)
        if entry.flag_bits & 1:
            raise Refused("spreadsheet_encrypted")
        small = entry.file_size <= RATIO_FROM_BYTES
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or not (
            small or entry.file_size <= MAX_RATIO * max(entry.compress_size, 1)
        ):
            raise Refused("spreadsheet_suspicious")
    if not {"[Content_Types].xml", "xl/workbook.xml"} <= names:
        raise Refused("spreadsheet_not_xlsx")


def _check_name(name: str) -> None:
    if "\\" in name or "\0" in name or name.startswith("/") or ".." in name.split("/"):
        raise Refused("spreadsheet_suspicious")
    if _MACROS.search(name):
        raise Refused("spreadsheet_macros")
    if _EXTERNAL.search(name):
        raise Refused("spreadsheet_external_links")


def _check_entry(content: bytes, entry: zipfile.ZipInfo) -> int:
    """Looks through one part; how many cells it has."""
    xml = entry.filename.lower().endswith((".xml", ".rels", ".vml"))
    sheet = bool(_SHEET.match(entry.filename))
    cells, tail, first = 0, b"", True
    for piece in _inflated(content, entry):
        if not xml:
            continue
        if first and b"\0" in piece[:64]:
            raise Refused("spreadsheet_suspicious")  # UTF-16 would hide from this look what a reader would see
        first, seen = False, tail + piece
        if _DECLARATION.search(seen):
            raise Refused("spreadsheet_suspicious")
        if sheet:
            if _FAR_AWAY.search(seen):
                raise Refused("spreadsheet_too_wide")
            cells += len(_CELL.findall(piece))
        tail = piece[-_OVERLAP:]
    return cells


def _inflated(content: bytes, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """A part piece by piece, exactly as long as the directory says, whatever a reader would make of it."""
    packed = _packed(content, entry)
    if entry.compress_type == zipfile.ZIP_STORED:
        if len(packed) != entry.file_size:
            raise Refused("spreadsheet_suspicious")
        yield from (bytes(packed[at : at + _PIECE]) for at in range(0, len(packed), _PIECE))
        return
    inflating, waiting, length = zlib.decompressobj(-zlib.MAX_WBITS), bytes(packed), 0
    try:
        while not inflating.eof:
            piece = inflating.decompress(waiting, _PIECE)
            waiting = inflating.unconsumed_tail
            length += len(piece)
            if length > entry.file_size or (not piece and not waiting and not inflating.eof):
                raise Refused("spreadsheet_suspicious")
            yield piece
    except zlib.error:
        raise Refused("spreadsheet_damaged") from None
    if length != entry.file_size:
        raise Refused("spreadsheet_suspicious")


def _packed(content: bytes, entry: zipfile.ZipInfo) -> memoryview:
    """The bytes of a part; its own head must say the same as the directory."""
    at = entry.header_offset
    head = content[at : at + 30]
    if len(head) < 30 or head[:4] != b"PK\x03\x04" or int.from_bytes(head[8:10], "little") != entry.compress_type:
        raise Refused("spreadsheet_suspicious")
    name_length, extra_length = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
    begin = at + 30 + name_length + extra_length
    named = content[at + 30 : at + 30 + name_length]
    if named not in (entry.orig_filename.encode("utf-8"), entry.orig_filename.encode("cp437", "replace")):
        raise Refused("spreadsheet_suspicious")
    packed = memoryview(content)[begin : begin + entry.compress_size]
    if len(packed) != entry.compress_size:
        raise Refused("spreadsheet_damaged")
    return packed
