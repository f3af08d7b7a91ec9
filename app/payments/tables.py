"""Payment batches (付款批次), their lines, what a bank says of them, and how a card was checked."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from app.db.base import Row, instant, sealed, version_column

LIVE = "state in ('waiting','sent')"
"""In a batch that a bank may still pay: an application has one such line at most."""
FAILED = "state in ('failed','returned','written_off')"
_SIGNED = "({0}_id is null) = ({0}_role is null) and ({0}_id is null) = ({0}_organisation is null)"
_FROZEN = "state in ('frozen','confirmed','exported','settled')"


class PaymentBatch(Row, table=True):
    """What is paid together: built by a maker, frozen with a hash, confirmed by a checker, told to a bank once."""

    __tablename__ = "payment_batch"
    __table_args__ = (
        CheckConstraint("state in ('built','frozen','confirmed','exported','settled','cancelled')", name="state"),
        CheckConstraint("cardinality(kinds) > 0", name="kinds"),
        CheckConstraint("line_count between 1 and 1000 and total_fen > 0", name="size"),
        CheckConstraint(
            "(content is null) = (sha256 is null) and (content is null) = (frozen_at is null)", name="hash"
        ),
        CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="content"),
        CheckConstraint(f"not ({_FROZEN}) or content is not null", name="frozen"),
        CheckConstraint(_SIGNED.format("checker"), name="checker"),
        CheckConstraint("checker_id <> maker_id and checker_for <> maker_id and checker_id <> maker_for", name="two"),
        CheckConstraint(
            "state not in ('confirmed','exported','settled') or confirmed_at is not null", name="confirmed"
        ),
        CheckConstraint("(confirmed_at is null) = (checker_id is null)", name="confirmed_by"),
        CheckConstraint(
            "(file is null) = (exported_at is null) and (file is null) = (file_sha256 is null) "
            "and (state in ('exported','settled')) = (exported_at is not null)",
            name="exported",
        ),
        CheckConstraint("(state = 'cancelled') = (cancelled_at is not null)", name="cancelled"),
        *(
            Index(f"ix_payment_batch_{tier}", f"{tier}_id", "created_at", "id")
            for tier in ("city", "district", "street", "unit")
        ),
    )

    number: str = Field(unique=True, max_length=40)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    """Whose applications, and those of everything below it."""
    organisation_name: str = Field(max_length=100)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    kinds: list[str] = Field(sa_column=Column(ARRAY(String(20)), nullable=False))
    approved_until: datetime = instant()
    """The cut-off: what was approved later waits for the next one."""
    bank: str = Field(max_length=20)
    layout: str = Field(max_length=20)
    policy_version: str = Field(max_length=60)
    """By which version of the payment rules the bank's layout was chosen."""
    state: str = Field(max_length=10)
    version: int = version_column()
    line_count: int
    total_fen: int = Field(sa_type=BigInteger)
    maker_id: UUID = Field(foreign_key="person.id")
    maker_role: str = Field(max_length=32)
    maker_organisation: str = Field(max_length=100)
    maker_for: UUID | None = None
    """Whose post it was, where the maker was lent it."""
    maker_said: str | None = Field(default=None, max_length=140)
    checker_id: UUID | None = Field(default=None, foreign_key="person.id")
    checker_role: str | None = Field(default=None, max_length=32)
    checker_organisation: str | None = Field(default=None, max_length=100)
    checker_for: UUID | None = None
    checker_said: str | None = Field(default=None, max_length=140)
    content: bytes | None = Field(default=None, sa_type=LargeBinary)
    """What was frozen: canonical JSON of the lines, masked as lists are."""
    sha256: str | None = Field(default=None, max_length=64)
    file: bytes | None = sealed()
    """What the bank is told, byte for byte: a second download is the same."""
    file_sha256: str | None = Field(default=None, max_length=64)
    frozen_at: datetime | None = instant(nullable=True)
    confirmed_at: datetime | None = instant(nullable=True)
    exported_at: datetime | None = instant(nullable=True)
    settled_at: datetime | None = instant(nullable=True)
    """Since when the bank has said something of every line."""
    cancelled_at: datetime | None = instant(nullable=True)


