"""Covers (参保): who is enrolled in secondary medical insurance, and for which days."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from app.db.base import Row, blind_index


class Cover(Row, table=True):
    """One person's cover for one term, found by their identity number."""

    __tablename__ = "cover"
    __table_args__ = (
        CheckConstraint("ends_on > starts_on", name="term"),
        UniqueConstraint("id_number_index", "starts_on"),
        Index("ix_cover_holder", "id_number_index", "ends_on"),
    )

    id_number_index: bytes = blind_index(nullable=False)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    starts_on: date
    ends_on: date
    is_renewal: bool
    enrolled_by: UUID
