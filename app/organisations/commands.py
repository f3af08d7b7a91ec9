"""Entering unions, renaming them, and saying which one receives workers without a union. Nobody commits here; the edge
does."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from app.audit.commands import Entry, record_many
from app.db.statements import Statement, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Tier
from app.kernel.errors import Conflict, Invalid, NotAllowed
from app.kernel.ids import new_id
from app.organisations.queries import UNION, every_union, organisation, organisation_of_code
from app.organisations.rules import TIER_OF, Known, Plan, Written, wrong_place, wrong_receiver

TIERS = tuple(f"{tier}_id" for tier in Tier)
AT_ONCE = 1_000
"""Rows of one call to the database, which has only so much patience with each."""
_ENTER = statement(
    insert(UNION)
    .values({column.name: bindparam(column.name, type_=column.type) for column in UNION.c})
    .on_conflict_do_nothing(index_elements=["code"])
    .returning(UNION.c.id)
)
_RENAME = statement(update(UNION).where(UNION.c.id == bindparam("row_id")).values(name=bindparam("new_name")))
# Whoever only refers to it does not wait.
_HOLD = statement(select(UNION).where(UNION.c.id == bindparam("row_id")).with_for_update(key_share=True))
_RECEIVES_NO_MORE = statement(
    update(UNION)
    .where(UNION.c.city_id == bindparam("city"), UNION.c.receives_unattached)
    .values(receives_unattached=literal_column("false"))
)
_RECEIVES = statement(
    update(UNION).where(UNION.c.id == bindparam("row_id")).values(receives_unattached=literal_column("true"))
)
_ALONE = Statement("lock table organisation in share row exclusive mode", (), {})


class OrganisationCodeTaken(Conflict):
    """这个编码已经是另一个工会的，请核对后换一个。"""


class CityNamesReceiver(NotAllowed):
    """由哪个工会接收没有工会的职工，由市总工会的系统管理员指定。"""


async def enter(work: Work, person_id: UUID, written: Written, parent: Record) -> UUID:
    """Enter a union under another; answers its id. What is there already, and the same in everything, stays.

    Raises Invalid, OrganisationCodeTaken, NotAllowed.
    """
    wrong = wrong_place(written.level, parent["level"])
    if wrong is not None:
        raise Invalid(wrong)
    row = _row(work, written, parent)
    try:
        entered: UUID | None = await work.transaction.value(_ENTER, **row)
    except asyncpg.InsufficientPrivilegeError as ended:  # the post, since this person came in
        raise NotAllowed from ended
    if entered is not None:
        await record_many(work, [_entry(person_id, "entered", row)])
        return entered
    there = await organisation_of_code(work.transaction, written.code)
    same = ("name", "level", "division_code", "parent_id")
    if any(there[name] != row[name] for name in same):
        raise OrganisationCodeTaken
    there_id: UUID = there["id"]
    return there_id


async def rename(work: Work, person_id: UUID, organisation_id: UUID, name: str) -> None:
    """Give a union another name. What was written under the one before keeps it. Raises NotAllowed."""
    union = await _held(work, organisation_id)
    if union["name"] != name:
        await work.transaction.run(_RENAME, row_id=organisation_id, new_name=name)
        await record_many(work, [_renamed(person_id, union, name)])


async def receive_unattached(work: Work, person_id: UUID | None, union: Known) -> None:
    """From now on it receives the workers without a union, instead of whichever did in its city.

    Raises Invalid, NotAllowed.
    """
    wrong = wrong_receiver(union["level"])
    if wrong is not None:
        raise Invalid(wrong)
    await _held(work, union["city_id"])  # of two that are named at once the second takes it from the first
    now = await organisation(work.transaction, union["id"])
    if not now["receives_unattached"]:
        await work.transaction.run(_RECEIVES_NO_MORE, city=union["city_id"])
        await work.transaction.run(_RECEIVES, row_id=union["id"])
        await record_many(work, [_entry(person_id, "receives_unattached", union)])


async def _held(work: Work, organisation_id: UUID) -> Record:
    """A union until the end of the transaction. Raises NotAllowed where the database lets nobody change it who is
    here: their post has ended since they came in."""
    row = await work.transaction.row(_HOLD, row_id=organisation_id)
    if row is None:
        raise NotAllowed
    return row


# ---- a whole list ----


async def hold_unions(work: Work) -> dict[str, Record]:
    """All unions by their codes; nobody else enters or changes one until this transaction ends."""
    await work.transaction.value(_ALONE)
    return await every_union(work.transaction)


async def carry_out(work: Work, plan: Plan, there: Mapping[str, Known]) -> None:
    """Write what a list changes, in which nothing is wrong. By nobody: who may run commands is not known here."""
    unions: dict[str, Known] = dict(there)
    rows = []
    for written in plan.entered:
        row = _row(work, written, unions[written.parent_code] if written.parent_code else None)
        unions[written.code] = row
        rows.append(row)
    await _many(work, _ENTER, rows)
    await _many(work, _RENAME, [{"row_id": before["id"], "new_name": name} for before, name in plan.renamed])
    entries = [_entry(None, "entered", row) for row in rows]
    entries += [_renamed(None, before, name) for before, name in plan.renamed]
    for first in range(0, len(entries), AT_ONCE):
        await record_many(work, entries[first : first + AT_ONCE])
    for code in plan.receiving:
        await receive_unattached(work, None, unions[code])


async def _many(work: Work, written: Statement, rows: list[dict[str, Any]]) -> None:
    for first in range(0, len(rows), AT_ONCE):
        await work.transaction.many(written, rows[first : first + AT_ONCE])


def _row(work: Work, written: Written, parent: Known | None) -> dict[str, Any]:
    """The columns of a new union: it stands where its parent stands, and on its own tier."""
    row_id, tier = new_id(), TIER_OF[written.level]
    above = {each: parent[each] for each in TIERS} if parent else dict.fromkeys(TIERS)
    return {
        "id": row_id,
        "created_at": work.now,
        "code": written.code,
        "name": written.name,
        "level": written.level,
        "tier": tier.value,
        "division_code": written.division_code,
        "parent_id": parent["id"] if parent else None,
        "receives_unattached": False,
        **above,
        f"{tier}_id": row_id,
    }


def _entry(person_id: UUID | None, done: str, union: Known, **details: str) -> Entry:
    about = {"code": union["code"], "name": union["name"], **details}
    return Entry(person_id, f"organisation.{done}", "organisation", union["id"], None, about)


def _renamed(person_id: UUID | None, union: Known, name: str) -> Entry:
    return _entry(person_id, "renamed", union, to=name)
