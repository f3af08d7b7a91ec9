"""Claims (认领账户): somebody who was filed on paper takes over their account with WeChat."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, blind_index, instant, sealed, version_column

_OPEN = text("state = 'open'")


class AccountClaim(Row, table=True):
    """A WeChat account (the claimant) that says it is a person on paper. It carries the scope of that person's union,
    and what of the claimant the person is to get, sealed for the person's row."""

    __tablename__ = "account_claim"
    __table_args__ = (
        CheckConstraint("state in ('open','bound','refused','replaced')", name="state"),
        CheckConstraint("proof in ('phone','staff')", name="proof"),
        CheckConstraint("(state = 'open') = (ended_at is null)", name="ended"),
        CheckConstraint("state <> 'bound' or proof is not null", name="proved"),
        CheckConstraint("proof is distinct from 'staff' or decided_by is not null", name="decided"),
        CheckConstraint("decided_by not in (claimant_id, person_id)", name="second_person"),
        Index("uq_account_claim_open", "claimant_id", unique=True, postgresql_where=_OPEN),
        Index("uq_account_claim_bound", "person_id", unique=True, postgresql_where=text("state = 'bound'")),
        Index("ix_account_claim_person", "person_id"),
        Index("ix_account_claim_claimant", "claimant_id", "created_at", "id"),
        *(
            Index(f"ix_account_claim_{tier}", f"{tier}_id", "created_at", "id", postgresql_where=_OPEN)
            for tier in ("city", "district", "street", "unit")
        ),
    )

    claimant_id: UUID = Field(foreign_key="person.id")
    person_id: UUID = Field(foreign_key="person.id")
    person_masked: str = Field(max_length=60)
    id_number_index: bytes = blind_index(nullable=False)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    openid: bytes = sealed(nullable=False)
    openid_index: bytes = blind_index(nullable=False)
    unionid_index: bytes | None = blind_index()
    phone: bytes | None = sealed()
    phone_index: bytes | None = blind_index()
    phone_masked: str | None = Field(default=None, max_length=20)
    code: bytes = sealed(nullable=False)
    """Six digits on the claimant's phone, read out to the member of staff before whom they stand."""
    state: str = Field(max_length=10)
    proof: str | None = Field(default=None, max_length=8)
    """What besides name and number: the phone on file, or a member of staff who saw them."""
    version: int = version_column()
    expires_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    decided_by: UUID | None = None
    decided_role: str | None = Field(default=None, max_length=32)
    decided_organisation: str | None = Field(default=None, max_length=100)
