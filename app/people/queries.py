"""Reading people, their sessions and their consents."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import any_, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.db.base import table_of
from app.db.sealing import Keyring
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.errors import NotFound
from app.people.consents import Purpose, consent_texts
from app.people.tables import BankCard, Consent, Person, Session

PERSON, CONSENT, SESSION, CARD = (table_of(model) for model in (Person, Consent, Session, BankCard))

_PERSON = statement(select(PERSON).where(PERSON.c.id == bindparam("id"), PERSON.c.closed_at.is_(None)))
_LOCKED = statement(
    select(PERSON).where(PERSON.c.id == bindparam("id"), PERSON.c.closed_at.is_(None)).with_for_update()
)
_NAMES = statement(
    select(PERSON.c.id, PERSON.c.name).where(PERSON.c.id == any_(bindparam("ids", type_=ARRAY(PERSON.c.id.type))))
)
NAME = "person.name"
_BY_OPENID = statement(
    select(PERSON).where(PERSON.c.openid_index == bindparam("openid_index"), PERSON.c.closed_at.is_(None))
)
_CONSENTS = statement(
    select(CONSENT.c.id, CONSENT.c.purpose, CONSENT.c.text_version, CONSENT.c.text_sha256, CONSENT.c.created_at,
           CONSENT.c.withdrawn_at)
    .where(CONSENT.c.person_id == bindparam("person_id"))
    .order_by(CONSENT.c.id)
)  # fmt: skip
CONSENTED = (
    select(func.coalesce(func.string_agg(CONSENT.c.text_sha256, literal_column("' '")), literal_column("''")))
    .where(CONSENT.c.person_id == PERSON.c.id, CONSENT.c.withdrawn_at.is_(None))
    .scalar_subquery()
    .label("consented")
)
"""Beside a person: the hashes of the texts consented to, for `purposes_of`. As text: the driver has to
learn an array's type on every new connection."""
_CARDS = statement(
    select(CARD.c.bank_name, CARD.c.branch, CARD.c.number_masked, CARD.c.state, CARD.c.checked)
    .where(
        CARD.c.person_id == bindparam("person_id"),
        CARD.c.state.in_([literal_column("'current'"), literal_column("'pending'")]),
    )
    .order_by(CARD.c.state)
)


# Held until commit: what is withdrawn is withdrawn after what was done in reliance on it.
_AGREED = statement(
    select(CONSENT.c.person_id)
    .where(
        CONSENT.c.person_id == any_(bindparam("ids", type_=ARRAY(CONSENT.c.person_id.type))),
        CONSENT.c.purpose == bindparam("purpose"),
        CONSENT.c.text_sha256 == bindparam("sha256"),
        CONSENT.c.withdrawn_at.is_(None),
    )
    .with_for_update(read=True)
)


class PersonNotFound(NotFound):
    """没有找到您的账户，请重新登录。"""


async def person(transaction: Transaction, person_id: UUID) -> Record:
    """A living account. Raises PersonNotFound."""
    return _found(await transaction.row(_PERSON, id=person_id))


async def person_locked(transaction: Transaction, person_id: UUID) -> Record:
    """The same, held until commit."""
    return _found(await transaction.row(_LOCKED, id=person_id))


def _found(row: Record | None) -> Record:
    if row is None:
        raise PersonNotFound
    return row


async def names_of(transaction: Transaction, keyring: Keyring, ids: Iterable[UUID]) -> dict[UUID, str]:
    """The names of those of these people whom this transaction may see."""
    rows = await transaction.rows(_NAMES, ids=list(ids))
    return {row["id"]: keyring.open_text(NAME, row["id"], row["name"]) for row in rows if row["name"]}


async def person_of_openid(transaction: Transaction, openid_index: bytes) -> Record | None:
    return await transaction.row(_BY_OPENID, openid_index=openid_index)


_ON_PAPER = Statement("select * from person_on_paper($1)", ("asked",), {})


async def on_paper(transaction: Transaction, number_index: bytes) -> Record | None:
    """Who has this identity number and no WeChat: id, name and phone (sealed), organisation_id. Held until commit."""
    return await transaction.row(_ON_PAPER, asked=number_index)


_WHOSE_NUMBER = Statement("select person_of_number($1)", ("asked",), {})


async def person_of_number(transaction: Transaction, number_index: bytes) -> UUID | None:
    """Whose living account has this identity number, if anybody's."""
    found: UUID | None = await transaction.value(_WHOSE_NUMBER, asked=number_index)
    return found


_IS_NEAR = Statement("select coalesce(bool_or(is_near_number(n)), false) from unnest($1::bytea[]) n", ("asked",), {})
_HAS_HELPED = Statement("select has_helped($1)", ("asked",), {})


async def is_near_number(transaction: Transaction, *number_indexes: bytes) -> bool:
    """Whether one of these identity numbers is that of whoever this transaction works for, of somebody whom they live
    with, or of a declared relative."""
    near: bool = await transaction.value(_IS_NEAR, asked=list(number_indexes))
    return near


async def has_helped(transaction: Transaction, number_index: bytes) -> bool:
    """Whether whoever this transaction works for, or somebody near to them, filled in, confirmed or handed in anything
    on paper for whoever has this identity number."""
    helped: bool = await transaction.value(_HAS_HELPED, asked=number_index)
    return helped


async def consents(transaction: Transaction, person_id: UUID) -> list[Record]:
    """Every consent ever given, withdrawn ones too."""
    return await transaction.rows(_CONSENTS, person_id=person_id)


async def consented(transaction: Transaction, person_id: UUID) -> frozenset[Purpose]:
    """The purposes whose text in use the person has consented to and not withdrawn."""
    texts = consent_texts()
    return frozenset(
        Purpose(row["purpose"])
        for row in await consents(transaction, person_id)
        if row["withdrawn_at"] is None and row["text_sha256"] == texts[Purpose(row["purpose"])].sha256
    )


def purposes_of(hashes: str) -> frozenset[Purpose]:
    """The purposes whose texts in use have these hashes, which stand apart by spaces."""
    given = set(hashes.split())
    return frozenset(purpose for purpose, text in consent_texts().items() if text.sha256 in given)


async def agreed_to(transaction: Transaction, ids: Iterable[UUID], purpose: Purpose) -> frozenset[UUID]:
    """For the jobs, which see every consent: those of these people who have consented to the text in use."""
    sha256 = consent_texts()[purpose].sha256
    rows = await transaction.rows(_AGREED, ids=list(ids), purpose=purpose, sha256=sha256)
    return frozenset(row["person_id"] for row in rows)


async def bank_cards(transaction: Transaction, person_id: UUID) -> list[Record]:
    """The current card and the pending change, masked."""
    return await transaction.rows(_CARDS, person_id=person_id)


_SESSIONS = statement(
    select(SESSION.c.id, SESSION.c.created_at, SESSION.c.expires_at, SESSION.c.ended_at)
    .where(SESSION.c.person_id == bindparam("person_id"))
    .order_by(SESSION.c.id)
)


async def sessions(transaction: Transaction, person_id: UUID) -> list[Record]:
    """Every sign-in of a person, oldest first."""
    return await transaction.rows(_SESSIONS, person_id=person_id)
