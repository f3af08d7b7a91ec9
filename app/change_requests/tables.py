"""Sensitive changes that a second person decides (变更申请), and the payments that wait for them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, blind_index, instant, sealed, version_column


class ChangeRequest(Row, table=True):
    """One change asked for by one person and decided by another. It carries the scope of the file, or where there is
    none, of its person's union."""

    __tablename__ = "change_request"
    __table_args__ = (
        CheckConstraint("kind in ('bank_card','identity','household_size')", name="kind"),
        CheckConstraint("kind = 'bank_card' or household_id is not null", name="household"),
        CheckConstraint("state in ('open','approved','rejected','withdrawn')", name="state"),
        CheckConstraint(
            "(state in ('open','withdrawn')) = (decided_at is null) "
            "and (state in ('open','withdrawn')) = (decided_by is null) "
            "and (state in ('open','withdrawn')) = (decided_by_number_index is null)",
            name="decided",
        ),
        CheckConstraint("(state = 'withdrawn') = (withdrawn_at is not null)", name="withdrawn"),
        # Whoever asked, or whom it is about, decides nothing: not under another account of theirs either.
        CheckConstraint(
            "decided_by not in (asked_by, person_id) and decided_by_number_index not in (asked_by_number_index, "
            "person_number_index)",
            name="second_person",
        ),
        Index(
            "uq_change_request_open", "person_id", "kind", "field", unique=True, postgresql_where=text("state = 'open'")
        ),
        *(
            Index(f"ix_change_request_{tier}", f"{tier}_id", "state", "created_at", "id")
            for tier in ("city", "district", "street", "unit")
        ),
        Index("ix_change_request_household", "household_id", postgresql_where=text("household_id is not null")),
        Index("ix_change_request_person", "person_id", "created_at", "id"),
    )

    person_id: UUID = Field(foreign_key="person.id")
    """Whose card it is, or whose household."""
    person_number_index: bytes = blind_index(nullable=False)
    person_masked: str = Field(max_length=60)
    household_id: UUID | None = Field(default=None, foreign_key="household.id")
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    kind: str = Field(max_length=20)
    field: str = Field(max_length=100)
    """JSON pointer: what would change."""
    state: str = Field(max_length=10)
    version: int = version_column()
    wanted: bytes = sealed(nullable=False)
    """JSON: `before` and `after`."""
    reason: bytes | None = sealed()
    asked_by: UUID
    asked_by_number_index: bytes = blind_index(nullable=False)
    asked_by_role: str | None = Field(default=None, max_length=32)
    asked_by_organisation: str | None = Field(default=None, max_length=100)
    decided_at: datetime | None = instant(nullable=True)
    decided_by: UUID | None = Field(default=None)
    decided_by_number_index: bytes | None = blind_index()
    decided_by_role: str | None = Field(default=None, max_length=32)
    decided_by_organisation: str | None = Field(default=None, max_length=100)
    decision_note: bytes | None = sealed()
    withdrawn_at: datetime | None = instant(nullable=True)
    """When whoever asked took it back."""


class PaymentHold(Row, table=True):
    """While it lasts nothing is paid to a person or a household; its id is that of the request. Ids only: every desk
    that pays must see it, wherever the file belongs."""

    __tablename__ = "payment_hold"
    __table_args__ = (
        Index("ix_payment_hold_person", "person_id", postgresql_where=text("released_at is null")),
        Index("ix_payment_hold_household", "household_id", postgresql_where=text("released_at is null")),
    )

    person_id: UUID = Field(foreign_key="person.id")
    household_id: UUID | None = Field(default=None, foreign_key="household.id")
    released_at: datetime | None = instant(nullable=True)
