"""What the database knows of the people in an import: their files, their cards, and what is being asked for them."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import any_, bindparam, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.change_requests.queries import R
from app.db.base import table_of
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.queries import H
from app.people.tables import BankCard

_CARD = table_of(BankCard)
_FILES = statement(select(H).where(H.c.id == any_(bindparam("ids", type_=ARRAY(H.c.id.type)))))
_ASKED = statement(
    select(R.c.person_id, R.c.kind, R.c.field).where(
        R.c.person_id == any_(bindparam("ids", type_=ARRAY(R.c.person_id.type))), R.c.state == literal_column("'open'")
    )
)
_CARDS = statement(
    select(_CARD.c.person_id, _CARD.c.number_index).where(
        _CARD.c.person_id == any_(bindparam("ids", type_=ARRAY(_CARD.c.person_id.type))),
        _CARD.c.state == literal_column("'current'"),
    )
)

_NEAR = Statement("select unnest(numbers_near($1)) as number_index", ("person_id",), {})


async def files_of(transaction: Transaction, household_ids: Iterable[UUID]) -> dict[UUID, Record]:
    """These household files."""
    ids = sorted(set(household_ids))
    return {row["id"]: row for row in await transaction.rows(_FILES, ids=ids)} if ids else {}


async def asked_for(transaction: Transaction, person_ids: Iterable[UUID]) -> frozenset[tuple[UUID, str, str]]:
    """The open requests for changes of these people: whose, of which kind, and of which field."""
    rows = await transaction.rows(_ASKED, ids=sorted(set(person_ids)))
    return frozenset((row["person_id"], row["kind"], row["field"]) for row in rows)


async def cards_of(transaction: Transaction, person_ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """The blind index of the number of the card that each of these is paid to."""
    rows = await transaction.rows(_CARDS, ids=sorted(set(person_ids)))
    return {row["person_id"]: row["number_index"] for row in rows}


async def numbers_near(transaction: Transaction, person_id: UUID) -> frozenset[bytes]:
    """The blind indexes of the numbers of a person, of whom they live with, and of declared relatives; none of somebody
    who has proved no identity."""
    rows = await transaction.rows(_NEAR, person_id=person_id)
    return frozenset(row["number_index"] for row in rows)
