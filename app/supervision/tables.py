"""Samples of payments, what was found of each payment in one, and donors' reports."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field

from app.db.base import Row, document, instant, sealed, version_column

TIERS = ("city", "district", "street", "unit")
OPEN = "state = 'open'"


class PaymentSample(Row, table=True):
    """A sample of what was paid under a union in a period: announced with a sealed seed before the period ends, drawn
    after it. What was drawn is never changed (`payment_sample_guard`)."""

    __tablename__ = "payment_sample"
    __table_args__ = (
        CheckConstraint("state in ('announced','drawn')", name="state"),
        CheckConstraint("since < until and created_at < until", name="announced_before"),
        CheckConstraint("size between 1 and 1000", name="size"),
        CheckConstraint("drawn_at >= until", name="drawn_after"),
        CheckConstraint("seed_sha256 = encode(sha256(seed::bytea), 'hex')", name="seed"),
        CheckConstraint("population_sha256 = encode(sha256(population), 'hex')", name="population"),
        CheckConstraint(
            "(state = 'drawn') = (seed is not null) and (state = 'drawn') = (population is not null) "
            "and (state = 'drawn') = (population_sha256 is not null) and (state = 'drawn') = (drawn_at is not null) "
            "and (state = 'drawn') = (drawn_by is not null) and (state = 'drawn') = (strata is not null)",
            name="drawn",
        ),
        Index("uq_payment_sample_period", "organisation_id", "since", "until", unique=True),
        *(Index(f"ix_payment_sample_{tier}", f"{tier}_id", "created_at", "id") for tier in TIERS),
    )

    organisation_id: UUID = Field(foreign_key="organisation.id")
    organisation_name: str = Field(max_length=100)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    since: datetime = instant()
    until: datetime = instant()
    """What was paid from the one instant on and before the other."""
    size: int
    state: str = Field(max_length=10)
    version: int = version_column()
    announced_by: UUID = Field(foreign_key="person.id")
    seed_sha256: str = Field(max_length=64)
    """Told when it is announced."""
    seed_sealed: bytes = sealed(nullable=False)
    """The seed itself, until it is drawn by."""
    seed: str | None = Field(default=None, max_length=64)
    drawn_at: datetime | None = instant(nullable=True)
    drawn_by: UUID | None = Field(default=None, foreign_key="person.id")
    population: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The frozen list (`app.supervision.rules.population`): ids, districts, kinds, instants, amounts."""
    population_sha256: str | None = Field(default=None, max_length=64)
    lines: int | None = None
    fen: int | None = Field(default=None, sa_type=BigInteger)
    strata: list[dict[str, Any]] | None = document(nullable=True)


class PaymentCheck(Row, table=True):
    """One line of a sample, and what somebody who had no part in its case found of it."""

    __tablename__ = "payment_check"
    __table_args__ = (
        CheckConstraint("state in ('open','closed')", name="state"),
        CheckConstraint("reached in ('yes','no')", name="reached"),
        CheckConstraint("arrived in ('yes','no','unknown')", name="arrived"),
        CheckConstraint("amount in ('right','wrong','unknown')", name="amount"),
        CheckConstraint("papers in ('complete','missing')", name="papers"),
        CheckConstraint("result in ('in_order','error','unverifiable')", name="result"),
        CheckConstraint(
            "(state = 'closed') = (result is not null) and (state = 'closed') = (reached is not null) "
            "and (state = 'closed') = (arrived is not null) and (state = 'closed') = (amount is not null) "
            "and (state = 'closed') = (papers is not null) and (state = 'closed') = (checked_by is not null) "
            "and (state = 'closed') = (checked_at is not null)",
            name="closed",
        ),
        CheckConstraint("result is null or result = 'in_order' or note is not null", name="note"),
        Index("uq_payment_check_line", "sample_id", "line_id", unique=True),
        Index("ix_payment_check_sample", "sample_id", "created_at", "id"),
        Index("ix_payment_check_application", "application_id"),
    )

    sample_id: UUID = Field(foreign_key="payment_sample.id")
    serial: int
    line_id: UUID = Field(foreign_key="payment_line.id")
    application_id: UUID = Field(foreign_key="application.id")
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    """Of the case, as it was drawn."""
    amount_fen: int = Field(sa_type=BigInteger)
    paid_at: datetime = instant()
    state: str = Field(max_length=10)
    version: int = version_column()
    reached: str | None = Field(default=None, max_length=10)
    arrived: str | None = Field(default=None, max_length=10)
    amount: str | None = Field(default=None, max_length=10)
    papers: str | None = Field(default=None, max_length=10)
    result: str | None = Field(default=None, max_length=12)
    note: bytes | None = sealed()
    checked_at: datetime | None = instant(nullable=True)
    checked_by: UUID | None = Field(default=None, foreign_key="person.id")
    checked_by_role: str | None = Field(default=None, max_length=32)
    checked_by_organisation: str | None = Field(default=None, max_length=100)


class DonorReport(Row, table=True):
    """What became of a donation in a period: written by one of finance, let out by another. Its content is frozen."""

    __tablename__ = "donor_report"
    __table_args__ = (
        CheckConstraint("state in ('prepared','released','withdrawn')", name="state"),
        CheckConstraint("first_day <= last_day", name="days"),
        CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="content"),
        CheckConstraint(
            "(state = 'prepared') = (decided_at is null) and (decided_at is null) = (decided_by is null)",
            name="decided",
        ),
        CheckConstraint("state <> 'released' or decided_by <> prepared_by", name="second_person"),
        Index(
            "uq_donor_report_prepared", "fund_id", "first_day", "last_day", unique=True,
            postgresql_where=text("state = 'prepared'"),
        ),
        *(Index(f"ix_donor_report_{tier}", f"{tier}_id", "created_at", "id") for tier in TIERS),
    )  # fmt: skip

    fund_id: UUID = Field(foreign_key="fund.id")
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    """Of the fund."""
    first_day: date
    last_day: date
    state: str = Field(max_length=10)
    version: int = version_column()
    content: bytes = Field(sa_type=LargeBinary)
    """Canonical JSON of all that is said in it (`app.supervision.donors`)."""
    sha256: str = Field(max_length=64)
    prepared_by: UUID = Field(foreign_key="person.id")
    decided_at: datetime | None = instant(nullable=True)
    decided_by: UUID | None = Field(default=None, foreign_key="person.id")
