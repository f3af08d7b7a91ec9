"""Documents as answers: printed when they are asked for, and saved by the browser under a name."""

from typing import Any
from urllib.parse import quote

from fastapi import Response

from app.documents.printing import MEDIA_TYPES, Format

_BINARY = {"schema": {"type": "string", "format": "binary"}}
PDF: dict[int | str, dict[str, Any]] = {200: {"description": "文件", "content": {MEDIA_TYPES["pdf"]: _BINARY}}}
"""What a route answers that prints PDF, for the contract."""
PDF_WHEN_THERE: dict[int | str, dict[str, Any]] = PDF | {
    409: {
        "description": "当前不能办理",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
"""The same, of what has to be issued first."""
PDF_OR_XLSX: dict[int | str, dict[str, Any]] = {
    200: {"description": "文件", "content": dict.fromkeys(MEDIA_TYPES.values(), _BINARY)}
}


def attachment(content: bytes, format: Format, name: str, **headers: str) -> Response:
    """A document to be saved as `name` and the ending of its format."""
    saved_as = quote(f"{name}.{format}", safe="")
    shown = {"Content-Disposition": f"attachment; filename*=UTF-8''{saved_as}", **headers}
    return Response(content, headers=shown, media_type=MEDIA_TYPES[format])
