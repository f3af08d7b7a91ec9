"""Evaluations by a third party, the files that were drawn for one, and how the evaluators scored each."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from app.db.base import Row, document, instant, long_text, sealed, version_column

TIERS = ("city", "district", "street", "unit")
_DRAWN = ("seed", "population", "population_sha256", "drawn_at", "drawn_by", "drawn", "strata")


class Evaluation(Row, table=True):
    """An evaluation of how a union identified whom it aids: announced with a sealed seed, drawn, closed with a result.
    What was said once is never changed (`evaluation_guard`)."""

    __tablename__ = "evaluation"
    __table_args__ = (
        CheckConstraint("state in ('announced','drawn','closed')", name="state"),
        CheckConstraint("last_day between first_day and first_day + 179", name="days"),
        CheckConstraint("first_evaluator_id <> second_evaluator_id", name="two_evaluators"),
        CheckConstraint("seed_sha256 = encode(sha256(seed::bytea), 'hex')", name="seed"),
        CheckConstraint("population_sha256 = encode(sha256(population), 'hex')", name="population"),
        CheckConstraint(" and ".join(f"(state = 'announced') = ({name} is null)" for name in _DRAWN), name="drawn"),
        CheckConstraint(
            "(state = 'closed') = (closed_at is not null) and (closed_at is null) = (closed_by is null) "
            "and (result is null or state = 'closed')",
            name="closed",
        ),
        Index("uq_evaluation_days", "organisation_id", "first_day", "last_day", unique=True),
        Index("ix_evaluation_first", "first_evaluator_id", "created_at", "id"),
        Index("ix_evaluation_second", "second_evaluator_id", "created_at", "id"),
        *(Index(f"ix_evaluation_{tier}", f"{tier}_id", "created_at", "id") for tier in TIERS),
    )

    organisation_id: UUID = Field(foreign_key="organisation.id")
    organisation_name: str = Field(max_length=100)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    title: str = Field(max_length=100)
    basis: str = long_text()
    """What it rests on: a document, a contract."""
    first_day: date
    last_day: date
    """The days on which the evaluators work."""
    sizes: dict[str, Any] = document()
    """How many files of each stratum."""
    first_evaluator_id: UUID = Field(foreign_key="person.id")
    first_masked: str = Field(max_length=60)
    second_evaluator_id: UUID = Field(foreign_key="person.id")
    second_masked: str = Field(max_length=60)
    state: str = Field(max_length=10)
    version: int = version_column()
    announced_by: UUID = Field(foreign_key="person.id")
    seed_sha256: str = Field(max_length=64)
    """Told when it is announced."""
    seed_sealed: bytes = sealed(nullable=False)
    seed: str | None = Field(default=None, max_length=64)
    drawn_at: datetime | None = instant(nullable=True)
    drawn_by: UUID | None = Field(default=None, foreign_key="person.id")
    population: bytes | None = Field(default=None, sa_type=LargeBinary)
    population_sha256: str | None = Field(default=None, max_length=64)
    drawn: int | None = None
    strata: list[dict[str, Any]] | None = document(nullable=True)
    complete: bool = Field(default=False)
    """Both have scored everything; the database says so (`evaluation_score_guard`)."""
    closed_at: datetime | None = instant(nullable=True)
    closed_by: UUID | None = Field(default=None, foreign_key="person.id")
    result: list[dict[str, Any]] | None = document(nullable=True)


class EvaluationCase(Row, table=True):
    """A household file that was drawn, as the evaluators see it: without whatever tells who it is, as it was then."""

    __tablename__ = "evaluation_case"
    __table_args__ = (
        CheckConstraint("stratum in ('never_archived','not_lifted','lifted','cancelled')", name="stratum"),
        UniqueConstraint("id", "evaluation_id", name="uq_evaluation_case_evaluation"),
        Index("uq_evaluation_case_household", "evaluation_id", "household_id", unique=True),
        Index("ix_evaluation_case_page", "evaluation_id", "created_at", "id"),
        Index("ix_evaluation_case_household", "household_id"),
    )

    evaluation_id: UUID = Field(foreign_key="evaluation.id")
    serial: int
    stratum: str = Field(max_length=16)
    household_id: UUID = Field(foreign_key="household.id")
    person_id: UUID = Field(foreign_key="person.id")
    """The head, who is told of each look."""
    number: str = Field(max_length=40)
    """Of the file; not told to the evaluators."""
    content: bytes = sealed(nullable=False)


class EvaluationScore(Row, table=True):
    """How an evaluator scored a case. Appended, never changed: a correction is the next revision, which counts."""

    __tablename__ = "evaluation_score"
    __table_args__ = (
        ForeignKeyConstraint(
            ["case_id", "evaluation_id"],
            ["evaluation_case.id", "evaluation_case.evaluation_id"],
            name="fk_evaluation_score_case_id_evaluation_case",
        ),
        CheckConstraint("verdict in ('right','wrong')", name="verdict"),
        CheckConstraint("revision >= 1", name="revision"),
        Index("uq_evaluation_score_revision", "case_id", "person_id", "revision", unique=True),
        Index("ix_evaluation_score_evaluation", "evaluation_id"),
    )

    evaluation_id: UUID = Field(foreign_key="evaluation.id")
    case_id: UUID
    person_id: UUID = Field(foreign_key="person.id")
    """The evaluator."""
    revision: int
    verdict: str = Field(max_length=8)
    reasons: bytes = sealed(nullable=False)
