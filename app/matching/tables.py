"""Matching household files with the registers of departments (部门比对): who allowed it, what went out, what came back.

Batches, their people, answers and results are appended and never changed.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, blind_index, instant, sealed

DEPARTMENT = "department in ('civil_affairs','medical_insurance','education','human_resources')"


class MatchAuthorisation(Row, table=True):
    """An adult member's signed permission to be matched: the paper, or the consent given in the mini-program."""

    __tablename__ = "match_authorisation"
    __table_args__ = (
        CheckConstraint("num_nonnulls(file_id, consent_id) = 1", name="evidence"),
        CheckConstraint("(withdrawn_at is null) = (withdrawn_by is null)", name="withdrawn"),
        Index(
            "uq_match_authorisation_in_force",
            "household_id",
            "id_number_index",
            unique=True,
            postgresql_where=text("withdrawn_at is null"),
        ),
    )

    household_id: UUID = Field(foreign_key="household.id")
    id_number_index: bytes = blind_index(nullable=False)
    name_masked: str = Field(max_length=60)
    file_id: UUID | None = None
    """The signed paper, scanned."""
    consent_id: UUID | None = None
    signed_on: date
    recorded_by: UUID
    withdrawn_at: datetime | None = instant(nullable=True)
    withdrawn_by: UUID | None = None


class MatchBatch(Row, table=True):
    """One list for one department, with what allows it. The list is kept as it went out."""

    __tablename__ = "match_batch"
    __table_args__ = (
        CheckConstraint(DEPARTMENT, name="department"),
        CheckConstraint("mode in ('plain','hashed')", name="mode"),
        CheckConstraint("purpose in ('identification','annual_review','exit_check')", name="purpose"),
        CheckConstraint("(mode = 'hashed') = (key is not null)", name="key"),
        CheckConstraint("people > 0 and households > 0", name="people"),
        CheckConstraint("length(basis_code) > 0 and length(basis_text) > 0", name="basis"),
        *(Index(f"ix_match_batch_{tier}", f"{tier}_id", "created_at", "id") for tier in ("city", "district")),
    )

    number: str = Field(unique=True, max_length=40)
    department: str = Field(max_length=20)
    purpose: str = Field(max_length=20)
    basis_code: str = Field(max_length=100)
    basis_text: str = Field(max_length=2000)
    mode: str = Field(max_length=8)
    made_by: UUID
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    people: int
    households: int
    outgoing: bytes = sealed(nullable=False)
    outgoing_sha256: str = Field(max_length=64)
    key: bytes | None = sealed()
    """Of a hashed exchange: made for this batch alone."""


class MatchPerson(Row, table=True):
    """A person of a batch, with what allowed it."""

    __tablename__ = "match_person"
    __table_args__ = (
        CheckConstraint("num_nonnulls(consent_id, authorisation_id) = 1", name="allowed"),
        Index("uq_match_person_line", "batch_id", "line", unique=True),
        Index("ix_match_person_household", "household_id"),
    )

    batch_id: UUID = Field(foreign_key="match_batch.id")
    household_id: UUID = Field(foreign_key="household.id")
    line: int
    person: bytes = sealed(nullable=False)
    consent_id: UUID | None = None
    authorisation_id: UUID | None = None


class MatchReturn(Row, table=True):
    """A file that came back. The same file is taken once."""

    __tablename__ = "match_return"
    __table_args__ = (CheckConstraint("alert in ('no_digest_matches')", name="alert"),)

    batch_id: UUID = Field(foreign_key="match_batch.id", index=True)
    sha256: str = Field(unique=True, max_length=64)
    received_by: UUID
    rows: int
    matched: int
    unknown: int
    gone: int
    alert: str | None = Field(default=None, max_length=30)


class MatchResult(Row, table=True):
    """What a department says of one thing about one person, and how that stands to the file."""

    __tablename__ = "match_result"
    __table_args__ = (
        CheckConstraint(DEPARTMENT, name="department"),
        CheckConstraint("outcome in ('agree','disagree','no_record')", name="outcome"),
        CheckConstraint("(outcome = 'no_record') = (field is null)", name="field"),
        CheckConstraint("(outcome = 'disagree') = (discrepancy_id is not null)", name="asked"),
        Index("ix_match_result_household", "household_id", "created_at", "id"),
        Index("ix_match_result_batch", "batch_id", "created_at", "id"),
    )

    batch_id: UUID = Field(foreign_key="match_batch.id")
    batch_number: str = Field(max_length=40)
    return_id: UUID = Field(foreign_key="match_return.id")
    household_id: UUID = Field(foreign_key="household.id")
    match_person_id: UUID = Field(foreign_key="match_person.id")
    name_masked: str = Field(max_length=60)
    department: str = Field(max_length=20)
    basis_text: str = Field(max_length=2000)
    field: str | None = Field(default=None, max_length=40)
    pointer: str | None = Field(default=None, max_length=100)
    outcome: str = Field(max_length=10)
    found: bytes | None = sealed()
    in_file: bytes | None = sealed()
    found_on: date
    discrepancy_id: UUID | None = Field(default=None, foreign_key="discrepancy.id")
