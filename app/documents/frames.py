"""How the API's process and the press speak: a length in four bytes, then so many bytes."""

from typing import Final

LENGTH_BYTES: Final = 4
DONE: Final = b"+"
FAILED: Final = b"-"
"""What an answer begins with: the document follows, or the kind of error."""


def framed(content: bytes) -> bytes:
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


def length_of(head: bytes) -> int:
    return int.from_bytes(head, "big")
