"""Giving a workbook back with a column that says what is wrong in each row. Runs in the child process."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.spreadsheets.reading import lines_of, look
from app.spreadsheets.writing import Column, Workbook


def annotate(content: bytes, notes: Mapping[str, str], title: str) -> Iterator[Any]:
    """The same rows at the same numbers, with the notes by row number in a last column of this title."""
    if look(content) is not None:
        return
    rows = lines_of(content)
    first = next((line for _, line in rows if line is not None), None)
    if first is None:
        return
    titles = [cell for cell in first.cells if cell != title]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotated.xlsx"
        with Workbook(path, [Column(cell) for cell in titles] + [Column(title, width=60)]) as book:
            number = first.number
            for _, line in rows:
                if line is None:
                    continue
                book.add([()] * (line.number - number - 1))
                number = line.number
                cells = line.cells[: len(titles)]
                book.add([[*cells, *[""] * (len(titles) - len(cells)), notes.get(str(number), "")]])
        yield path.read_bytes()
