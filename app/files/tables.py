"""Uploaded files (材料): one row each; the content lies sealed in the store, under the id."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlmodel import Field

from app.db.base import Named, Row

MEDIA_TYPES = ("image/jpeg", "image/png", "application/pdf")
SUBJECTS = (
    "household", "application", "household_exit", "visit", "discrepancy", "proxy_filing", "match_authorisation",
    "proxy_application", "notice_objection", "meeting", "supplement", "article",
)  # fmt: skip
"""What names files. Each kind is called as its table, whose wall says who may see what it names."""


class File(Row, table=True):
    """A picture or a PDF of a person's. `pending` until a configured scanner has looked at it."""

    __tablename__ = "file"
    __table_args__ = (
        CheckConstraint("state in ('pending','clean','rejected')", name="state"),
        CheckConstraint("media_type in ('image/jpeg','image/png','application/pdf')", name="media_type"),
        CheckConstraint("size between 1 and 20971520", name="size"),
        CheckConstraint("length(sha256) = 32", name="sha256"),
        Index("ix_file_person", "person_id", "created_at"),
        Index("ix_file_created", "created_at"),
    )

    person_id: UUID = Field(foreign_key="person.id")
    sha256: bytes = Field(sa_type=LargeBinary)
    """Of the content as it is kept and given out."""
    media_type: str = Field(max_length=40)
    size: int
    state: str = Field(max_length=10)
    purpose: str = Field(max_length=20)


class FileUse(Named, table=True):
    """A document that names a file: who may see the one may see the other."""

    __tablename__ = "file_use"
    __table_args__ = (
        CheckConstraint(f"subject_kind in {SUBJECTS}", name="subject_kind"),
        Index("ix_file_use_subject", "subject_kind", "subject_id"),
    )

    file_id: UUID = Field(primary_key=True, foreign_key="file.id")
    subject_kind: str = Field(primary_key=True, max_length=20)
    subject_id: UUID = Field(primary_key=True)
    living: bool = Field(default=True)
    """False: it was named once, and does no longer."""
