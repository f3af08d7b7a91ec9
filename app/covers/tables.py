"""Covers (参保): who is enrolled in secondary medical insurance, and for which days."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, String, column, func, literal_column, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlmodel import Field

from app.db.base import Row, blind_index


class Cover(Row, table=True):
    """One person's cover for one term, found by their identity number. Terms of one scheme never overlap."""

    __tablename__ = "cover"
    __table_args__ = (
        CheckConstraint("ends_on > starts_on", name="term"),
        ExcludeConstraint(
            (column("id_number_index"), "="),
            (column("area"), "="),
            (func.daterange(column("starts_on"), column("ends_on"), literal_column("'[]'")), "&&"),
            name="ex_cover_overlap",
            using="gist",
        ),
        Index("ix_cover_holder", "id_number_index", "ends_on"),
    )

    id_number_index: bytes = blind_index(nullable=False)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    area: str = Field(sa_column=Column(String(6), nullable=False, server_default=text("'440500'")))
    """Whose scheme it is: the division code of the prefecture."""
    starts_on: date
    ends_on: date
    is_renewal: bool | None
    """As it was stated when the person was enrolled; null: not stated, it follows from the person's earlier covers."""
    enrolled_by: UUID
