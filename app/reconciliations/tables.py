"""Bank statements (银行流水), runs of reconciliation (对账), what does not agree (差异), and months that are closed."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, SmallInteger, text
from sqlmodel import Field

from app.db.base import Row, instant, sealed, version_column
from app.kernel.actor import Tier

SUBJECTS = "('line','bank_line','application','batch','budget','fund','transaction')"
FIGURES = "lines unanswered uncovered_days sent_fen approved_fen paid_fen bank_fen ledger_fen".split()
"""What a run counts, in the order of the function `money_figures`; see `Figures` in rules.py."""


class BankStatement(Row, table=True):
    """What a bank says of a union's own account for some days. Read in once; a day may be told by several."""

    __tablename__ = "bank_statement"
    __table_args__ = (
        CheckConstraint("first_day <= last_day", name="days"),
        CheckConstraint("rows > 0 and new_rows between 0 and rows", name="counts"),
        CheckConstraint("out_fen >= 0 and in_fen >= 0", name="amounts"),
        Index("uq_bank_statement_file", "sha256", unique=True),
        Index("ix_bank_statement_account", "organisation_id", "bank", "first_day"),
        *(Index(f"ix_bank_statement_{tier}", f"{tier}_id", "created_at", "id") for tier in Tier),
    )

    organisation_id: UUID = Field(foreign_key="organisation.id")
    """Whose account it is."""
    organisation_name: str = Field(max_length=100)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    bank: str = Field(max_length=20)
    first_day: date
    last_day: date
    sha256: str = Field(max_length=64)
    imported_by: UUID = Field(foreign_key="person.id")
    role: str = Field(max_length=32)
    policy_version: str = Field(max_length=60)
    """By which payment rules its bank was known."""
    rows: int
    new_rows: int
    """Those that no statement before had told."""
    out_fen: int = Field(sa_type=BigInteger)
    in_fen: int = Field(sa_type=BigInteger)
    """Sums of the new ones."""


class BankStatementLine(Row, table=True):
    """One movement on such an account. Of whom it went to no more is kept than a masked number."""

    __tablename__ = "bank_statement_line"
    __table_args__ = (
        CheckConstraint("direction in ('out','in')", name="direction"),
        CheckConstraint("amount_fen > 0", name="amount"),
        Index("uq_bank_statement_line_movement", "organisation_id", "bank", "day", "bank_reference", unique=True),
        Index(
            "ix_bank_statement_line_reference", "line_reference",
            postgresql_where=text("line_reference is not null"),
        ),
        Index("ix_bank_statement_line_day", "organisation_id", "day"),
        Index("ix_bank_statement_line_statement", "statement_id", "created_at", "id"),
    )  # fmt: skip

    statement_id: UUID = Field(foreign_key="bank_statement.id")
    organisation_id: UUID = Field(foreign_key="organisation.id")
    bank: str = Field(max_length=20)
    row_number: int
    day: date
    direction: str = Field(max_length=3)
    amount_fen: int = Field(sa_type=BigInteger)
    bank_reference: str = Field(max_length=64)
    account_masked: str | None = Field(default=None, max_length=30)
    line_reference: UUID | None = None
    """The line of ours that it names; whether there is such a line is for the reconciliation to say."""


