"""How satisfied workers were (满意度), once for each application that was paid."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger
from sqlmodel import Field

from app.db.base import Row, sealed


class Rating(Row, table=True):
    """Appended, never changed. It bears no name: only its application knows whose it is."""

    __tablename__ = "rating"
    __table_args__ = (
        Index("uq_rating_application", "application_id", unique=True),
        CheckConstraint("score between 1 and 5", name="score"),
        *(Index(f"ix_rating_{tier}", f"{tier}_id", "score") for tier in ("city", "district", "street", "unit")),
    )

    application_id: UUID = Field(foreign_key="application.id")
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    score: int = Field(sa_type=SmallInteger)
    words: bytes | None = sealed()
