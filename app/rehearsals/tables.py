"""Rehearsals (政策预演): what a proposed version would change for the files that live now, and for whom."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field

from app.db.base import Row, document, instant

EFFECTS = ("gains", "loses", "more", "less", "unevaluable")


class Rehearsal(Row, table=True):
    """One run of a version on one snapshot. Counts are of answers: one for each household, kind and item."""

    __tablename__ = "rehearsal"
    __table_args__ = (
        CheckConstraint("state in ('queued', 'running', 'done', 'failed')", name="state"),
        CheckConstraint("percent between 0 and 100", name="percent"),
        CheckConstraint("(state = 'failed') = (failure is not null)", name="failure"),
        Index("ix_rehearsal_policy", "policy_id", "created_at", "id"),
    )

    policy_id: UUID = Field(foreign_key="policy_version.id")
    asked_by: UUID
    state: str = Field(max_length=10)
    percent: int = Field(default=0)
    snapshot_at: datetime | None = instant(nullable=True)
    ended_at: datetime | None = instant(nullable=True)
    failure: str | None = Field(default=None, max_length=60)
    """Why it failed, as a stable code: nothing of it then counts."""
    evaluated: int = Field(default=0)
    unevaluable: int = Field(default=0)
    gains: int = Field(default=0)
    loses: int = Field(default=0)
    more: int = Field(default=0)
    less: int = Field(default=0)
    before_fen: int = Field(default=0, sa_type=BigInteger)
    after_fen: int = Field(default=0, sa_type=BigInteger)
    money: list[dict[str, Any]] = document()
    """Answers and fen before and after, by district, kind and month."""


class RehearsalLine(Row, table=True):
    """One answer that would come out otherwise, or that could not be worked out and counts as nothing."""

    __tablename__ = "rehearsal_line"
    __table_args__ = (
        CheckConstraint("effect in ('gains', 'loses', 'more', 'less', 'unevaluable')", name="effect"),
        Index("ix_rehearsal_line_effect", "rehearsal_id", "effect", "id"),
    )

    rehearsal_id: UUID = Field(foreign_key="rehearsal.id")
    effect: str = Field(max_length=12)
    kind: str = Field(max_length=20)
    item: str = Field(max_length=40)
    household_id: UUID | None = None
    application_id: UUID | None = None
    """The claim, where a kind is rehearsed on the claims of the last twelve months."""
    before_fen: int | None = Field(default=None, sa_type=BigInteger)
    after_fen: int | None = Field(default=None, sa_type=BigInteger)
    rule: str | None = Field(default=None, max_length=60)
    """The first rule that could not be answered."""
