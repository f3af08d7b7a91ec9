"""Writing down what everyone is told of a day."""

from collections.abc import Mapping

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from app.db.base import table_of
from app.db.statements import statement
from app.db.work import Work
from app.figures.queries import cells_of, newest
from app.figures.rules import Cell, Key, told
from app.figures.tables import PublicFigures
from app.kernel.ids import new_id

_F = table_of(PublicFigures)
_KEEP = statement(
    insert(_F)
    .values({name: bindparam(name, type_=_F.c[name].type) for name in ("id", "created_at", "day", "content")})
    .on_conflict_do_nothing()
)


async def tell(work: Work, cells: Mapping[Key, Cell], names: Mapping[str, str]) -> bool:
    """The figures of today, judged by what was told last. False when they are there already."""
    before = await newest(work.transaction)
    shown = told(cells_of(before["content"]) if before else {}, cells)
    content = {
        "cells": {key: None if cell is None else list(cell) for key, cell in shown.items()},
        "names": dict(sorted(names.items())),
    }
    kept = await work.transaction.run(_KEEP, id=new_id(), created_at=work.now, day=work.today, content=content)
    return kept == 1
