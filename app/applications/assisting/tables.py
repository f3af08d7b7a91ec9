"""Applications that staff filled in for a worker (代办), until the worker confirms or declines them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, blind_index, instant, sealed, version_column


class ProxyApplication(Row, table=True):
    """What a member of staff filled in for somebody who need not have an account yet. Whoever assisted signs every
    round of the application that it becomes (passage `assist`)."""

    __tablename__ = "proxy_application"
    __table_args__ = (
        CheckConstraint("kind in ('hardship_aid','golden_autumn','secondary_medical')", name="kind"),
        CheckConstraint("state in ('open','confirmed','declined','withdrawn')", name="state"),
        CheckConstraint(
            "(state = 'confirmed') = (application_id is not null and confirmed_by is not null)", name="confirmed"
        ),
        CheckConstraint("(state = 'open') = (ended_at is null)", name="ended"),
        # A paper is confirmed by a second member of staff, and a member of staff confirms by paper.
        CheckConstraint(
            "signature_file_id is null or (confirmed_by <> assisted_by and confirmed_role is not null)",
            name="second_person",
        ),
        CheckConstraint("state <> 'confirmed' or returned_id is null or returned_id = application_id", name="returned"),
        Index(
            "uq_proxy_application_open",
            "id_number_index",
            "kind",
            "period",
            *("city_id", "district_id", "street_id", "unit_id"),
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("state = 'open'"),
        ),
        *(
            Index(
                f"ix_proxy_application_{tier}",
                f"{tier}_id",
                "created_at",
                "id",
                postgresql_where=text("state = 'open'"),
            )
            for tier in ("city", "district", "street", "unit")
        ),
        Index(
            "uq_proxy_application_became",
            "application_id",
            unique=True,
            postgresql_where=text("application_id is not null and returned_id is null"),
        ),
        Index("ix_proxy_application_number", "id_number_index"),
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
    kind: str = Field(max_length=20)
    period: str = Field(max_length=40)
    form: bytes = sealed(nullable=False)
    bank_card: bytes | None = sealed()
    """The card that they wrote down for the worker, who has none until it is confirmed."""
    state: str = Field(max_length=10)
    version: int = version_column()
    assisted_by: UUID
    post_role: str = Field(max_length=32)
    organisation_name: str = Field(max_length=100)
    returned_id: UUID | None = Field(default=None, foreign_key="application.id")
    """What was returned to the worker, and is filled in anew by this."""
    application_id: UUID | None = Field(default=None, foreign_key="application.id")
    confirmed_by: UUID | None = Field(default=None)
    confirmed_role: str | None = Field(default=None, max_length=32)
    """None: the worker confirmed it themselves."""
    confirmed_organisation: str | None = Field(default=None, max_length=100)
    signature_file_id: UUID | None = Field(default=None)
    ended_at: datetime | None = instant(nullable=True)