class Reconciliation(Row, table=True):
    """One run over what was sent in some days under a union, or over one batch."""

    __tablename__ = "reconciliation"
    __table_args__ = (
        CheckConstraint("first_day <= last_day", name="days"),
        CheckConstraint("state in ('asked','running','done')", name="state"),
        CheckConstraint("(state = 'done') = (ended_at is not null)", name="ended"),
        CheckConstraint("opened >= 0 and mended >= 0 and next_step >= 0", name="counts"),
        Index(
            "uq_reconciliation_nightly", "organisation_id", "last_day", unique=True,
            postgresql_where=text("asked_by is null"),
        ),
        Index("ix_reconciliation_same", "organisation_id", "first_day", "last_day", "created_at"),
        *(Index(f"ix_reconciliation_{tier}", f"{tier}_id", "created_at", "id") for tier in Tier),
    )  # fmt: skip

    organisation_id: UUID = Field(foreign_key="organisation.id")
    organisation_name: str = Field(max_length=100)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    first_day: date
    last_day: date
    batch_id: UUID | None = Field(default=None, foreign_key="payment_batch.id")
    asked_by: UUID | None = Field(default=None, foreign_key="person.id")
    """None: the clock did."""
    state: str = Field(max_length=10)
    next_step: int = Field(default=0, sa_type=SmallInteger)
    """Whoever goes on after a killed worker begins here."""
    opened: int = Field(default=0)
    mended: int = Field(default=0)
    ended_at: datetime | None = instant(nullable=True)
    lines: int | None = Field(default=None, sa_type=BigInteger)
    unanswered: int | None = Field(default=None, sa_type=BigInteger)
    uncovered_days: int | None = Field(default=None, sa_type=BigInteger)
    sent_fen: int | None = Field(default=None, sa_type=BigInteger)
    approved_fen: int | None = Field(default=None, sa_type=BigInteger)
    paid_fen: int | None = Field(default=None, sa_type=BigInteger)
    bank_fen: int | None = Field(default=None, sa_type=BigInteger)
    ledger_fen: int | None = Field(default=None, sa_type=BigInteger)


class MoneyBreak(Row, table=True):
    """Something that does not agree: one work item, by its kind and what it is about, and never deleted.

    `mended`: a later run found it right; found wrong again it opens anew. `explained`: a person said why it may stay.
    """

    __tablename__ = "reconciliation_break"
    __table_args__ = (
        CheckConstraint(f"subject_kind in {SUBJECTS}", name="subject"),
        CheckConstraint("state in ('open','mended','explained')", name="state"),
        CheckConstraint("(state = 'open') = (closed_at is null)", name="closed"),
        Index("uq_reconciliation_break_subject", "kind", "subject_id", unique=True),
        Index("ix_reconciliation_break_about", "subject_id", postgresql_where=text("state = 'open'")),
        *(
            Index(f"ix_reconciliation_break_{tier}", f"{tier}_id", "state", "opened_at", "id") for tier in Tier
        ),
    )  # fmt: skip

    kind: str = Field(max_length=30)
    subject_kind: str = Field(max_length=12)
    subject_id: UUID
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    batch_id: UUID | None = Field(default=None, foreign_key="payment_batch.id")
    application_id: UUID | None = Field(default=None, foreign_key="application.id")
    day: date
    """The business day that it belongs to: of sending, of the movement, or of the finding."""
    expected_fen: int = Field(sa_type=BigInteger)
    found_fen: int = Field(sa_type=BigInteger)
    state: str = Field(max_length=10)
    version: int = version_column()
    times: int = Field(default=1)
    """How often it was opened."""
    opened_at: datetime = instant()
    closed_at: datetime | None = instant(nullable=True)


class BreakExplanation(Row, table=True):
    """Why a break may stay as it is, by somebody who did not make the batch. Appended."""

    __tablename__ = "break_explanation"
    __table_args__ = (Index("ix_break_explanation_break", "break_id", "created_at", "id"),)

    break_id: UUID = Field(foreign_key="reconciliation_break.id")
    explained_by: UUID = Field(foreign_key="person.id")
    role: str = Field(max_length=32)
    organisation_name: str = Field(max_length=100)
    reason: bytes = sealed(nullable=False)
    expected_fen: int = Field(sa_type=BigInteger)
    found_fen: int = Field(sa_type=BigInteger)
    """What was explained; with other figures the break opens anew."""


class MonthClosing(Row, table=True):
    """A month of a city's books that is closed: nothing is posted into it any more."""

    __tablename__ = "month_closing"
    __table_args__ = (
        CheckConstraint("extract(day from month) = 1", name="month"),
        CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="content"),
        Index("uq_month_closing_month", "city_id", "month", unique=True),
    )

    city_id: UUID = Field(foreign_key="organisation.id")
    organisation_name: str = Field(max_length=100)
    month: date
    reconciliation_id: UUID = Field(foreign_key="reconciliation.id")
    closed_by: UUID = Field(foreign_key="person.id")
    role: str = Field(max_length=32)
    explained: int
    """How many breaks of that month had been explained."""
    content: bytes = Field(sa_type=LargeBinary)
    """Its figures as canonical JSON."""
    sha256: str = Field(max_length=64)
