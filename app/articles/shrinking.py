"""A picture as the official account takes it (1 MB at most), made in a child process."""

import io
from collections.abc import Iterator
from typing import Any, Final

MOST_BYTES: Final = 1_000_000
_WIDTHS: Final = (1080, 900, 720, 540)
_QUALITIES: Final = (88, 75, 60)


def shrunk(content: bytes) -> Iterator[Any]:
    """A smaller JPEG of it: nothing where none is small enough."""
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=["JPEG", "PNG"]) as picture:
        flat = Image.new("RGB", picture.size, "white")
        whole = picture.convert("RGBA")
        flat.paste(whole, mask=whole.getchannel("A"))
    for width in _WIDTHS:
        smaller = flat.copy()
        smaller.thumbnail((width, 4 * width))
        for quality in _QUALITIES:
            written = io.BytesIO()
            smaller.save(written, "JPEG", quality=quality)
            if len(written.getvalue()) <= MOST_BYTES:
                yield written.getvalue()
                return
