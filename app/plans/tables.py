"""Plans (一户一计划), their measures (一户一措施), and the services given under a measure without money."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from app.db.base import Row, instant, sealed, version_column


class Plan(Row, table=True):
    """What is done for one household until it is closed with a result. A file has at most one that is open."""

    __tablename__ = "plan"
    __table_args__ = (
        Index("uq_plan_open", "household_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_plan_household", "household_id", "created_at"),
        UniqueConstraint("id", "household_id"),
        CheckConstraint("state in ('open','closed')", name="state"),
        CheckConstraint("origin in ('staff','system','backfill')", name="origin"),
        CheckConstraint(
            "(state = 'closed') = (closed_at is not null) and (state = 'closed') = (result is not null)", name="closed"
        ),
        CheckConstraint(
            "result in ('achieved','partly','not_achieved','replaced','left','before_plans')", name="result"
        ),
    )

    household_id: UUID = Field(foreign_key="household.id")
    state: str = Field(max_length=10)
    origin: str = Field(max_length=10)
    """`backfill`: made when plans were introduced, closed at once, for aid that was paid before there were any."""
    version: int = version_column()
    opened_by: UUID | None = None
    """None: the system, when the file was opened."""
    post_role: str | None = Field(default=None, max_length=32)
    organisation_name: str | None = Field(default=None, max_length=100)
    closed_at: datetime | None = instant(nullable=True)
    closed_by: UUID | None = None
    result: str | None = Field(default=None, max_length=20)
    result_note: bytes | None = sealed()


class Measure(Row, table=True):
    """One thing that is done about a cause of hardship. Once its plan is closed it stays as it is (a trigger)."""

    __tablename__ = "measure"
    __table_args__ = (
        ForeignKeyConstraint(["plan_id", "household_id"], ["plan.id", "plan.household_id"]),
        UniqueConstraint("id", "household_id"),
        Index(
            "uq_measure_open", "plan_id", "kind", unique=True, postgresql_where=text("state in ('proposed','running')")
        ),
        Index("ix_measure_plan", "plan_id", "id"),
        CheckConstraint(
            "kind in ('living_aid','employment','training','yuan_dream','medical','schooling','dibao_docking','legal',"
            "'counselling')",
            name="kind",
        ),
        CheckConstraint("state in ('proposed','running','done','dropped')", name="state"),
        CheckConstraint("result in ('achieved','partly','not_achieved')", name="result"),
        CheckConstraint("(state in ('done','dropped')) = (result is not null)", name="ended"),
        CheckConstraint(
            "state = 'proposed' or (due_on is not null and responsible_role is not null)", name="responsible"
        ),
    )

    plan_id: UUID
    household_id: UUID
    kind: str = Field(max_length=20)
    state: str = Field(max_length=10)
    version: int = version_column()
    due_on: date | None = None
    responsible_id: UUID | None = None
    """Whoever took it on, with the name, role and union that they had then."""
    responsible_name: bytes | None = sealed()
    responsible_role: str | None = Field(default=None, max_length=32)
    responsible_organisation: str | None = Field(default=None, max_length=100)
    result: str | None = Field(default=None, max_length=20)
    note: bytes | None = sealed()
    updated_at: datetime = instant()


class Service(Row, table=True):
    """Help without money under a measure: a training place, legal aid, a counselling session. Appended only."""

    __tablename__ = "service"
    __table_args__ = (
        ForeignKeyConstraint(["measure_id", "household_id"], ["measure.id", "measure.household_id"]),
        Index("ix_service_measure", "measure_id", "given_on", "id"),
        CheckConstraint("quantity between 1 and 10000", name="quantity"),
        CheckConstraint("unit in ('session','place','hour','person_time','item')", name="unit"),
    )

    measure_id: UUID
    household_id: UUID
    given_on: date
    provider: str = Field(max_length=100)
    """The body that gave it, never a person's name."""
    quantity: int
    unit: str = Field(max_length=12)
    note: bytes | None = sealed()
    person_id: UUID
    post_role: str = Field(max_length=32)
    organisation_name: str = Field(max_length=100)
