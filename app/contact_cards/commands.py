"""Making somebody responsible for a household, and issuing the card that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, update

from app.audit.commands import record
from app.contact_cards.card import FORM, Measure, content, printed
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
_SUPERSEDE = statement(
    update(CARD)
    .where(CARD.c.household_id == bindparam("of"), CARD.c.superseded_at.is_(None))
    .values(superseded_at=bindparam("now", type_=CARD.c.superseded_at.type))
)


class HouseholdClosed(Conflict):
    """这份家庭档案已经结束，不能再指定帮扶责任人。"""


@dataclass(frozen=True, slots=True)
class Issuer:
    """What issuing a card takes besides the file: the press, where its code leads, what the plan says."""

    press: Press
    link: str | None
    union: str
    """The name of the household's union."""
    measures: Sequence[Measure] = ()


@dataclass(frozen=True, slots=True)
class Printed:
    """A card of a household as a PDF."""

    serial: str
    pdf: bytes


async def assign(
    work: Work, actor: Actor, household: Record, issuer: Issuer, *, person_id: UUID, phone: str, expected: int
) -> Record:
    """Make a member of staff responsible for a household (its row locked), and issue the card that says so.

    Raises NotAllowed, HouseholdClosed, StaleVersion, Invalid, NotPrinted.
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


async def current(work: Work, by: UUID | None, household: Record, issuer: Issuer) -> Printed:
    """The card that is right today (the household's row locked): the last one again, or a new one where it says other
    things by now, or its form was changed. `by` None: the system. Raises NobodyResponsible, NotPrinted."""
    who, last = (
        await responsible(work.transaction, household["id"]),
        await card(work.transaction, household["id"]),
    )
    if who is None:
        raise NobodyResponsible
    said = content(dict(household), issuer.union, published(work.keyring, who), issuer.measures)
    if last is not None and last["responsible_id"] == who["id"] and content_of(work.keyring, last) == said:
        pdf = await again(work, last, issuer)
        if sha256(pdf).hexdigest() == last["sha256"]:
            return Printed(last["serial"], pdf)
    return await _issue(work, by, household, issuer, said, who["id"], last["sequence"] + 1 if last else 1)


async def again(work: Work, row: Record, issuer: Issuer) -> bytes:
    """A card as it was issued. Raises NotPrinted."""
    issued_on = business_date(row["created_at"])
    said = printed(content_of(work.keyring, row), row["serial"], issued_on, issuer.link)
    return await issuer.press.pdf(FORM, said, row["created_at"])


async def _issue(
    work: Work, by: UUID | None, household: Record, issuer: Issuer, said: dict[str, Any], who: UUID, sequence: int
) -> Printed:
    card_id, serial = new_id(), f"{household['number']}-{sequence}"
    pdf = await issuer.press.pdf(FORM, printed(said, serial, work.today, issuer.link), work.now)
    await work.transaction.run(_SUPERSEDE, of=household["id"], now=work.now)
    await work.transaction.run(
        _INSERT_CARD,
        id=card_id,
        created_at=work.now,
        household_id=household["id"],
        sequence=sequence,
        serial=serial,
        responsible_id=who,
        content=work.keyring.seal_document(CONTENT, card_id, said),
        sha256=sha256(pdf).hexdigest(),
        superseded_at=None,
    )
    await _note(work, by, household, "household.card_issued", serial=serial)
    await emit(work, CardIssued(household["id"], household["person_id"], serial))
    return Printed(serial, pdf)


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
