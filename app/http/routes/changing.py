"""What asking for a sensitive change needs of people, households and payments together; used by several routes."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.applications.commands import stop_payments
from app.change_requests.commands import Asker, Subject, ask, asker
from app.change_requests.queries import lock_payments
from app.change_requests.rules import CARD, Wanted
from app.db.transaction import Record
from app.households.queries import living
from app.http.door import Desk
from app.http.inputs import In
from app.kernel.errors import IdentityRequired
from app.organisations.queries import for_unattached, organisation
from app.people.card_commands import set_bank_card
from app.people.queries import person
from app.policy.fields import PersonName, ShortText

TIERS = ("city", "district", "street", "unit")


class BankCardRequest(In):
    holder: PersonName
    number: Annotated[str, Field(min_length=12, max_length=40)]
    bank_name: ShortText
    branch: ShortText | None = None


async def change_card(desk: Desk, card: BankCardRequest, reason: str | None) -> UUID | None:
    """Bind the worker's card; a change of it becomes a request for a second person, whose id is answered."""
    work, me = desk.work, desk.actor.person_id
    household = await living(work.transaction, me)
    await lock_payments(work.transaction, me, household["id"] if household else None)
    state = await set_bank_card(work, me, card.holder, card.number, card.bank_name, card.branch)
    if state != "pending":
        return None
    subject = await own_subject(desk, household)
    return await ask_and_stop(desk, subject, await asker(work, desk.actor), card_wanted(card), reason)


def card_wanted(card: BankCardRequest) -> Wanted:
    return Wanted("bank_card", CARD, None, card.model_dump(mode="json", exclude_none=True))


async def ask_and_stop(desk: Desk, subject: Subject, by: Asker, wanted: Wanted, reason: str | None) -> UUID:
    """Ask a second person, and let nothing be paid meanwhile."""
    request_id = await ask(desk.work, subject, by, wanted, reason)
    await stop_payments(desk.work, subject.person_id, subject.household_id)
    return request_id


async def own_subject(desk: Desk, household: Record | None) -> Subject:
    """The worker, under the union of their file, else their own, else the service centre. Raises IdentityRequired."""
    transaction = desk.work.transaction
    me = await person(transaction, desk.actor.person_id)
    if me["id_number_index"] is None:
        raise IdentityRequired
    filed = household if household is not None and household["submitted_at"] is not None else None
    if filed is not None:
        return subject_of(filed, me["id_number_index"])
    if me["organisation_id"] is not None:
        union = await organisation(transaction, me["organisation_id"])
    else:
        union = await for_unattached(transaction)
    return Subject(me["id"], me["id_number_index"], me["name_masked"], None, *(union[f"{tier}_id"] for tier in TIERS))


def subject_of(household: Record, number_index: bytes) -> Subject:
    """The household and its head."""
    places = (household[f"{tier}_id"] for tier in TIERS)
    return Subject(household["person_id"], number_index, household["head_masked"], household["id"], *places)
