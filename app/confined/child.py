"""What runs in the child process (`python -I -m app.confined.child`): limits first, then the function, then the end.

Its environment holds no secret, it opens no network connection, and may not write a file unless it is told where.
"""

import importlib
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from app.confined import frames


def main() -> None:
    """Read the order from standard input, answer on what was standard output."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints must not come between the frames
    try:
        received = frames.read_all(sys.stdin.buffer)
        order = next(received)
        _confine(order)
        function = _function(order["function"])
        for value in _values(function(*received)):
            for part in frames.framed(value):
                out.write(part)
            out.flush()
        out.write(frames.ending(frames.END))
    except MemoryError:
        out.write(frames.ending(frames.RAISED, "MemoryError"))
    except Exception as failed:
        # Only the name: the message of a parser repeats what is in the file.
        out.write(frames.ending(frames.RAISED, type(failed).__name__))
    out.flush()
    os._exit(0)


def _confine(order: dict[str, Any]) -> None:
    seconds = order["cpu_seconds"]
    for what, soft, hard in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_FSIZE, order["file_bytes"], order["file_bytes"]),
        (resource.RLIMIT_NOFILE, 64, 64),
        (resource.RLIMIT_AS, order["memory_bytes"], order["memory_bytes"]),
    ):
        resource.setrlimit(what, (soft, hard))
    if order["folder"]:
        tempfile.tempdir = order["folder"]


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def _values(answer: Any) -> Iterator[Any]:
    """What a generator yields, or the one value of another function."""
    if isinstance(answer, Iterator):
        yield from answer
    else:
        yield answer


if __name__ == "__main__":
    main()
