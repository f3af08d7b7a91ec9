"""The codes that a refusal or a return may cite."""

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from app.db.base import Named


class ApplicationReason(Named, table=True):
    """Every code of every catalogue that was published, with the text of the newest. A trigger on `policy_version`
    writes it (alembic/versions: `list_reasons`)."""

    __tablename__ = "application_reason"
    __table_args__ = (
        CheckConstraint("length(text) > 0 and text !~ '[a-z]+_[a-z_]+'", name="plain_text"),
        CheckConstraint("code ~ '^[a-z][a-z_]*$'", name="code"),
    )

    code: str = Field(primary_key=True, max_length=40)
    text: str = Field(max_length=200)
