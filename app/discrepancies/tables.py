"""Discrepancies (不一致): what a visit or a department found to be otherwise than the household file says."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, instant, sealed, version_column

WAITING = "state in ('open','answered')"


class Discrepancy(Row, table=True):
    """One field of a file against what was found. Both values are sealed, and so is all that is said about them."""

    __tablename__ = "discrepancy"
    __table_args__ = (
        Index("uq_discrepancy_found", "household_id", "field", "source_id", unique=True),
        Index("ix_discrepancy_household", "household_id", "created_at", "id"),
        *(
            Index(
                f"ix_discrepancy_waiting_{tier}",
                f"{tier}_id",
                "created_at",
                "id",
                postgresql_where=text(WAITING),
            )
            for tier in ("city", "district", "street", "unit")
        ),
        CheckConstraint("source in ('visit','match')", name="source"),
        CheckConstraint("state in ('open','answered','resolved')", name="state"),
        CheckConstraint("outcome in ('file_right','found_right','explained')", name="outcome"),
        CheckConstraint("(answer is null) = (answered_at is null)", name="answered"),
        CheckConstraint("state <> 'answered' or answer is not null", name="answer"),
        CheckConstraint(
            "(state = 'resolved') = (outcome is not null) and (outcome is null) = (resolved_at is null)"
            " and (outcome is null) = (resolved_by is null)",
            name="resolved",
        ),
    )

    household_id: UUID = Field(foreign_key="household.id")
    person_id: UUID = Field(foreign_key="person.id")
    """Whose file it is: they may answer, and never decide."""
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    source: str = Field(max_length=10)
    source_id: UUID
    field: str = Field(max_length=200)
    """JSON pointer into the household form."""
    in_file: bytes | None = sealed()
    found: bytes | None = sealed()
    found_on: date
    said_by: str = Field(max_length=100)
    state: str = Field(max_length=10)
    due_on: date
    answer: bytes | None = sealed()
    answered_at: datetime | None = instant(nullable=True)
    outcome: str | None = Field(default=None, max_length=12)
    note: bytes | None = sealed()
    resolved_by: UUID | None = Field(default=None)
    resolved_at: datetime | None = instant(nullable=True)
    version: int = version_column()
