"""What everyone is told, day by day: aggregates without a small cell, as one document."""

from datetime import date
from typing import Any

from sqlmodel import Field

from app.db.base import Row, document


class PublicFigures(Row, table=True):
    """The figures of one day, as they were told. Never changed: those of the next day are judged by them."""

    __tablename__ = "public_figures"

    day: date = Field(unique=True)
    content: dict[str, Any] = document()
    """`cells`: by key `[number, amount_fen]`, or null where there are too few; `names`: of the unions in the keys."""
