"""Cases that were not dealt with in time (超期上报)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, instant


class CaseEscalation(Row, table=True):
    """That a case was overdue in one of its versions, and which level is told. It carries the case's scope."""

    __tablename__ = "case_escalation"
    __table_args__ = (
        Index("uq_case_escalation", "application_id", "version", unique=True),
        *(
            Index(
                f"ix_case_escalation_{tier}",
                f"{tier}_id",
                "due_at",
                "id",
                postgresql_where=text(f"settled_at is null and told = '{tier}'"),
            )
            for tier in ("city", "district")
        ),
        Index("ix_case_escalation_open", "id", postgresql_where=text("settled_at is null")),
        CheckConstraint("told in ('district','city')", name="told"),
        CheckConstraint(
            "state in ('submitted','unit_review','district_review','city_approval','meeting','approved','paying',"
            "'payment_failed')",
            name="state",
        ),
        CheckConstraint("told <> 'district' or district_id is not null", name="told_exists"),
        CheckConstraint("settled_at >= created_at", name="settled"),
    )

    application_id: UUID = Field(foreign_key="application.id")
    version: int
    """The case's version that was overdue: the next step settles it."""
    state: str = Field(max_length=20)
    due_at: datetime = instant()
    told: str = Field(max_length=10)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    settled_at: datetime | None = instant(nullable=True)