class PaymentLine(Row, table=True):
    """One payment to one person. Its id is the reference number by which the bank knows it, and never knows two."""

    __tablename__ = "payment_line"
    __table_args__ = (
        CheckConstraint(
            "state in ('waiting','dropped','sent','paid','failed','returned','written_off')", name="state"
        ),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("remedy in ('fix_card','hold','write_off')", name="remedy"),
        CheckConstraint(f"({FAILED}) = (return_code is not null) and ({FAILED}) = (remedy is not null)", name="failed"),
        CheckConstraint("(state in ('waiting','dropped')) = (sent_at is null)", name="sent"),
        CheckConstraint("(state in ('waiting','dropped','sent')) = (answered_at is null)", name="answered"),
        Index("uq_payment_line_live", "application_id", unique=True, postgresql_where=text(LIVE)),
        Index("uq_payment_line_serial", "batch_id", "serial", unique=True),
        Index("uq_payment_line_batch", "batch_id", "application_id", unique=True),
        Index(
            "uq_payment_line_reissue", "reissue_of", unique=True,
            postgresql_where=text("reissue_of is not null and state <> 'dropped'"),
        ),
        Index("ix_payment_line_application", "application_id", "created_at", "id"),
    )  # fmt: skip

    batch_id: UUID = Field(foreign_key="payment_batch.id")
    serial: int
    application_id: UUID = Field(foreign_key="application.id")
    round: int
    number: str = Field(max_length=40)
    kind: str = Field(max_length=20)
    applicant_masked: str = Field(max_length=60)
    organisation_name: str = Field(max_length=100)
    amount_fen: int = Field(sa_type=BigInteger)
    """What was approved, less what was paid of it before it was raised."""
    card_id: UUID = Field(foreign_key="bank_card.id")
    card_masked: str = Field(max_length=30)
    bank_name: str = Field(max_length=100)
    state: str = Field(max_length=12)
    version: int = version_column()
    reissue_of: UUID | None = Field(default=None, foreign_key="payment_line.id")
    """The line that failed, or came back, instead of which this one is paid."""
    sent_at: datetime | None = instant(nullable=True)
    answered_at: datetime | None = instant(nullable=True)
    """When what the bank says was read in, last."""
    return_code: str | None = Field(default=None, max_length=20)
    remedy: str | None = Field(default=None, max_length=10)
    """What has to happen, by the payment rules of that day."""


class PaymentResult(Row, table=True):
    """One file in which a bank says what became of lines. Read in once; whose file it is, is in its hash."""

    __tablename__ = "payment_result"
    __table_args__ = (
        CheckConstraint("rows >= 0 and paid >= 0 and failed >= 0 and returned >= 0 and breaks >= 0", name="counts"),
        Index("uq_payment_result_file", "sha256", unique=True),
        Index("ix_payment_result_batch", "batch_id", "created_at", "id"),
    )

    batch_id: UUID = Field(foreign_key="payment_batch.id")
    sha256: str = Field(max_length=64)
    imported_by: UUID = Field(foreign_key="person.id")
    role: str = Field(max_length=32)
    organisation_name: str = Field(max_length=100)
    policy_version: str = Field(max_length=60)
    rows: int
    paid: int
    failed: int
    returned: int
    breaks: int


class PaymentBreak(Row, table=True):
    """A row of such a file that does not fit what we know (差错): nothing was done by it."""

    __tablename__ = "payment_break"
    __table_args__ = (
        CheckConstraint(
            "kind in ('unknown_reference','wrong_amount','repeated','contradiction','unreadable','moved_on')",
            name="kind",
        ),
        Index("ix_payment_break_batch", "batch_id", "created_at", "id"),
    )

    result_id: UUID = Field(foreign_key="payment_result.id")
    batch_id: UUID = Field(foreign_key="payment_batch.id")
    row_number: int
    kind: str = Field(max_length=20)
    line_id: UUID | None = Field(default=None, foreign_key="payment_line.id")
    """Where the row names a line of the batch."""


class CardCheck(Row, table=True):
    """That a bank says a card is its holder's (户名核验、小额验证): entered by one of finance, confirmed by another."""

    __tablename__ = "card_check"
    __table_args__ = (
        CheckConstraint("method in ('name_check','penny_test')", name="method"),
        CheckConstraint("outcome in ('passed','failed')", name="outcome"),
        CheckConstraint("state in ('entered','confirmed','refused')", name="state"),
        CheckConstraint(
            "(state = 'entered') = (decided_at is null) and (decided_at is null) = (decided_by is null)", name="decided"
        ),
        CheckConstraint("decided_by <> entered_by and person_id not in (entered_by, decided_by)", name="two"),
        Index("uq_card_check_open", "card_id", unique=True, postgresql_where=text("state = 'entered'")),
        Index("ix_card_check_person", "person_id", "created_at", "id"),
        *(
            Index(f"ix_card_check_{tier}", f"{tier}_id", "created_at", "id", postgresql_where=text("state = 'entered'"))
            for tier in ("city", "district", "street", "unit")
        ),
    )

    card_id: UUID = Field(foreign_key="bank_card.id")
    person_id: UUID = Field(foreign_key="person.id")
    """Whose card it is."""
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    method: str = Field(max_length=10)
    outcome: str = Field(max_length=6)
    state: str = Field(max_length=10)
    entered_by: UUID = Field(foreign_key="person.id")
    decided_at: datetime | None = instant(nullable=True)
    decided_by: UUID | None = Field(default=None, foreign_key="person.id")
