"""Policy versions (政策版本) as rows: proposed by one person, published by another, and from then on never changed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, document, instant, long_text, version_column
from app.policy.book import POLICY_KINDS


class PolicyVersion(Row, table=True):
    """One whole version of one kind of policy for one area.

    A version is in force from its day until the next one's: it has no end of its own that could reach into another.
    So two versions can overlap only by beginning on the same day, and that is what the unique index forbids. A
    withdrawn proposal gives its name back. What the checks cannot say (a published row never changes, a day that has
    come cannot be given new law) a trigger does: alembic/versions, `policy_version_guard`.
    """

    __tablename__ = "policy_version"
    __table_args__ = (
        CheckConstraint(f"kind in ({', '.join(repr(kind) for kind in POLICY_KINDS)})", name="kind"),
        CheckConstraint("area ~ '^[0-9]{6}$'", name="area"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("state in ('proposed', 'published', 'withdrawn')", name="state"),
        CheckConstraint("origin in ('shipped', 'staff')", name="origin"),
        CheckConstraint("published_by <> proposed_by", name="second_person"),
        CheckConstraint("(state = 'published') = (published_at is not null)", name="published"),
        CheckConstraint(
            "case origin when 'staff'"
            " then proposed_by is not null and (state = 'published') = (published_by is not null)"
            " else state = 'published' and proposed_by is null and published_by is null end",
            name="people",
        ),
        CheckConstraint(
            "document ->> 'version' = name and document ->> 'area' = area and document ->> 'source' = source"
            " and (document ->> 'in_force_from')::date = in_force_from",
            name="document",
        ),
        Index(
            "uq_policy_version_name", "kind", "area", "name", unique=True, postgresql_where=text("state <> 'withdrawn'")
        ),
        Index(
            "uq_policy_version_day",
            "kind",
            "area",
            "in_force_from",
            unique=True,
            postgresql_where=text("state = 'published'"),
        ),
    )

    kind: str = Field(max_length=30)
    area: str = Field(max_length=6)
    name: str = Field(max_length=60)
    in_force_from: date
    source: str = long_text()
    document: dict[str, Any] = document()
    """The whole version as its model reads it. The columns above are its own fields, to be indexed."""
    sha256: str = Field(max_length=64)
    """Of the document's canonical bytes (app.policy.replay.canonical): what is read is what was published."""
    state: str = Field(max_length=10)
    origin: str = Field(max_length=10)
    proposed_by: UUID | None = None
    """None for the versions that come with the service."""
    published_by: UUID | None = None
    published_at: datetime | None = instant(nullable=True)
    version: int = version_column()
