"""Households of an import whose head has a file already: what changes in it, tried and then carried out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from app.applications.commands import stop_payments
from app.bulk import columns as c
from app.bulk.job_commands import Staged
from app.bulk.queries import living
from app.bulk.rules import Household
from app.bulk.updating import Request, Update, update_of
from app.change_requests.commands import Asker, Subject, ask, changed_form
from app.change_requests.rules import CARD, Wanted
from app.db.scope import post_over
from app.db.transaction import Record
from app.db.work import Work
from app.households.correcting import Correction, correct_many
from app.households.members import ID_NUMBER
from app.households.path import CORRECTABLE
from app.households.queries import FORM, by_id_locked, keeper_of
from app.jobs.import_queries import asked_for, cards_of, files_of, numbers_near
from app.kernel.actor import Actor, Permission
from app.kernel.errors import IdentityRequired, NotAllowed
from app.organisations.queries import posts
from app.people.card_commands import CARD_NUMBER, propose_bank_card
from app.people.queries import person
from app.proxy_filings.import_commands import waiting

MOST_REQUESTS: Final = 1_000
"""Of one union in one import: each holds its payments locked until the end of the union's transaction."""


@dataclass(frozen=True, slots=True)
class Importer:
    """Who is answerable for an import, with the posts that they hold today, their blind index if it is known, and those
    of whoever is near to them."""

    actor: Actor
    number_index: bytes | None
    near: frozenset[bytes]

    def asker(self, row: Record) -> Asker:
        """As whom they ask for changes of a file. Raises NotAllowed, IdentityRequired."""
        post = post_over(self.actor, Permission.ACCEPT_CASE, row)
        if post is None:
            raise NotAllowed
        if self.number_index is None:
            raise IdentityRequired
        return Asker(self.actor.person_id, self.number_index, post.role.value, post.place.name)


async def importer(work: Work, person_id: UUID) -> Importer:
    """Read anew for each transaction: a post may have ended since the workbook came in."""
    held = await posts(work.transaction, person_id, work.today)
    mine = (await person(work.transaction, person_id))["id_number_index"]
    return Importer(Actor(person_id, person_id, held), mine, await numbers_near(work.transaction, person_id))


@dataclass(frozen=True, slots=True)
class Known:
    """What there is of the people in some households."""

    index: Mapping[str, bytes]
    """By identity number."""
    household_of: Mapping[bytes, UUID]
    filed: frozenset[bytes]
    files: Mapping[UUID, Record]
    cards: Mapping[UUID, bytes]
    asked: frozenset[tuple[UUID, str, str]]


async def known(work: Work, households: Sequence[Household]) -> Known:
    numbers = {number for each in households for _, number in (*each.people, *each.left)}
    index = {number: work.keyring.blind_index(ID_NUMBER, number) for number in numbers}
    household_of = await living(work.transaction, index.values())
    heads = [index[each.head_number] for each in households if each.head_number]
    files = await files_of(work.transaction, (household_of[head] for head in heads if head in household_of))
    people = [row["person_id"] for row in files.values()]
    return Known(
        index,
        household_of,
        await waiting(work.transaction, index.values()),
        files,
        await cards_of(work.transaction, people),
        await asked_for(work.transaction, people),
    )


def file_of(work: Work, found: Known, household: Household) -> tuple[Record, dict[str, Any]] | None:
    """The living file that the head of these rows is the head of, and what it says."""
    row = found.files.get(found.household_of.get(found.index.get(household.head_number, b""), UUID(int=0)))
    if row is None:
        return None
    form = work.keyring.open_document(FORM, row["id"], row["form"])
    return (row, form) if form["head"].get("id_number") == household.head_number else None


