"""Workbooks that nobody should open."""

import io
import struct
import zipfile
from collections.abc import Mapping

TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{target}"/>'
    "</Relationships>"
)
WORKBOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
ROW = '<row r="{0}"><c r="{1}{0}" t="inlineStr"><is><t>a</t></is></c></row>'
HARMLESS = ROW.format(1, "A")


def workbook(rows: str = HARMLESS, extra: Mapping[str, str | bytes] | None = None, sheet: str | bytes = "") -> bytes:
    """A workbook of one sheet, with more parts if asked."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": RELATIONS.format(kind="officeDocument", target="xl/workbook.xml"),
        "xl/workbook.xml": WORKBOOK,
        "xl/_rels/workbook.xml.rels": RELATIONS.format(kind="worksheet", target="worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": sheet or SHEET.format(rows),
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in (parts | dict(extra or {})).items():
            zipped.writestr(name, content)
    return written.getvalue()


def sparse() -> bytes:
    """Two cells in opposite corners: 1.4 KB that abort a reader."""
    return workbook(HARMLESS + ROW.format(1_048_576, "XFD"))


def entities() -> bytes:
    declared = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    return workbook(sheet=f'<!DOCTYPE x [<!ENTITY e0 "lol">{declared}]>' + SHEET.format("&e9;"))


def zip_bomb() -> bytes:
    """300 MB of nothing."""
    return workbook(sheet=SHEET.format(" " * 150_000_000))


def lying() -> bytes:
    """A directory that says a sheet is shorter than it is."""
    content = bytearray(workbook(HARMLESS * 1_000))
    directory = bytes(content)
    at = directory.index(b"PK\x01\x02")
    while directory[at + 46 : at + 46 + struct.unpack_from("<H", directory, at + 28)[0]] != b"xl/worksheets/sheet1.xml":
        at = directory.index(b"PK\x01\x02", at + 4)
    struct.pack_into("<I", content, at + 24, 64)
    return bytes(content)


def locked() -> bytes:
    content = bytearray(workbook())
    at = content.index(b"PK\x01\x02")
    struct.pack_into("<H", content, at + 8, 1)
    return bytes(content)


BOMBS: dict[str, tuple[bytes, str]] = {
    "sparse": (sparse(), "spreadsheet_too_wide"),
    "sparse by rows": (workbook(HARMLESS + ROW.format(60_000, "B")), "spreadsheet_too_wide"),
    "sparse by columns": (workbook(HARMLESS + ROW.format(2, "CW")), "spreadsheet_too_wide"),
    "sparse, in single quotes": (
        workbook(HARMLESS + "<row r='9'><c r='XFD9' t='n'><v>1</v></c></row>"), "spreadsheet_too_wide",
    ),
    "sparse, on the seam of two pieces": (
        workbook(" " * (256 * 1024 - 225) + HARMLESS + ROW.format(1_048_576, "XFD")), "spreadsheet_too_wide",
    ),
    "entities": (entities(), "spreadsheet_suspicious"),
    "entities in utf-16": (
        workbook(sheet=entities()[:0] + '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode("utf-16")),
        "spreadsheet_suspicious",
    ),
    "entities in shared strings": (
        workbook(extra={"xl/sharedStrings.xml": '<!DOCTYPE x [<!ENTITY a "b">]><sst>&a;</sst>'}),
        "spreadsheet_suspicious",
    ),
    "zip bomb": (zip_bomb(), "spreadsheet_suspicious"),
    "a directory that lies": (lying(), "spreadsheet_suspicious"),
    "too many parts": (workbook(extra={f"xl/x{n}.xml": "<x/>" for n in range(300)}), "spreadsheet_suspicious"),
    "a part that climbs": (workbook(extra={"../../etc/cron.d/x": "x"}), "spreadsheet_suspicious"),
    "macros": (workbook(extra={"xl/vbaProject.bin": b"x"}), "spreadsheet_macros"),
    "an embedded object": (workbook(extra={"xl/embeddings/oleObject1.bin": b"x"}), "spreadsheet_macros"),
    "an external link": (
        workbook(extra={"xl/externalLinks/externalLink1.xml": "<x/>"}), "spreadsheet_external_links",
    ),
    "a password": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_000), "spreadsheet_encrypted"),
    "a password of the zip": (locked(), "spreadsheet_encrypted"),
    "a cut file": (workbook()[:-200], "spreadsheet_damaged"),
    "no file": (b"", "spreadsheet_not_xlsx"),
    "a text": ("姓名,证件号码\n".encode(), "spreadsheet_not_xlsx"),
    "another zip": (b"PK\x03\x04" + bytes(100), "spreadsheet_damaged"),
}  # fmt: skip
