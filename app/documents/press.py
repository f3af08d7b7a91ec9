"""The press: a process of its own that draws forms, one after the other, until its input ends.

The font and typst's memory (tens of MB, hundreds for a list of thousands) stay out of the API's process. Jobs come
and answers go as frames: JSON, and an answer's mark with its bytes.
"""

import re
import resource
import sys
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import typst

from app.documents.fonts import font_file
from app.documents.frames import DONE, FAILED, LENGTH_BYTES, framed, length_of
from app.documents.sheet import workbook_of

MEMORY_BYTES = 2 * 1024**3
LIST_CHARACTERS = 60_000
_RUN = re.compile("[0-9A-Za-z*]{4}|[·*]")
_BREAK_AFTER = "\\g<0>\u200b"


@cache
def _fonts() -> typst.Fonts:
    # No other font may step in: what the font lacks has to be seen in a test, not on paper.
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(font_file().parent)])


@cache
def _compiler(form: str) -> typst.Compiler:
    root = str(Path(form).parent)
    nowhere = str(Path(root) / "no-packages")
    return typst.Compiler(form, root=root, font_paths=_fonts(), package_path=nowhere, package_cache_path=nowhere)


def breakable(said: Any) -> Any:
    """The same data, with long runs of digits, letters and stars (numbers, masked names) free to go on below."""
    if isinstance(said, str):
        return said if said.startswith("<svg") else _RUN.sub(_BREAK_AFTER, said)
    if isinstance(said, dict):
        return {key: breakable(value) for key, value in said.items()}
    return [breakable(each) for each in said] if isinstance(said, list) else said


def draw(job: dict[str, Any]) -> bytes | list[bytes]:
    """The document of a job: `as` (pdf, png, xlsx), `form` (the .typ file), `data`, `made_at` (RFC 3339).

    The form reads files of its own folder only. Raises typst.TypstError.
    """
    made_at = datetime.fromisoformat(job["made_at"])
    if job["as"] == "xlsx":
        return workbook_of(job["data"], made_at)
    inputs = {"data": orjson.dumps(breakable(job["data"])).decode()}
    drawn = _compiler(job["form"]).compile(
        format=job["as"],
        sys_inputs=inputs,
        timestamp=int(made_at.timestamp()),
        ppi=job.get("ppi", 110.0),
        # Tags are for those who are read to; a list of hundreds would be ten times as large with them.
        pdf_tags=len(inputs["data"]) < LIST_CHARACTERS,
    )
    assert drawn is not None
    return drawn


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Answer jobs until there are no more."""
    while head := jobs.read(LENGTH_BYTES):
        try:
            drawn = draw(orjson.loads(jobs.read(length_of(head))))
            answer = DONE + (b"".join(drawn) if isinstance(drawn, list) else drawn)
        except Exception as failed:
            # Its kind only: what typst has to say may quote what somebody typed.
            answer = FAILED + type(failed).__name__.encode()
        answers.write(framed(answer))
        answers.flush()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
