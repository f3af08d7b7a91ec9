"""Applications (申请) of every kind, and the steps taken on them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, among, blind_index, instant, sealed, version_column

_UNDER_WAY = "'submitted','unit_review','district_review','city_approval','meeting','public_notice','approved','paying'"
OPEN_STATES = f"({_UNDER_WAY},'payment_failed')"
LIVE_STATES = f"({_UNDER_WAY},'waiting_funds','payment_failed','paid')"
HELD_STATES = "('public_notice','waiting_funds','approved','paying','payment_failed','paid')"
"""Where a household has been granted an amount, whether or not it has it yet: what the year's cap counts."""
TAKES_SUBJECT = f"({among('state', LIVE_STATES)} or paid_before_fen is not null) and subject_index is not null"
"""What was paid once is not given to the same subject again, whatever became of more that was asked for."""
_SUPPLEMENT_OVER = "('answered','lapsed','withdrawn')"
_SUPPLEMENTED = "('submitted','unit_review','district_review','city_approval')"
_REFUSALS = "('reject','refuse_by_rule')"
_NOT_YET_PAYING = among("state", "('paying','paid')", but=True)


class Application(Row, table=True):
    """One application. It carries its organisation on each tier, so that a scope is one comparison."""

    __tablename__ = "application"
    __table_args__ = (
        CheckConstraint(among("kind", "('hardship_aid','golden_autumn','secondary_medical')"), name="kind"),
        CheckConstraint("amount_fen >= 0", name="amount"),
        CheckConstraint("(state = 'draft') = (submitted_at is null) or state = 'withdrawn'", name="submitted"),
        CheckConstraint("state <> 'paid' or paid_at is not null", name="paid"),
        CheckConstraint("paid_before_fen > 0", name="paid_before"),
        CheckConstraint(
            f"paid_before_fen is null or amount_fen > paid_before_fen or {among('state', HELD_STATES, but=True)}",
            name="rest",
        ),
        CheckConstraint(among("reuse", "('open','same')"), name="reuse"),
        CheckConstraint("amount_fen <= decided_fen", name="within_decision"),
        CheckConstraint(
            "(route is null) = (route_version is null) and (route is null) = (route_fen is null)", name="route"
        ),
        CheckConstraint(
            f"{among('supplement', _SUPPLEMENT_OVER)} or supplement is null "
            f"or (supplement = 'open' and {among('state', _SUPPLEMENTED)})",
            name="supplement",
        ),
        CheckConstraint(f"{_NOT_YET_PAYING} or approved_at is not null", name="approved_first"),
        # One measure of the household's plan for every payment; what is no aid to a household has none.
        ForeignKeyConstraint(["measure_id", "household_id"], ["measure.id", "measure.household_id"]),
        CheckConstraint(
            f"{_NOT_YET_PAYING} or household_id is null or kind = 'secondary_medical' or measure_id is not null",
            name="measure",
        ),
        # What was returned stands beside a draft that was begun when it was submitted.
        Index(
            "uq_application_open_draft",
            "applicant_id",
            "kind",
            "period",
            unique=True,
            postgresql_where=text("state = 'draft'"),
        ),
        # The same student and academic year, or the same settlement sheet: one living application in the city.
        Index(
            "uq_application_subject",
            "kind",
            "subject_index",
            unique=True,
            postgresql_where=text(TAKES_SUBJECT),
        ),
        *(
            Index(
                f"ix_application_open_{tier}",
                f"{tier}_id",
                "state",
                "submitted_at",
                "id",
                postgresql_where=text(among("state", OPEN_STATES)),
            )
            for tier in ("city", "district", "street", "unit")
        ),
        Index(
            "ix_application_household",
            "household_id",
            "submitted_at",
            postgresql_where=text("household_id is not null"),
        ),
        # Of two submissions by one person at once, neither of which saw the other, only one is taken. It also finds
        # somebody's own applications, which are few, drafts among them.
        Index("uq_application_submission", "applicant_id", "submission_no", unique=True),
    )

    number: str = Field(unique=True, max_length=40)
    kind: str = Field(max_length=20)
    period: str = Field(max_length=40)
    applicant_id: UUID = Field(foreign_key="person.id")
    applicant_masked: str = Field(max_length=60)
    household_id: UUID | None = Field(default=None, foreign_key="household.id")
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    organisation_name: str = Field(max_length=100)
    state: str = Field(max_length=20)
    round: int = Field(default=1)
    """Grows with each resubmission: approvals of an earlier round are void."""
    version: int = version_column()
    form: bytes = sealed(nullable=False)
    facts: bytes | None = sealed()
    facts_sha256: str | None = Field(default=None, max_length=64)
    decision: bytes | None = sealed()
    policy_version: str | None = Field(default=None, max_length=60)
    code_sha256: str | None = Field(default=None, max_length=64)
    subject_index: bytes | None = blind_index()
    """What must not be aided twice: a student's academic year, a settlement sheet."""
    item: str | None = Field(default=None, max_length=20)
    """What of the kind is asked for, where the yearly caps need to know."""
    cover_id: UUID | None = Field(default=None, foreign_key="cover.id")
    supplement: str | None = Field(default=None, max_length=10)
    """How the last supplement at this stage stands (`supplement.state`); the next step forgets it."""
    reuse: str | None = Field(default=None, max_length=8)
    """Whether a hint that its bill was claimed for before is open, or was said to be true (app/reuse)."""
    household_cap: str | None = Field(default=None, max_length=60)
    """The version of the year's cap on what a household gets under which it was granted; None: there was none."""
    measure_id: UUID | None = Field(default=None)
    """The measure of the household's plan under which it is paid; set when the payment is started."""
    amount_fen: int | None = Field(default=None, sa_type=BigInteger)
    """What is granted: as much as was decided, or less where an approver said so."""
    decided_fen: int | None = Field(default=None, sa_type=BigInteger)
    """What the rules gave: the most that may be granted. None for what was submitted before it was kept."""
    route: str | None = Field(default=None, max_length=60)
    """The stages that it passes (`app.applications.routes`); None for what was submitted before: the usual ones."""
    route_version: str | None = Field(default=None, max_length=60)
    route_fen: int | None = Field(default=None, sa_type=BigInteger)
    """The amount that the route is for."""
    paid_before_fen: int | None = Field(default=None, sa_type=BigInteger)
    """What was paid of the amount before an appeal raised it: only the rest is still to be paid."""
    submission_no: int | None = Field(default=None)
    """The applicant's first, second, … submission, counted over all kinds; a resubmission counts again."""
    submitted_at: datetime | None = instant(nullable=True)
    due_at: datetime | None = instant(nullable=True)
    approved_at: datetime | None = instant(nullable=True)
    paid_at: datetime | None = instant(nullable=True)
    updated_at: datetime = instant()


