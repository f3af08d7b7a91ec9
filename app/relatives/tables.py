"""Relatives that staff declared (申报亲属), and what was signed across a relation before it was declared."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, blind_index, instant, sealed

_LIVING = text("ended_at is null")
_TIERS = ("city", "district", "street", "unit")


class DeclaredRelative(Row, table=True):
    """A relation of a member of staff to somebody, by both their identity numbers: it holds for every account of
    either, and both ways."""

    __tablename__ = "declared_relative"
    __table_args__ = (
        CheckConstraint("relation in ('spouse','lineal','collateral','in_law','other')", name="relation"),
        CheckConstraint("number_index <> relative_index", name="another"),
        CheckConstraint("(ended_at is null) = (end_note is null)", name="ended"),
        Index("uq_declared_relative_living", "number_index", "relative_index", unique=True, postgresql_where=_LIVING),
        Index("ix_declared_relative_relative", "relative_index", postgresql_where=_LIVING),
        Index("ix_declared_relative_person", "person_id", "created_at", "id"),
    )

    person_id: UUID = Field(foreign_key="person.id")
    """Who declared it: whose relative it is."""
    number_index: bytes = blind_index(nullable=False)
    relative_index: bytes = blind_index(nullable=False)
    name: bytes = sealed(nullable=False)
    name_masked: str = Field(max_length=60)
    relation: str = Field(max_length=12)
    ended_at: datetime | None = instant(nullable=True)
    end_note: bytes | None = sealed()


class Crossing(Row, table=True):
    """A signature across a relation that was declared later; never changed. It carries the case's scope."""

    __tablename__ = "crossing"
    __table_args__ = (
        CheckConstraint("across in ('applicant','household','signer')", name="across"),
        Index("uq_crossing", "relative_id", "passage_id", unique=True),
        *(Index(f"ix_crossing_{tier}", f"{tier}_id", "created_at", "id") for tier in _TIERS),
    )

    relative_id: UUID = Field(foreign_key="declared_relative.id")
    application_id: UUID = Field(foreign_key="application.id")
    passage_id: UUID = Field(foreign_key="passage.id")
    across: str = Field(max_length=12)
    """Who the relative is: who applied, somebody of the household, or who signed the same round."""
    relation: str = Field(max_length=12)
    declared_at: datetime = instant()
    signer_masked: str | None = Field(default=None, max_length=60)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
