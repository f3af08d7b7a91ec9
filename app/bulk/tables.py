"""Imports of household files in bulk (批量导入), what waits in them, and exports (导出)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, LargeBinary, Uuid, text
from sqlmodel import Field

from app.db.base import Row, document, instant, sealed


class BulkImport(Row, table=True):
    """An import under one union. The counts are of households; nothing is a file before it is committed."""

    __tablename__ = "bulk_import"
    __table_args__ = (
        CheckConstraint("state in ('queued','checking','checked','committing','committed','failed')", name="state"),
        CheckConstraint("percent between 0 and 100", name="percent"),
        CheckConstraint("(state = 'failed') = (failure is not null)", name="failure"),
        *(
            Index(f"ix_bulk_import_{tier}", f"{tier}_id", "created_at", "id")
            for tier in ("city", "district", "street", "unit")
        ),
    )

    asked_by: UUID
    post_role: str = Field(max_length=32)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    organisation_name: str = Field(max_length=100)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    state: str = Field(max_length=12)
    percent: int = Field(default=0)
    failure: str | None = Field(default=None, max_length=60)
    good: int = Field(default=0)
    bad: int = Field(default=0)
    committed: int = Field(default=0)
    updates: int = Field(default=0)
    """Of the good ones, how many change a file that is there already."""
    unchanged: int = Field(default=0)
    """Households whose file says all that already."""
    lines: int = Field(default=0)
    errors: int = Field(default=0)
    dry_run: bytes | None = Field(default=None, sa_type=LargeBinary)
    """SHA-256 of what the dry run found good: a commit names it."""
    chosen: list[UUID] | None = Field(default=None, sa_column=Column(ARRAY(Uuid()), nullable=True))
    """The unions whose households a commit is to take; None: all."""
    reason: bytes | None = sealed()
    """Why files are changed, for their history."""
    run_id: UUID | None = None
    """The dry run that is under way: one that was overtaken by another keeps nothing more."""
    content_id: UUID
    """Where the uploaded workbook lies (store `sheets`)."""
    errors_id: UUID | None = None
    """Where the same workbook with its column of errors lies."""
    ended_at: datetime | None = instant(nullable=True)


class BulkUpload(Row, table=True):
    """A workbook that was uploaded: the same one is not taken twice under one union."""

    __tablename__ = "bulk_upload"
    __table_args__ = (Index("uq_bulk_upload", "organisation_id", "sha256", unique=True),)

    import_id: UUID = Field(foreign_key="bulk_import.id", index=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    sha256: bytes = Field(sa_type=LargeBinary)


class BulkRow(Row, table=True):
    """A household of an import, sealed, and the union whose it is or will be: each union is committed as a whole."""

    __tablename__ = "bulk_row"
    __table_args__ = (
        CheckConstraint("state in ('good','bad','unchanged','committed')", name="state"),
        CheckConstraint("kind in ('filing','update')", name="kind"),
        CheckConstraint("kind = 'filing' or household_id is not null or state = 'bad'", name="household"),
        Index("ix_bulk_row_import", "import_id", "state", "id"),
        Index(
            "uq_bulk_row_head", "import_id", "head_index", unique=True, postgresql_where=text("head_index is not null")
        ),
    )

    import_id: UUID = Field(foreign_key="bulk_import.id")
    line: int
    head_index: bytes | None = Field(default=None, sa_type=LargeBinary)
    content: bytes | None = sealed()
    state: str = Field(max_length=10)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    kind: str = Field(max_length=10)
    filing_id: UUID | None = None
    household_id: UUID | None = None
    """The file that is changed."""


class BulkError(Row, table=True):
    """What is wrong in a cell of an import. Never what is in it."""

    __tablename__ = "bulk_error"
    __table_args__ = (Index("ix_bulk_error_import", "import_id", "created_at", "id"),)

    import_id: UUID = Field(foreign_key="bulk_import.id")
    line: int
    column_title: str = Field(max_length=40)
    code: str = Field(max_length=60)
    message: str = Field(max_length=200)


class BulkExport(Row, table=True):
    """A list that somebody asked for as a workbook, for a reason, for a day."""

    __tablename__ = "bulk_export"
    __table_args__ = (
        CheckConstraint("state in ('queued','done','failed')", name="state"),
        CheckConstraint("(state = 'failed') = (failure is not null)", name="failure"),
        Index("ix_bulk_export_person", "person_id", "created_at"),
        Index("ix_bulk_export_expires", "expires_at", postgresql_where=text("state = 'done'")),
    )

    person_id: UUID = Field(foreign_key="person.id")
    reason: bytes = sealed(nullable=False)
    wanted: dict[str, Any] = document()
    state: str = Field(max_length=10)
    percent: int = Field(default=0)
    failure: str | None = Field(default=None, max_length=60)
    rows: int | None = None
    expires_at: datetime | None = instant(nullable=True)
