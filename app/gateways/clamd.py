"""Asking a virus scanner (clamd) what it thinks of a content: its INSTREAM command, over TCP."""

import asyncio
from typing import Final

SECONDS: Final = 60.0
_PIECE: Final = 64 * 1024
_LONGEST_ANSWER: Final = 4_096


class ScannerAway(Exception):
    """The scanner did not say clean or infected: it is away, overloaded, or refused the length."""


async def is_clean(address: str, content: bytes) -> bool:
    """Whether the scanner at "host:port" finds nothing. Raises ScannerAway; never a guess."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(SECONDS):
            answer = await _asked(host, int(port), content)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as away:
        raise ScannerAway from away
    if answer == b"stream: OK":
        return True
    if answer.startswith(b"stream: ") and answer.endswith(b" FOUND"):
        return False
    raise ScannerAway


async def _asked(host: str, port: int, content: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port, limit=_LONGEST_ANSWER)
    try:
        writer.write(b"zINSTREAM\0")
        for at in range(0, len(content), _PIECE):
            piece = content[at : at + _PIECE]
            writer.write(len(piece).to_bytes(4, "big") + piece)
            await writer.drain()
        writer.write(bytes(4))
        return (await reader.readuntil(b"\0")).rstrip(b"\0").strip()
    finally:
        writer.close()