class Passage(Row, table=True):
    """One step taken on an application. Appended, never changed."""

    __tablename__ = "passage"
    __table_args__ = (
        # Maker, checkers and payers of one round are different people.
        Index(
            "uq_passage_reviewer",
            "application_id",
            "round",
            "person_id",
            unique=True,
            postgresql_where=text("counts_as_review"),
        ),
        CheckConstraint(
            f"{among('action', _REFUSALS, but=True)} or (reason_code is not null and note is not null)",
            name="reason",
        ),
        CheckConstraint("on_behalf_of is null or on_behalf_of <> person_id and said_of is not null", name="behalf"),
        Index("ix_passage_application", "application_id", "created_at"),
        # Of those who helped with a case, which are few.
        Index("ix_passage_helped", "person_id", postgresql_where=text("action = 'assist'")),
    )

    application_id: UUID = Field(foreign_key="application.id")
    round: int
    person_id: UUID | None = Field(default=None)
    """None when the system took the step."""
    post_role: str | None = Field(default=None, max_length=32)
    organisation_name: str | None = Field(default=None, max_length=100)
    action: str = Field(max_length=20)
    from_state: str = Field(max_length=20)
    to_state: str = Field(max_length=20)
    counts_as_review: bool
    note: bytes | None = sealed()
    reason_code: str | None = Field(default=None, max_length=40, foreign_key="application_reason.code")
    amount_fen: int | None = Field(default=None, sa_type=BigInteger)
    on_behalf_of: UUID | None = Field(default=None)
    """Whose post it was that whoever took the step was lent."""
    said_of: str | None = Field(default=None, max_length=140)
    """How whoever took the step came to take it, where it was not by a post of their own at the stage."""
