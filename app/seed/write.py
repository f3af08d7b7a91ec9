"""Writing the demo world: unions, people and what they hold, as the commands of each would have written them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from app.covers.tables import Cover
from app.db.base import table_of
from app.db.statements import Statement, insertion
from app.db.work import Work
from app.kernel.actor import Tier
from app.kernel.ids import new_id
from app.kernel.masking import mask_card, mask_name, mask_phone
from app.organisations.tables import Organisation, Post
from app.people.card_commands import CARD_NUMBER, HOLDER
from app.people.commands import ID_NUMBER, NAME, OPENID, PHONE
from app.people.consents import REQUIRED_OF_EVERYONE, Purpose, consent_texts
from app.people.tables import BankCard, Consent, Person
from app.seed.invented import Covered, Invented
from app.seed.organisations import Union, tree
from app.simulator.codes import openid

STAFF_FOR_DAYS = 365
BANK, BRANCH = "演示银行", "汕头支行"
TERM_BEGINS = 7
ENROLLED_BY = "mutual-aid"

_INSERT_UNION = insertion(
    table_of(Organisation),
    *"id created_at code name level tier division_code parent_id city_id district_id street_id unit_id".split(),
    "receives_unattached",
)
_INSERT_PERSON = insertion(
    table_of(Person),
    *"id created_at openid_index openid name name_masked id_number id_number_index phone phone_masked".split(),
    *"organisation_id verified_at version".split(),
)
_INSERT_POST = insertion(table_of(Post), "id", "created_at", "person_id", "organisation_id", "role", "from_date")
_INSERT_CONSENT = insertion(
    table_of(Consent), "id", "created_at", "person_id", "purpose", "text_version", "text_sha256"
)
_INSERT_CARD = insertion(
    table_of(BankCard),
    *"id created_at person_id holder number number_index number_masked bank_name branch state".split(),
)
_INSERT_COVER = insertion(
    table_of(Cover),
    *"id created_at id_number_index organisation_id city_id district_id street_id unit_id starts_on ends_on".split(),
    *"is_renewal enrolled_by".split(),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """Somebody with the row they got. `since`: when they signed up."""

    who: Invented
    id: UUID
    since: datetime


async def write_all(work: Work, statement: Statement, rows: Iterable[Mapping[str, Any]]) -> None:
    """One statement over many rows, in one round trip or a few."""
    arguments = [statement.arguments(dict(row)) for row in rows]
    await work.transaction.connection.executemany(statement.sql, arguments)


async def write_unions(work: Work) -> dict[str, UUID]:
    """The whole tree; answers the ids by code."""
    ids = {union.code: new_id() for union in tree()}
    rows = (
        {
            "id": ids[union.code],
            "created_at": work.now,
            "code": union.code,
            "name": union.name,
            "level": union.level,
            "tier": union.tier.value,
            "division_code": union.division_code,
            "parent_id": ids[union.parent.code] if union.parent else None,
            "receives_unattached": union.receives_unattached,
        }
        | tiers(union, ids)
        for union in tree()
    )
    await write_all(work, _INSERT_UNION, rows)
    return ids


def tiers(union: Union, ids: Mapping[str, UUID]) -> dict[str, UUID | None]:
    """The scope of whatever belongs to a union: its ancestor on each tier, itself included."""
    above = union.ancestors
    return {f"{tier}_id": ids[above[tier].code] if tier in above else None for tier in Tier}


async def write_people(work: Work, appid: str, people: Sequence[Invented], unions: Mapping[str, UUID]) -> list[Placed]:
    """Accounts with their posts, consents, cards and covers."""
    placed = [
        Placed(who, new_id(), work.now - timedelta(days=1 + (who.file.days_ago if who.file else STAFF_FOR_DAYS)))
        for who in people
        if who.signed_up
    ]
    await write_all(work, _INSERT_PERSON, (_account(work, appid, each, unions) for each in placed))
    await write_all(work, _INSERT_POST, (row for each in placed for row in _posts(work, each, unions)))
    await write_all(work, _INSERT_CARD, (_card(work, each) for each in placed if each.who.file))
    enrolled_by = next(each.id for each in placed if each.who.sim_name == ENROLLED_BY)
    covers = (row for each in placed for row in _covers(work, each, unions, enrolled_by))
    await write_all(work, _INSERT_COVER, covers)
    return placed


def _account(work: Work, appid: str, each: Placed, unions: Mapping[str, UUID]) -> dict[str, Any]:
    who, row_id, keyring = each.who, each.id, work.keyring
    known_as = openid(appid, who.sim_name)
    return {
        "id": row_id,
        "created_at": each.since,
        "openid_index": keyring.blind_index(OPENID, known_as),
        "openid": keyring.seal_text(OPENID, row_id, known_as),
        "name": keyring.seal_text(NAME, row_id, who.name),
        "name_masked": mask_name(who.name),
        "id_number": keyring.seal_text(ID_NUMBER, row_id, who.id_number),
        "id_number_index": keyring.blind_index(ID_NUMBER, who.id_number),
        "phone": keyring.seal_text(PHONE, row_id, who.phone),
        "phone_masked": mask_phone(who.phone),
        "organisation_id": unions[who.union.code],
        "verified_at": each.since,
        "version": 1,
    }


def _posts(work: Work, each: Placed, unions: Mapping[str, UUID]) -> Iterable[dict[str, Any]]:
    for role in each.who.roles:
        yield {
            "id": new_id(),
            "created_at": each.since,
            "person_id": each.id,
            "organisation_id": unions[each.who.union.code],
            "role": role.value,
            "from_date": work.today - timedelta(days=STAFF_FOR_DAYS),
        }


def _card(work: Work, each: Placed) -> dict[str, Any]:
    card_id, number = new_id(), each.who.card
    return {
        "id": card_id,
        "created_at": each.since,
        "person_id": each.id,
        "holder": work.keyring.seal_text(HOLDER, card_id, each.who.name),
        "number": work.keyring.seal_text(CARD_NUMBER, card_id, number),
        "number_index": work.keyring.blind_index(CARD_NUMBER, number),
        "number_masked": mask_card(number),
        "bank_name": BANK,
        "branch": BRANCH,
        "state": "current",
    }


def _covers(work: Work, each: Placed, unions: Mapping[str, UUID], enrolled_by: UUID) -> Iterable[dict[str, Any]]:
    for starts_on, ends_on, is_renewal in terms(each.who.covered, work.today):
        yield {
            "id": new_id(),
            "created_at": each.since,
            "id_number_index": work.keyring.blind_index(ID_NUMBER, each.who.id_number),
            "organisation_id": unions[each.who.union.code],
            "starts_on": starts_on,
            "ends_on": ends_on,
            "is_renewal": is_renewal,
            "enrolled_by": enrolled_by,
        } | tiers(each.who.union, unions)


def terms(covered: Covered, today: date) -> tuple[tuple[date, date, bool], ...]:
    """First day, last day and whether it renews, for the term of July to June that today is in and the one before."""
    year = today.year if today.month >= TERM_BEGINS else today.year - 1
    this, last = ((date(y, TERM_BEGINS, 1), date(y + 1, TERM_BEGINS, 1) - timedelta(days=1)) for y in (year, year - 1))
    if covered == "renewed":
        return (*last, False), (*this, True)
    return ((*this, False),) if covered == "first_term" else ()


async def write_consents(work: Work, placed: Sequence[Placed]) -> dict[UUID, UUID]:
    """To everything by whoever has a file, else to what is asked of everyone. Answers child_data's by person."""
    rows = [row for each in placed for row in _consents(each)]
    await write_all(work, _INSERT_CONSENT, rows)
    return {row["person_id"]: row["id"] for row in rows if row["purpose"] is Purpose.CHILD_DATA}


def _consents(each: Placed) -> Iterable[dict[str, Any]]:
    texts = consent_texts()
    for purpose in Purpose if each.who.file else REQUIRED_OF_EVERYONE:
        yield {
            "id": new_id(),
            "created_at": each.since,
            "person_id": each.id,
            "purpose": purpose,
            "text_version": texts[purpose].version,
            "text_sha256": texts[purpose].sha256,
        }
