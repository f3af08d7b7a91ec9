"""Reading who is responsible for a household, who could be, and the current contact card."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from app.contact_cards.card import Responsible
from app.contact_cards.tables import ContactCard, ResponsiblePerson
from app.db.base import table_of
from app.db.sealing import Keyring
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.kernel.errors import Conflict

PERSON, CARD = table_of(ResponsiblePerson), table_of(ContactCard)
NAME, PHONE, CONTENT = "responsible_person.name", "responsible_person.phone", "contact_card.content"
_PERSON_NAME = "person.name"
NOBODY_YET = 1
"""The version of a household for which nobody was responsible so far."""
_RESPONSIBLE = statement(
    select(PERSON)
    .where(PERSON.c.household_id == bindparam("household_id"))
    .order_by(PERSON.c.sequence.desc())
    .limit(bindparam("size"))
)
_CARD = statement(
    select(CARD)
    .where(CARD.c.household_id == bindparam("household_id"))
    .order_by(CARD.c.sequence.desc())
    .limit(bindparam("size"))
)
_STAFF = Statement("select * from staff_over($1, $2)", ("asked", "today"), {})


class NobodyResponsible(Conflict):
    """还没有确定帮扶责任人，请所在工会先指定。"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody with a post over a household, who could be made responsible for it."""

    person_id: UUID
    name: str
    role: Role
    organisation_name: str


async def responsible(transaction: Transaction, household_id: UUID) -> Record | None:
    """Who is responsible for a household now. None before anybody was."""
    return await transaction.row(_RESPONSIBLE, household_id=household_id, size=1)


async def card(transaction: Transaction, household_id: UUID) -> Record | None:
    """The current card of a household. None before the first."""
    return await transaction.row(_CARD, household_id=household_id, size=1)


def version_of(row: Record | None) -> int:
    """The version of who is responsible: it grows with each of them."""
    return NOBODY_YET if row is None else NOBODY_YET + int(row["sequence"])


def published(keyring: Keyring, row: Record) -> Responsible:
    """The responsible person as the union publishes them."""
    return Responsible(
        keyring.open_text(NAME, row["id"], row["name"]),
        row["organisation_name"],
        keyring.open_text(PHONE, row["id"], row["phone"]),
    )


def content_of(keyring: Keyring, row: Record) -> Any:
    """What a card says."""
    return keyring.open_document(CONTENT, row["id"], row["content"])


async def candidates(transaction: Transaction, keyring: Keyring, household_id: UUID, today: date) -> list[Candidate]:
    """All whose post lets them read this household's file, those nearest to it first, each once."""
    found: dict[UUID, Candidate] = {}
    for row in await transaction.rows(_STAFF, asked=household_id, today=today):
        if Permission.READ_CASES in PERMISSIONS[Role(row["role"])]:
            name = keyring.open_text(_PERSON_NAME, row["person_id"], row["name"])
            found.setdefault(
                row["person_id"], Candidate(row["person_id"], name, Role(row["role"]), row["organisation_name"])
            )
    return list(found.values())
