"""Reading living household files with what else identifies them. Only jobs see all of it at once."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import any_, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.applications.queries import A
from app.db.sealing import Keyring, SealBroken
from app.db.statements import statement
from app.db.transaction import Record, Transaction
from app.duplicates.commands import TIERS, File
from app.duplicates.rules import Elsewhere, features_of, phone_number
from app.households.queries import LIVING, H, kept_form
from app.people.commands import PHONE
from app.people.queries import CARD, PERSON

PAGE: Final = 500
FIRST: Final = UUID(int=0)
LAST: Final = UUID(int=2**128 - 1)


def _hexes(column: Any) -> Any:
    """As text: the driver has to learn an array's type on every new connection."""
    hexes = func.string_agg(func.encode(column, literal_column("'hex'")).distinct(), literal_column("' '"))
    return func.coalesce(hexes, literal_column("''"))


_CARDS = (
    select(_hexes(CARD.c.number_index))
    .where(CARD.c.person_id == H.c.person_id, CARD.c.state != literal_column("'replaced'"))
    .scalar_subquery()
)
_PAPERS = (
    select(_hexes(A.c.subject_index))
    .where(
        A.c.applicant_id == H.c.person_id,
        A.c.kind == literal_column("'secondary_medical'"),
        A.c.submitted_at.is_not(None),
    )
    .scalar_subquery()
)
_FILES = (
    select(
        *(H.c[name] for name in ("id", "person_id", "state", "submitted_at", "form")),
        *(H.c[tier] for tier in TIERS),
        PERSON.c.phone,
        _CARDS.label("cards"),
        _PAPERS.label("papers"),
    )
    .join(PERSON, PERSON.c.id == H.c.person_id)
    .where(LIVING, H.c.submitted_at.is_not(None))
)
_PAGE = statement(_FILES.where(H.c.id > bindparam("after")).order_by(H.c.id).limit(literal_column(str(PAGE))))
_THESE = statement(_FILES.where(H.c.id == any_(bindparam("ids", type_=ARRAY(H.c.id.type)))))
_HOW_MANY = statement(select(func.count()).select_from(H).where(LIVING, H.c.submitted_at.is_not(None)))


async def how_many(transaction: Transaction) -> int:
    count: int = await transaction.value(_HOW_MANY)
    return count


async def page(transaction: Transaction, keyring: Keyring, after: UUID) -> tuple[list[File], UUID]:
    """The next files in the order of their ids, and the last id that was looked at; LAST when there are no more."""
    rows = await transaction.rows(_PAGE, after=after)
    return _files(keyring, rows), rows[-1]["id"] if len(rows) == PAGE else LAST


async def these(transaction: Transaction, keyring: Keyring, ids: Sequence[UUID]) -> list[File]:
    """Of these files those that live and are not with their owner."""
    return _files(keyring, await transaction.rows(_THESE, ids=list(ids)))


def _files(keyring: Keyring, rows: Sequence[Record]) -> list[File]:
    return [file for row in rows if (file := _file(keyring, row)) is not None]


def _file(keyring: Keyring, row: Record) -> File | None:
    try:
        form = kept_form(keyring, row)
        phone = keyring.open_text(PHONE, row["person_id"], row["phone"]) if row["phone"] else ""
    except SealBroken:
        return None
    if form is None:
        return None
    elsewhere = Elsewhere(
        frozenset({phone_number(phone)} if phone else ()),
        frozenset(row["cards"].split()),
        frozenset(row["papers"].split()),
    )
    return File(row["id"], row["person_id"], {tier: row[tier] for tier in TIERS}, features_of(form, elsewhere))