def judged(
    work: Work,
    by: Importer,
    found: Known,
    household: Household,
    file: tuple[Record, dict[str, Any]],
    unions: Mapping[UUID, Record],
) -> Update | None:
    """What an import would make of a file; None, and the household says why, where it may not."""
    row, form = file
    refused = _barred(by, found, household, row, form, unions)
    if refused is not None:
        # What a new file would miss says nothing here.
        household.wrong = [each for each in household.wrong if each.code not in ("cell_missing", "missing")]
        household.refuse(household.lines[0], *refused)
        return None
    update = update_of(household, form, work.today)
    if update is None:
        return None
    update.requests += _card(work, found, household, row)
    for each in update.requests:
        if by.number_index is None:
            household.refuse(each.line, each.column, "identity_required")
        elif (row["person_id"], each.kind, each.field) in found.asked:
            household.refuse(each.line, each.column, "change_open")
    return None if household.wrong else update


def _barred(
    by: Importer,
    found: Known,
    household: Household,
    row: Record,
    form: Mapping[str, Any],
    unions: Mapping[UUID, Record],
) -> tuple[str, str] | None:
    """Column and code of why this file is not to be changed by this import, whatever it says."""
    keeper = unions.get(keeper_of(row))
    if keeper is None or post_over(by.actor, Permission.ACCEPT_CASE, row) is None:
        return c.NUMBER, "member_elsewhere"
    numbers = {found.index[number] for _, number in household.people}
    if row["person_id"] == by.actor.person_id or not by.near.isdisjoint(numbers):
        return c.NUMBER, "own_family"
    if household.union_code and household.union_code != keeper["code"]:
        return c.UNION, "union_not_keeper"
    if row["submitted_at"] is None or row["state"] not in CORRECTABLE or "members" not in form:
        return c.NUMBER, "file_not_correctable"
    return None


def _card(work: Work, found: Known, household: Household, row: Record) -> list[Request]:
    card = household.card
    if card is None or found.cards.get(row["person_id"]) == work.keyring.blind_index(CARD_NUMBER, card["number"]):
        return []
    return [Request(household.lines[0], c.CARD, "bank_card", CARD, None, card)]


def staged(household: Household, head: bytes, row: Record, update: Update) -> Staged:
    """As it waits to be confirmed."""
    changes = [asdict(each) for each in update.changes]
    requests = [asdict(each) for each in update.requests]
    content = {
        "number": row["number"], "version": row["version"], "after": update.after, "changes": changes,
        "requests": requests,
    }  # fmt: skip
    nothing = not changes and not requests
    return Staged(
        household.lines[0],
        keeper_of(row),
        "unchanged" if nothing else "good",
        "update",
        head,
        None if nothing else content,
        row["id"],
    )


async def carry_out(
    work: Work, by: Importer, updates: Sequence[tuple[UUID, Mapping[str, Any]]], reason: str | None
) -> None:
    """Write what an import changes in these files, and ask for what two people decide; meanwhile nothing is paid.

    Raises whatever stands against it by now: DomainError.
    """
    if not updates:
        return
    assert reason is not None
    written = [
        Correction(household_id, content["version"], content["after"])
        for household_id, content in updates
        if content["changes"]
    ]
    if written:
        await correct_many(work, by.actor, written, reason, "import")
    for household_id, content in updates:
        if content["requests"]:
            await _ask(work, by, household_id, content["requests"], reason)


async def _ask(
    work: Work, by: Importer, household_id: UUID, requests: Sequence[Mapping[str, Any]], reason: str
) -> None:
    row = await by_id_locked(work.transaction, household_id)
    assert row is not None
    head = work.keyring.open_document(FORM, household_id, row["form"])["head"]
    subject = Subject(
        row["person_id"],
        work.keyring.blind_index(ID_NUMBER, head["id_number"]),
        row["head_masked"],
        household_id,
        *(row[f"{tier}_id"] for tier in ("city", "district", "street", "unit")),
    )
    for each in requests:
        wanted = Wanted(each["kind"], each["field"], each["before"], each["after"])
        if wanted.kind != "bank_card":
            changed_form(work, row, wanted)
        await ask(work, subject, by.asker(row), wanted, reason)
        await stop_payments(work, row["person_id"], household_id)
        if wanted.kind == "bank_card":
            card = wanted.after
            await propose_bank_card(
                work, row["person_id"], head["name"], card["number"], card["bank_name"], card.get("branch")
            )
