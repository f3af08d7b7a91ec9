"""Where a page of a list goes on: after the row that the page before it ended with."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Tuple, bindparam, tuple_


def place(at: ColumnElement[Any], row_id: ColumnElement[Any]) -> Tuple:
    """What the columns that order a list are compared with."""
    return tuple_(bindparam("at", type_=at.type), bindparam("after_id", type_=row_id.type))


def values(after: tuple[datetime, UUID] | None) -> dict[str, Any]:
    """The values of that place; none for the first page, whose statement does not ask."""
    return {"at": after[0], "after_id": after[1]} if after else {}
