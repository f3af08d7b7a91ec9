"""Making somebody responsible for a household, and issuing the card that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, update

from app.audit.commands import record
from app.contact_cards.card import FORM, Measure, content, drawn_by, printed
from app.contact_cards.events import CardIssued
from app.contact_cards.queries import (
    CARD,
    CONTENT,
    NAME,
    PERSON,
    PHONE,
    NobodyResponsible,
    candidates,
    card,
    content_of,
    published,
    responsible,
    version_of,
)
from app.db.scope import post_over
from app.db.sealing import Keyring
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.documents.printing import Press
from app.households.path import DEAD_STATES
from app.kernel.actor import Actor, Permission
from app.kernel.business_time import business_date
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit

_INSERT_PERSON = insertion(PERSON, *(c.name for c in PERSON.c))
_INSERT_CARD = insertion(CARD, *(c.name for c in CARD.c))
_END_TERM = statement(
    update(PERSON)
    .where(PERSON.c.household_id == bindparam("of"), PERSON.c.until_date.is_(None))
    .values(until_date=bindparam("today", type_=PERSON.c.until_date.type))
)
_KEEP_HASH = statement(
    update(CARD)
    .where(CARD.c.id == bindparam("row_id"), CARD.c.sha256.is_(None))
    .values(sha256=bindparam("drawn", type_=CARD.c.sha256.type))
)
_SUPERSEDE = statement(
    update(CARD)
    .where(CARD.c.household_id == bindparam("of"), CARD.c.superseded_at.is_(None))
    .values(superseded_at=bindparam("now", type_=CARD.c.superseded_at.type))
)


class HouseholdClosed(Conflict):
    """这份家庭档案已经结束，不能再指定帮扶责任人。"""


@dataclass(frozen=True, slots=True)
class Issuer:
    """What a card says besides what stands in the file: the household's union, and its plan."""

    union: str
    """The name of the household's union."""
    measures: Sequence[Measure] = ()


async def assign(
    work: Work, actor: Actor, household: Record, issuer: Issuer, *, person_id: UUID, phone: str, expected: int
) -> Record:
    """Make a member of staff responsible for a household (its row locked), and issue the card that says so.

    Raises NotAllowed, HouseholdClosed, StaleVersion, Invalid.
    """
    if post_over(actor, Permission.REVIEW_AT_UNIT, household) is None and (
        post_over(actor, Permission.REVIEW_AT_DISTRICT, household) is None
    ):
        raise NotAllowed
    if household["state"] in DEAD_STATES:
        raise HouseholdClosed
    before = await responsible(work.transaction, household["id"])
    if version_of(before) != expected:
        raise StaleVersion(version=version_of(before))
    staff = await candidates(work.transaction, work.keyring, household["id"], work.today)
    chosen = next((one for one in staff if one.person_id == person_id), None)
    if chosen is None:
        raise Invalid(FieldError("/person_id", "not_over_household", "请选择对这户家庭有管理职务的工会工作人员。"))
    row_id = new_id()
    row = {
        "id": row_id,
        "created_at": work.now,
        "household_id": household["id"],
        "sequence": before["sequence"] + 1 if before else 1,
        "person_id": person_id,
        "name": work.keyring.seal_text(NAME, row_id, chosen.name),
        "phone": work.keyring.seal_text(PHONE, row_id, phone),
        "organisation_name": chosen.organisation_name,
        "from_date": work.today,
        "until_date": None,
        "assigned_by": actor.person_id,
    }
    await work.transaction.run(_END_TERM, of=household["id"], today=work.today)
    await work.transaction.run(_INSERT_PERSON, **row)
    await _note(work, actor.person_id, household, "household.responsible_assigned")
    await current(work, actor.person_id, household, issuer)
    return row


async def current(work: Work, by: UUID | None, household: Record, issuer: Issuer) -> Record:
    """The card that is right today (the household's row locked): the last one again, or a new one where it says other
    things by now, or its form was changed. It is drawn later. `by` None: the system. Raises NobodyResponsible."""
    who, last = (
        await responsible(work.transaction, household["id"]),
        await card(work.transaction, household["id"]),
    )
    if who is None:
        raise NobodyResponsible
    said = content(dict(household), issuer.union, published(work.keyring, who), issuer.measures)
    same = last is not None and last["responsible_id"] == who["id"] and last["drawn_by"] == drawn_by()
    if last is not None and same and content_of(work.keyring, last) == said:
        return last
    return await _issue(work, by, household, said, who["id"], last["sequence"] + 1 if last else 1)


async def drawn(keyring: Keyring, row: Record, press: Press, link: str | None) -> bytes:
    """A card as it was issued; `link`: where its code leads. Needs no transaction. Raises NotPrinted."""
    said = printed(content_of(keyring, row), row["serial"], business_date(row["created_at"]), link)
    return await press.pdf(FORM, said, row["created_at"])


async def keep_hash(work: Work, card_id: UUID, sha256: str) -> None:
    """The hash of a card that was drawn for the first time; that of a card which has one stays."""
    await work.transaction.run(_KEEP_HASH, row_id=card_id, drawn=sha256)


async def _issue(work: Work, by: UUID | None, household: Record, said: Any, who: UUID, sequence: int) -> Record:
    card_id, serial = new_id(), f"{household['number']}-{sequence}"
    row = {
        "id": card_id,
        "created_at": work.now,
        "household_id": household["id"],
        "sequence": sequence,
        "serial": serial,
        "responsible_id": who,
        "content": work.keyring.seal_document(CONTENT, card_id, said),
        "drawn_by": drawn_by(),
        "sha256": None,
        "superseded_at": None,
    }
    await work.transaction.run(_SUPERSEDE, of=household["id"], now=work.now)
    await work.transaction.run(_INSERT_CARD, **row)
    await _note(work, by, household, "household.card_issued", serial=serial)
    await emit(work, CardIssued(household["id"], household["person_id"], serial))
    return row


async def _note(work: Work, person_id: UUID | None, household: Record, action: str, **details: str) -> None:
    await record(
        work,
        person_id=person_id,
        action=action,
        subject_kind="household",
        subject_id=household["id"],
        subject_person_id=household["person_id"],
        **details,
    )
