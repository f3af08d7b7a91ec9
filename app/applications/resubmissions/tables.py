"""What was submitted before a case was returned, as it was."""

from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from app.db.base import Row, sealed


class EarlierSubmission(Row, table=True):
    """The form and the decision of one round. Written by the step that returns the case, before anybody can edit them;
    never changed."""

    __tablename__ = "earlier_submission"
    __table_args__ = (Index("uq_earlier_submission_round", "application_id", "round", unique=True),)

    application_id: UUID = Field(foreign_key="application.id")
    round: int
    form: bytes = sealed(nullable=False)
    """Sealed as the application's own, under its id: it was copied as it lay there."""
    decision: bytes | None = sealed()
    amount_fen: int | None = Field(default=None, sa_type=BigInteger)
