"""What every table has in common: ids, column types, constraint names."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

NAMING_CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING_CONVENTION
metadata: MetaData = SQLModel.metadata


class Named(SQLModel):
    """What every table derives from, so that its constraints get our names whatever is imported first."""


class Row(Named):
    """A row with a UUIDv7 made by the application and the instant it was written."""

    id: UUID = Field(primary_key=True)
    created_at: datetime = Field(sa_type=DateTime(timezone=True), nullable=False)


def instant(*, nullable: bool = False) -> Any:
    """An aware instant."""
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=nullable))


def long_text(*, nullable: bool = False, **kwargs: Any) -> Any:
    return Field(default=None, sa_column=Column(Text, nullable=nullable, **kwargs))


def sealed(*, nullable: bool = True) -> Any:
    """Personal data, sealed by `app.db.sealing`; never readable in the database."""
    return Field(default=None, sa_column=Column(LargeBinary, nullable=nullable))


def blind_index(*, nullable: bool = True) -> Any:
    """A keyed hash that finds a sealed value without revealing it."""
    return Field(default=None, sa_column=Column(LargeBinary, nullable=nullable))


def document(*, nullable: bool = False) -> Any:
    """A JSON document without personal data."""
    return Field(default=None, sa_column=Column(JSONB, nullable=nullable))


def among(column: str, words: str, *, but: bool = False) -> str:
    """A condition of a table: that a column is (`but`: is not) one of `('a','b')`, as one constant.

    PostgreSQL reads checks and conditions anew with each update, and word by word where they are written as a list.
    """
    listed = words.strip("()").replace("'", "")
    return f"{column} {'<> all' if but else '= any'} ('{{{listed}}}'::text[])"


def version_column() -> Any:
    return Field(default=1, sa_column_kwargs={"server_default": text("1")}, nullable=False)


def table_of(model: type[SQLModel]) -> Table:
    """The Core table of a model: queries are written against its columns."""
    return metadata.tables[str(model.__tablename__)]
