"""A file moves to another union of the city (转移): proposed by the one that has it, accepted by the other."""

from datetime import datetime
from functools import cache
from typing import Literal
from uuid import UUID

import asyncpg
from sqlalchemy import DateTime, Uuid, bindparam, func, literal_column, select, tuple_, update

from app.audit.commands import record
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, post_over, shape, within
from app.db.statements import Statement, insertion, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.households.changes import replace_form
from app.households.events import HouseholdMoved
from app.households.path import SETTLED
from app.households.queries import FORM, H, file
from app.households.steps import Signature, at_hand, written
from app.households.tables import HouseholdTransfer
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, NotFound, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit

Answer = Literal["accept", "refuse", "withdraw"]
ENDS: dict[Answer, str] = {"accept": "accepted", "refuse": "refused", "withdraw": "withdrawn"}
NOTE = "household_transfer.note"
T = table_of(HouseholdTransfer)
_TIERS = ("city_id", "district_id", "street_id", "unit_id")
_BASIC = ("unit", "street")
_INSERT = insertion(
    T,
    *"id created_at household_id number head_masked from_organisation_id from_organisation_name".split(),
    *"to_organisation_id to_organisation_name state note proposed_by version".split(),
    *_TIERS,
)
_OPEN = T.c.state == literal_column("'proposed'")
_OF_FILE = statement(select(T).where(T.c.household_id == bindparam("household_id"), _OPEN))
_TAKE_OVER = statement(
    select(func.take_over_household(bindparam("id", type_=Uuid()), bindparam("now", type_=DateTime(timezone=True))))
)
_END = statement(
    update(T)
    .where(T.c.id == bindparam("row_id"), _OPEN)
    .values(
        state=bindparam("state", type_=T.c.state.type),
        ended_by=bindparam("by", type_=T.c.ended_by.type),
        ended_at=bindparam("now", type_=T.c.ended_at.type),
        version=T.c.version + literal_column("1"),
    )
)


class TransferNotFound(NotFound):
    """没有找到这份转移。"""


class TransferOpen(Conflict):
    """这份档案已经提出转移，请等对方工会接收或先撤回。"""


class TransferEnded(Conflict):
    """这份转移已经办结，或档案现在不能转移。"""


async def propose(
    work: Work, actor: Actor, household_id: UUID, expected: int, keeper: Record, to: Record, note: str
) -> UUID:
    """Offer a file to another union. `keeper`: the union that has it now.

    Raises HouseholdNotFound, StaleVersion, NotAllowed, NotAllowedNow, Invalid, TransferOpen.
    """
    row, signed = await at_hand(
        work, actor, household_id, expected, SETTLED, (Permission.ACCEPT_CASE,), Signature(note=note)
    )
    if to["level"] not in _BASIC or to["id"] == keeper["id"]:
        raise Invalid(FieldError("/organisation_code", "organisation_not_basic", "请选择另一个基层工会或镇街工会。"))
    if to["city_id"] != row["city_id"]:
        raise Invalid(FieldError("/organisation_code", "organisation_not_here", "对方不在本市，请办理“转出本市”。"))
    if await open_transfer(work.transaction, row["id"]) is not None:
        raise TransferOpen
    transfer_id = new_id()
    try:
        await work.transaction.run(
            _INSERT,
            id=transfer_id,
            created_at=work.now,
            household_id=row["id"],
            number=row["number"],
            head_masked=row["head_masked"],
            from_organisation_id=keeper["id"],
            from_organisation_name=keeper["name"],
            to_organisation_id=to["id"],
            to_organisation_name=to["name"],
            state="proposed",
            version=1,
            note=work.keyring.seal_text(NOTE, transfer_id, note),
            proposed_by=signed.person_id,
            **{tier: to[tier] for tier in _TIERS},
        )
    except asyncpg.UniqueViolationError as taken:
        raise TransferOpen from taken
    await _record(work, actor, "propose", row["id"], row["person_id"])
    return transfer_id


async def end(work: Work, actor: Actor, transfer_id: UUID, expected: int, answer: Answer, note: str | None) -> Record:
    """The other union accepts or refuses; the first takes the offer back. Answers the transfer's id, state, version.

    Raises TransferNotFound, StaleVersion, NotAllowed, TransferEnded.
    """
    offer = await _seen(work.transaction, actor, transfer_id)
    if offer["version"] != expected:
        raise StaleVersion(version=offer["version"])
    if answer == "withdraw":
        row = await file(work.transaction, actor, offer["household_id"], locked=True)
        post = post_over(actor, Permission.ACCEPT_CASE, row)
    else:
        post = post_over(actor, Permission.ACCEPT_CASE, offer)
    if post is None or (answer == "accept" and offer["proposed_by"] == actor.person_id):
        raise NotAllowed
    if answer == "accept" and not await work.transaction.value(_TAKE_OVER, id=transfer_id, now=work.now):
        raise TransferEnded
    state = ENDS[answer]
    if not await work.transaction.run(_END, row_id=transfer_id, state=state, by=actor.person_id, now=work.now):
        raise TransferEnded
    if answer == "accept":
        signed = Signature(actor.person_id, post.role.value, post.place.name, note)
        await _received(work, actor, offer, signed)
    else:
        await _record(work, actor, answer, offer["household_id"], None)
    return {"id": transfer_id, "state": state, "version": offer["version"] + 1}


async def _record(work: Work, actor: Actor, what: str, household_id: UUID, person_id: UUID | None) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=f"household.transfer_{what}",
        subject_kind="household",
        subject_id=household_id,
        subject_person_id=person_id,
    )


async def _received(work: Work, actor: Actor, offer: Record, signed: Signature) -> None:
    """The file is within the reach of the union that took it over: it says so itself, and in its history."""
    row = await file(work.transaction, actor, offer["household_id"], locked=True)
    form = work.keyring.open_document(FORM, row["id"], row["form"])
    head = {name: told for name, told in form["head"].items() if name != "organisation_code"}
    await replace_form(work, row, {**form, "head": head}, "staff", signed.note, signed)
    await written(work, row, "transfer", signed)
    await emit(work, HouseholdMoved(row["id"], "transfer", row["state"], row["state"]))


async def open_transfer(transaction: Transaction, household_id: UUID) -> Record | None:
    """The offer of a file that nobody has answered yet."""
    return await transaction.row(_OF_FILE, household_id=household_id)


@cache
def _one(tiers: Shape) -> Statement:
    """An offer to the reach, or of a file in it."""
    mine = select(H.c.id).where(H.c.id == T.c.household_id, within(H, tiers)).exists()
    return statement(select(T).where(T.c.id == bindparam("id"), within(T, tiers) | mine))


async def _seen(transaction: Transaction, actor: Actor, transfer_id: UUID) -> Record:
    reach = actor.reach(Permission.READ_CASES)
    row = await transaction.row(_one(shape(reach)), id=transfer_id, **nodes(reach))
    if row is None:
        raise TransferNotFound
    return row


@cache
def _offered(tiers: Shape, after: bool) -> Statement:
    query = select(T).where(_OPEN, within(T, tiers))
    if after:
        position = paging.place(T.c.created_at, T.c.id)
        query = query.where(tuple_(T.c.created_at, T.c.id) > position)
    return statement(query.order_by(T.c.created_at, T.c.id).limit(bindparam("size")))


async def offered(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What other unions offer to those of the actor, oldest first."""
    reach = actor.reach(Permission.ACCEPT_CASE)
    position = paging.values(after)
    return await transaction.rows(_offered(shape(reach), after is not None), size=size, **nodes(reach), **position)
