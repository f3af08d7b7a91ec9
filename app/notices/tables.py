"""Public notices (公示): a masked projection that everyone may read until it ends."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from app.db.base import Row, instant


class Notice(Row, table=True):
    """The notice of one application or household file. What is not a column here can't be published."""

    __tablename__ = "notice"
    __table_args__ = (
        CheckConstraint("ends_at > created_at", name="period"),
        Index("ix_notice_due", "ends_at", postgresql_where=text("closed_at is null")),
        Index("ix_notice_published", "created_at", "id", postgresql_where=text("closed_at is null")),
        CheckConstraint("(application_id is null) <> (household_id is null)", name="subject"),
        CheckConstraint("(household_id is null) = (amount_fen is not null)", name="amount"),
        UniqueConstraint("application_id", "round"),
        Index(
            "uq_notice_household",
            "household_id",
            "round",
            "kind",
            unique=True,
            postgresql_where=text("household_id is not null"),
        ),
    )

    application_id: UUID | None = Field(default=None, foreign_key="application.id")
    household_id: UUID | None = Field(default=None, foreign_key="household.id")
    round: int
    number: str = Field(max_length=40)
    kind: str = Field(max_length=20)
    name_masked: str = Field(max_length=60)
    organisation_name: str = Field(max_length=100)
    amount_fen: int | None = Field(default=None, sa_type=BigInteger)
    working_days: int
    ends_at: datetime = instant()
    closed_at: datetime | None = instant(nullable=True)
