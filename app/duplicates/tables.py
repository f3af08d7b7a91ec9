"""Suspicions that two household files are one (疑似重复), and the keyed hashes by which files are brought together."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Named, Row, blind_index, document, instant, sealed, version_column


class DuplicateKey(Named, table=True):
    """A keyed hash of something that two files may share (64 bits of it). It opens nothing; jobs alone read it."""

    __tablename__ = "duplicate_key"
    __table_args__ = (Index("ix_duplicate_key_key", "key", "household_id"),)

    household_id: UUID = Field(primary_key=True, foreign_key="household.id")
    key: int = Field(primary_key=True, sa_type=BigInteger)


class DuplicateFlag(Row, table=True):
    """A pair of files that look alike. Score and reasons are of the last look; the verdict is somebody's."""

    __tablename__ = "duplicate_flag"
    __table_args__ = (
        CheckConstraint("household_a_id < household_b_id", name="ordered"),
        CheckConstraint("state in ('open','same','different','cleared')", name="state"),
        CheckConstraint("score between 0 and 100", name="score"),
        CheckConstraint(
            "(state in ('same','different')) = (decided_by is not null)"
            " and (decided_by is null) = (decided_at is null)",
            name="decided",
        ),
        Index("uq_duplicate_flag_pair", "household_a_id", "household_b_id", unique=True),
        Index("ix_duplicate_flag_b", "household_b_id"),
        *(
            Index(f"ix_duplicate_flag_{side}_{tier}", f"{side}_{tier}_id", "state", "created_at", "id")
            for side in ("a", "b")
            for tier in ("city", "district", "street", "unit")
        ),
        Index("ix_duplicate_flag_unseen", "seen_at", postgresql_where=text("state = 'open'")),
    )

    household_a_id: UUID = Field(foreign_key="household.id")
    household_b_id: UUID = Field(foreign_key="household.id")
    person_a_id: UUID
    person_b_id: UUID
    organisation_a_id: UUID = Field(foreign_key="organisation.id")
    """The union that owns the file: all that is told of it beyond one's reach."""
    organisation_b_id: UUID = Field(foreign_key="organisation.id")
    a_city_id: UUID
    """Where the files stood at the last look: what a queue is found by. The second wall asks the files themselves."""
    a_district_id: UUID | None = None
    a_street_id: UUID | None = None
    a_unit_id: UUID | None = None
    b_city_id: UUID
    b_district_id: UUID | None = None
    b_street_id: UUID | None = None
    b_unit_id: UUID | None = None
    score: int
    reasons: list[dict[str, Any]] = document()
    """Codes, points, and where in the two forms; never what stands there."""
    weights: str = Field(max_length=60)
    """The version of the weights that the score is of."""
    features_index: bytes = blind_index(nullable=False)
    """A keyed hash of what both files say: a verdict holds as long as it stays the same."""
    state: str = Field(max_length=10)
    seen_at: datetime = instant()
    decided_by: UUID | None = None
    decided_at: datetime | None = instant(nullable=True)
    note: bytes | None = sealed()
    version: int = version_column()
