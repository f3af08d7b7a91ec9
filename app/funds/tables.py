"""Funds, their budgets, what each case draws from which, who waits for room, and the ledger."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from app.db.base import Row, among, instant, long_text, version_column

SOURCES: Final = "('central','provincial','match','union','donation','interest')"
KINDS: Final = "('hardship_aid','golden_autumn','secondary_medical')"
OPEN: Final = "('reserved','committed')"
"""Drawings whose money has not gone yet."""
ACCOUNTS: Final = "('source','unallocated','allocated','granted','returned')"


def _codes(length: int, *, nullable: bool = True) -> Column[list[str]]:
    return Column(ARRAY(String(length)), nullable=nullable)


class Fund(Row, table=True):
    """Money of one source and year, and what it may be used for. It belongs to a union, and is used under it."""

    __tablename__ = "fund"
    __table_args__ = (
        CheckConstraint(f"source in {SOURCES}", name="source"),
        CheckConstraint(
            "cardinality(kinds) > 0 and kinds <@ array['hardship_aid','golden_autumn','secondary_medical']::varchar[]",
            name="kinds",
        ),
        CheckConstraint("categories <@ array['deep','relative','accident']::varchar[]", name="categories"),
        CheckConstraint(
            "archive_levels <@ array['national','provincial','municipal','county','grassroots']::varchar[]",
            name="archive_levels",
        ),
        # The central and the provincial money is for archives of the national level alone (facts: 建档标准).
        CheckConstraint(
            "source not in ('central','provincial') or archive_levels = array['national']::varchar[]", name="national"
        ),
        CheckConstraint("(source = 'donation') = (intent is not null)", name="intent"),
        CheckConstraint("carry_over_years between 0 and 10", name="carry_over"),
        CheckConstraint("allocated_fen >= 0 and allocated_fen <= received_fen", name="room"),
        Index("ix_fund_city", "city_id", "created_at", "id"),
    )

    code: str = Field(unique=True, max_length=40)
    name: str = Field(max_length=100)
    source: str = Field(max_length=12)
    year: int = Field(sa_type=SmallInteger)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    """Whose money it is: it may be allocated to this union and those below it."""
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    kinds: list[str] = Field(sa_column=_codes(20, nullable=False))
    categories: list[str] | None = Field(default=None, sa_column=_codes(12))
    """For households of these categories alone; None: of any, and for whoever has none."""
    archive_levels: list[str] | None = Field(default=None, sa_column=_codes(12))
    intent: str | None = long_text(nullable=True)
    """What a donor gave it for; whatever of it can be checked stands in the columns before."""
    carry_over_years: int = Field(default=0, sa_type=SmallInteger)
    """For how many years after its own it may still be budgeted."""
    received_fen: int = Field(default=0, sa_type=BigInteger)
    allocated_fen: int = Field(default=0, sa_type=BigInteger)
    """What of it stands in budgets."""
    version: int = version_column()


class Budget(Row, table=True):
    """What of a fund one union may use for one kind of aid in one year. The check is the last line."""

    __tablename__ = "budget"
    __table_args__ = (
        CheckConstraint(among("kind", KINDS), name="kind"),
        CheckConstraint("reserved_fen >= 0 and committed_fen >= 0 and spent_fen >= 0", name="amounts"),
        CheckConstraint("reserved_fen + committed_fen + spent_fen <= allocated_fen", name="room"),
        Index("uq_budget_place", "fund_id", "organisation_id", "kind", "year", unique=True),
        Index("ix_budget_drawn", "organisation_id", "kind", "year"),
    )

    fund_id: UUID = Field(foreign_key="fund.id")
    organisation_id: UUID = Field(foreign_key="organisation.id")
    organisation_name: str = Field(max_length=100)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    kind: str = Field(max_length=20)
    year: int = Field(sa_type=SmallInteger)
    allocated_fen: int = Field(default=0, sa_type=BigInteger)
    reserved_fen: int = Field(default=0, sa_type=BigInteger)
    committed_fen: int = Field(default=0, sa_type=BigInteger)
    spent_fen: int = Field(default=0, sa_type=BigInteger)


class Allocation(Row, table=True):
    """Room that somebody proposes to move: from a fund into a budget, down the tree, or back; decided by another."""

    __tablename__ = "allocation"
    __table_args__ = (
        CheckConstraint(f"kind in {KINDS}", name="kind"),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("from_organisation_id is distinct from to_organisation_id", name="ends"),
        CheckConstraint("state in ('proposed','approved','refused','withdrawn')", name="state"),
        CheckConstraint("(state = 'proposed') = (decided_at is null)", name="decided"),
        CheckConstraint("(decided_at is null) = (decided_by is null)", name="decider"),
        CheckConstraint("state not in ('approved','refused') or decided_by <> proposed_by", name="second_person"),
        Index("ix_allocation_city", "city_id", "created_at", "id"),
        Index("ix_allocation_fund", "fund_id", "created_at", "id"),
    )

    fund_id: UUID = Field(foreign_key="fund.id")
    kind: str = Field(max_length=20)
    year: int = Field(sa_type=SmallInteger)
    from_organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    """Whose budget it comes from; None: from what of the fund is in no budget yet."""
    to_organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    """Whose budget it goes to; None: back into the fund."""
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    """The lower of the two."""
    amount_fen: int = Field(sa_type=BigInteger)
    reason: str = long_text()
    state: str = Field(max_length=10)
    version: int = version_column()
    proposed_by: UUID = Field(foreign_key="person.id")
    decided_by: UUID | None = Field(default=None, foreign_key="person.id")
    decided_at: datetime | None = instant(nullable=True)
    note: str | None = long_text(nullable=True)


class Drawing(Row, table=True):
    """So much of a case comes from this budget. What a case holds follows from its state: `money_class` says how."""

    __tablename__ = "drawing"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint(among("state", "('reserved','committed','spent','released')"), name="state"),
        Index(
            "uq_drawing_open",
            "application_id",
            "budget_id",
            "round",
            "returned",
            unique=True,
            postgresql_where=text(among("state", OPEN)),
        ),
        Index("ix_drawing_application", "application_id"),
        Index("ix_drawing_open", "budget_id", postgresql_where=text(among("state", OPEN))),
        Index("ix_drawing_reserved", "created_at", "id", postgresql_where=text("state = 'reserved'")),
    )

    application_id: UUID = Field(foreign_key="application.id")
    budget_id: UUID = Field(foreign_key="budget.id")
    fund_id: UUID = Field(foreign_key="fund.id")
    fund_name: str = Field(max_length=100)
    round: int
    amount_fen: int = Field(sa_type=BigInteger)
    state: str = Field(max_length=10)
    returned: bool = Field(default=False)
    """It was paid, and the bank sent it back."""


class Waiting(Row, table=True):
    """A case that was approved and for which there is no room. Its id is the application's.

    The order is that of (`waits_from`, `id`): whoever asked first, whichever reviewers were slow; a reservation that
    was not used in time begins anew at the end.
    """

    __tablename__ = "waiting"
    __table_args__ = (
        CheckConstraint(f"kind in {KINDS}", name="kind"),
        CheckConstraint("needed_fen > 0", name="needed"),
        CheckConstraint("resumes in ('public_notice','approved')", name="resumes"),
        *(
            Index(f"ix_waiting_{tier}", f"{tier}_id", "kind", "waits_from", "id")
            for tier in ("city", "district", "street", "unit")
        ),
    )

    kind: str = Field(max_length=20)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    category: str | None = Field(default=None, max_length=12)
    archive_level: str | None = Field(default=None, max_length=12)
    needed_fen: int = Field(sa_type=BigInteger)
    waits_from: datetime = instant()
    resumes: str = Field(max_length=20)
    """Where it goes on once there is room: to its notice, or, if that was over, to its payment."""


class LedgerTransaction(Row, table=True):
    """Something that happened to money, once: its key says what. Appended, never changed."""

    __tablename__ = "ledger_transaction"
    __table_args__ = (
        CheckConstraint(
            "kind in ('grant','donation','interest','allocation','payment','return','write_off')", name="kind"
        ),
        Index("ix_ledger_transaction_payment", "created_at", postgresql_where=text("kind = 'payment'")),
        Index(
            "ix_ledger_transaction_application",
            "application_id",
            postgresql_where=text("application_id is not null"),
        ),
    )

    event_key: str = Field(unique=True, max_length=120)
    kind: str = Field(max_length=12)
    day: date
    """The business day (Asia/Shanghai) that it belongs to."""
    person_id: UUID | None = Field(default=None, foreign_key="person.id")
    """Who entered it; None: the step of a case, whose timeline says who."""
    application_id: UUID | None = Field(default=None, foreign_key="application.id")
    reference: str | None = Field(default=None, max_length=60)
    """The number of the paper that it rests on."""


class LedgerEntry(Row, table=True):
    """One side of it, in signed fen. Those of one transaction and fund sum to zero when it commits."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        CheckConstraint(f"account in {ACCOUNTS}", name="account"),
        CheckConstraint("amount_fen <> 0", name="amount"),
        CheckConstraint("(organisation_id is null) = (account in ('source','unallocated'))", name="organisation"),
        Index("ix_ledger_entry_transaction", "transaction_id"),
        Index("ix_ledger_entry_account", "fund_id", "organisation_id", "account", "day"),
        Index("ix_ledger_entry_statement", "fund_id", "organisation_id", "created_at", "id"),
        Index("ix_ledger_entry_fund", "fund_id", "created_at", "transaction_id"),
        Index("ix_ledger_entry_granted", "day", postgresql_where=text("account = 'granted'")),
    )

    transaction_id: UUID = Field(foreign_key="ledger_transaction.id")
    fund_id: UUID = Field(foreign_key="fund.id")
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    account: str = Field(max_length=12)
    amount_fen: int = Field(sa_type=BigInteger)
    day: date


class LedgerCheckpoint(Row, table=True):
    """What stood on an account at the end of a day, so that no balance has to read the whole ledger."""

    __tablename__ = "ledger_checkpoint"
    __table_args__ = (
        CheckConstraint(f"account in {ACCOUNTS}", name="account"),
        Index(
            "uq_ledger_checkpoint_day",
            "fund_id",
            "organisation_id",
            "account",
            "day",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    fund_id: UUID = Field(foreign_key="fund.id")
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    account: str = Field(max_length=12)
    day: date
    balance_fen: int = Field(sa_type=BigInteger)
