"""Stages that the level above takes over (上级代办), because everybody who could decide there must stand aside."""

from uuid import UUID

from sqlalchemy import ARRAY, Column, Index, String
from sqlmodel import Field

from app.db.base import Row


class LiftedStage(Row, table=True):
    """A case, as it stood in one of its versions, and the roles of the level that it is lifted to. It carries the
    case's scope. Found anew every few minutes: `app.applications.lifting.commands`."""

    __tablename__ = "lifted_stage"
    __table_args__ = (Index("uq_lifted_stage", "application_id", unique=True),)

    application_id: UUID = Field(foreign_key="application.id")
    version: int
    roles: list[str] = Field(sa_column=Column(ARRAY(String(32)), nullable=False))
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
