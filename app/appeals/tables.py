"""Appeals (申诉) against decisions on applications."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, instant, sealed, version_column

WAITING = "state in ('at_district','at_city')"


class Appeal(Row, table=True):
    """One appeal against one decision. Who decides it is refused by the database where they are near the case
    (alembic/versions: `is_near_case`)."""

    __tablename__ = "appeal"
    __table_args__ = (
        Index("uq_appeal_decision", "decision_id", unique=True),
        Index("ix_appeal_application", "application_id", "created_at", "id"),
        *(
            Index(f"ix_appeal_waiting_{tier}", f"{tier}_id", "created_at", "id", postgresql_where=text(WAITING))
            for tier in ("city", "district", "street", "unit")
        ),
        CheckConstraint("kind in ('hardship_aid','golden_autumn','secondary_medical')", name="kind"),
        CheckConstraint("ground in ('refused','too_low')", name="ground"),
        CheckConstraint("state in ('at_district','at_city','upheld','changed','withdrawn')", name="state"),
        CheckConstraint(f"({WAITING}) = (decided_at is null and withdrawn_at is null)", name="waiting"),
        CheckConstraint("(state = 'withdrawn') = (withdrawn_at is not null)", name="withdrawn"),
        CheckConstraint(
            "(decided_at is null) = (decided_by is null) and (decided_at is null) = (reply is null)", name="decided"
        ),
        CheckConstraint("(state = 'changed') = (amount_fen is not null) and amount_fen > before_fen", name="amount"),
        CheckConstraint("decided_by <> applicant_id", name="another"),
    )

    application_id: UUID = Field(foreign_key="application.id")
    decision_id: UUID = Field(foreign_key="passage.id")
    """The step that it is against."""
    kind: str = Field(max_length=20)
    ground: str = Field(max_length=10)
    applicant_id: UUID = Field(foreign_key="person.id")
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    state: str = Field(max_length=12)
    version: int = version_column()
    reason: bytes = sealed(nullable=False)
    """What the worker says, with the ids of their files."""
    before_fen: int = Field(sa_type=BigInteger)
    """What was granted when it was lodged; 0 where it was refused."""
    due_at: datetime = instant()
    stepped_up_at: datetime | None = instant(nullable=True)
    """Since when the level above waits, because nobody of the level where it was lodged may decide it."""
    withdrawn_at: datetime | None = instant(nullable=True)
    decided_at: datetime | None = instant(nullable=True)
    decided_by: UUID | None = None
    decided_by_role: str | None = Field(default=None, max_length=32)
    decided_by_organisation: str | None = Field(default=None, max_length=100)
    reply: bytes | None = sealed()
    amount_fen: int | None = Field(default=None, sa_type=BigInteger)
    """What is granted in all, where it was changed."""
