"""How the two processes speak: frames of JSON or bytes, each with its length. Never pickle: whoever takes over the
child with a clever file must not be able to run anything in the parent."""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

import orjson

JSON, BYTES, END, RAISED = b"J", b"B", b"E", b"X"
HEAD_BYTES: Final = 5
LONGEST: Final = 64 * 1024 * 1024
"""No frame is longer (bytes)."""


def framed(value: Any) -> Iterator[bytes]:
    """The head and the content of a frame."""
    kind, content = (BYTES, value) if isinstance(value, bytes) else (JSON, orjson.dumps(value))
    yield kind + len(content).to_bytes(4, "big")
    yield content


def ending(kind: bytes, said: str = "") -> bytes:
    content = said.encode()
    return kind + len(content).to_bytes(4, "big") + content


def head(data: bytes) -> tuple[bytes, int]:
    """Kind and length. Raises ValueError for what is none of ours."""
    kind, length = data[:1], int.from_bytes(data[1:], "big")
    if kind not in (JSON, BYTES, END, RAISED) or length > LONGEST:
        raise ValueError("no frame")
    return kind, length


def value_of(kind: bytes, content: bytes) -> Any:
    """Raises ValueError (of orjson) for JSON that is none."""
    return content if kind == BYTES else orjson.loads(content)


def read_all(source: BinaryIO) -> Iterator[Any]:
    """Every value up to the end, in the child: what the parent sent is trusted."""
    while data := source.read(HEAD_BYTES):
        kind, length = head(data)
        if kind == END:
            return
        yield value_of(kind, source.read(length))


def written(values: Iterable[Any]) -> Iterator[bytes]:
    for value in values:
        yield from framed(value)
    yield ending(END)
