"""Household files that staff filled in for a worker (代办), until the worker confirms them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, blind_index, instant, sealed, version_column


class ProxyFiling(Row, table=True):
    """What a member of staff filled in for somebody who need not have an account yet."""

    __tablename__ = "proxy_filing"
    __table_args__ = (
        CheckConstraint("state in ('open','confirmed','withdrawn')", name="state"),
        CheckConstraint(
            "(state = 'confirmed') = (household_id is not null and confirmed_by is not null)", name="ended"
        ),
        # A paper is confirmed by a second member of staff, and a member of staff confirms by paper.
        CheckConstraint("signature_file_id is null or confirmed_by <> assisted_by", name="second_person"),
        Index("uq_proxy_filing_open", "id_number_index", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_proxy_filing_unit", "unit_id"),
        Index("ix_proxy_filing_number", "id_number_index"),
    )

    id_number_index: bytes = blind_index(nullable=False)
    id_number: bytes = sealed(nullable=False)
    name: bytes = sealed(nullable=False)
    name_masked: str = Field(max_length=60)
    phone: bytes = sealed(nullable=False)
    phone_masked: str = Field(max_length=20)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    division_code: str = Field(max_length=12)
    form: bytes = sealed(nullable=False)
    bank_card: bytes | None = sealed()
    """The card that they wrote down for the worker, who has none until they confirm."""
    state: str = Field(max_length=10)
    version: int = version_column()
    assisted_by: UUID
    post_role: str = Field(max_length=32)
    organisation_name: str = Field(max_length=100)
    household_id: UUID | None = Field(default=None, foreign_key="household.id")
    confirmed_by: UUID | None = Field(default=None)
    confirmed_at: datetime | None = instant(nullable=True)
    signature_file_id: UUID | None = Field(default=None)
