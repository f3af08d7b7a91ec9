"""Keyset pages. A cursor is opaque and signed: it can be neither forged nor used on another list."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.db.transaction import Record
from app.kernel.errors import FieldError, Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SIGNATURE_BYTES = 8
_PLACE_BYTES = 8 + 16
Position = tuple[datetime, UUID]


class Cursors:
    """Signs and reads cursors with a key of their own."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"cursor|" + key).digest()

    def after(self, listing: str, position: Position) -> str:
        at, row_id = position
        place = ((at - _EPOCH) // _MICROSECOND).to_bytes(8, "big", signed=True) + row_id.bytes
        return base64.urlsafe_b64encode(place + self._sign(listing, place)).decode().rstrip("=")

    def read(self, listing: str, cursor: str | None) -> Position | None:
        """The position to go on from. Raises Invalid for a cursor that is not ours, or of another list."""
        if cursor is None:
            return None
        try:
            signed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            signed = b""
        place, signature = signed[:_PLACE_BYTES], signed[_PLACE_BYTES:]
        if len(place) != _PLACE_BYTES or not hmac.compare_digest(signature, self._sign(listing, place)):
            raise Invalid(FieldError("/cursor", "cursor_invalid", "翻页位置无效，请从第一页重新查看。"))
        return _EPOCH + int.from_bytes(place[:8], "big", signed=True) * _MICROSECOND, UUID(bytes=place[8:])

    def _sign(self, listing: str, place: bytes) -> bytes:
        return hmac.new(self._key, listing.encode() + b"|" + place, hashlib.sha256).digest()[:_SIGNATURE_BYTES]

    def cut(self, listing: str, rows: Sequence[Record], limit: int, by: str) -> tuple[Sequence[Record], str | None]:
        """A page of `limit` out of `limit + 1` rows, and the cursor of the next page if there is one."""
        page = rows[:limit]
        more = len(rows) > limit
        return page, self.after(listing, (page[-1][by], page[-1]["id"])) if more else None
