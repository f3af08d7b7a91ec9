"""Home visits (入户走访): who goes, what was answered and seen, and what the worker says of it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, SmallInteger, Uuid, text
from sqlmodel import Field

from app.db.base import Row, document, instant, sealed, version_column

OPEN = "state in ('planned','started','ended')"


class Visit(Row, table=True):
    """One visit. `content` holds every field that visitors fill in, `changed` when and by which device each was."""

    __tablename__ = "visit"
    __table_args__ = (
        Index(
            "uq_visit_under_way",
            "household_id",
            "purpose",
            unique=True,
            postgresql_where=text("state in ('planned','started')"),
        ),
        Index("ix_visit_household", "household_id", "created_at", "id"),
        Index("ix_visit_own", "person_id", "created_at", "id"),
        *(
            Index(f"ix_visit_open_{tier}", f"{tier}_id", "created_at", "id", postgresql_where=text(OPEN))
            for tier in ("city", "district", "street", "unit")
        ),
        CheckConstraint("purpose in ('admission','annual','watch','spot')", name="purpose"),
        CheckConstraint("state in ('planned','started','ended','confirmed','cancelled')", name="state"),
        CheckConstraint("cardinality(visitor_ids) between 1 and 5", name="visitors"),
        CheckConstraint("position is null or position_agreed", name="position"),
        CheckConstraint("state not in ('started','ended','confirmed') or started_at is not null", name="started"),
        CheckConstraint("state not in ('ended','confirmed') or ended_at is not null", name="ended"),
        CheckConstraint("(state = 'confirmed') = (confirmed_at is not null)", name="confirmed"),
        CheckConstraint("state <> 'confirmed' or cardinality(signed_by) >= signatures_needed", name="signed"),
        CheckConstraint("(state = 'cancelled') = (cancelled_because is not null)", name="cancelled"),
        CheckConstraint("(objection is null) = (objected_at is null)", name="objection"),
    )

    household_id: UUID = Field(foreign_key="household.id")
    person_id: UUID = Field(foreign_key="person.id")
    """Whose household it is: they confirm, and never visit."""
    round: int
    """The round of the file when the visit was planned."""
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    purpose: str = Field(max_length=12)
    state: str = Field(max_length=12)
    planned_on: date
    planned_by: UUID
    organisation_name: str = Field(max_length=100)
    """The union that sends the visitors."""
    visitor_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid()), nullable=False))
    visitors: list[dict[str, Any]] = document()
    """Each visitor as others are told of them: masked name, role, union."""
    policy_version: str = Field(max_length=60)
    """The questionnaire of this visit from first to last."""
    head_masked: str = Field(max_length=60)
    address: bytes = sealed(nullable=False)
    content: bytes | None = sealed()
    changed: dict[str, Any] = document()
    photos: list[dict[str, Any]] = document()
    """File ids with the SHA-256 of what the visitor photographed."""
    position: bytes | None = sealed()
    position_agreed: bool = Field(default=False)
    started_at: datetime | None = instant(nullable=True)
    ended_at: datetime | None = instant(nullable=True)
    ended_by: UUID | None = Field(default=None)
    signatures_needed: int = Field(default=1, sa_column=Column(SmallInteger, nullable=False, server_default=text("1")))
    """How many visitors have to sign what was written down, as the policy of the visit asks."""
    signed_by: list[UUID] = Field(
        default_factory=list, sa_column=Column(ARRAY(Uuid()), nullable=False, server_default=text("'{}'"))
    )
    """Who has signed; whoever ended the visit did so with it."""
    confirmed_at: datetime | None = instant(nullable=True)
    objection: bytes | None = sealed()
    objected_at: datetime | None = instant(nullable=True)
    cancelled_because: bytes | None = sealed()
    version: int = version_column()


class VisitVisitor(Row, table=True):
    """That somebody was sent on a visit: the way to find the visits assigned to oneself."""

    __tablename__ = "visit_visitor"
    __table_args__ = (
        Index("uq_visit_visitor", "visit_id", "person_id", unique=True),
        Index("ix_visit_visitor_mine", "person_id", "created_at", "id"),
    )

    visit_id: UUID = Field(foreign_key="visit.id")
    person_id: UUID = Field(foreign_key="person.id")


class VisitOperation(Row, table=True):
    """One edit that a device made, online or not; it is taken once, however often it is sent."""

    __tablename__ = "visit_operation"
    __table_args__ = (
        Index("uq_visit_operation", "visit_id", "operation_id", unique=True),
        Index(
            "ix_visit_operation_conflict",
            "visit_id",
            "field",
            "device_id",
            postgresql_where=text("status = 'conflict'"),
        ),
        CheckConstraint(
            "status in ('applied','conflict','superseded','chosen','discarded')",
            name="status",
        ),
    )

    visit_id: UUID = Field(foreign_key="visit.id")
    operation_id: UUID
    """Given by the device."""
    device_id: UUID
    """The session of the device."""
    person_id: UUID
    field: str = Field(max_length=100)
    value: bytes = sealed(nullable=False)
    base_version: int
    status: str = Field(max_length=12)
    version: int
    """Of the visit: where it was applied, or the one that it was found to contradict."""
