"""Giving somebody a post, and ending it: one administrator proposes, another confirms. Nobody commits here."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, update

from app.appointments.events import PostChangeDecided, PostChangeProposed
from app.appointments.queries import PERSON_NAME, C, PostNotFound, change, post_held, roles_of
from app.appointments.rules import OFFICERS, is_apart, wrong_day, wrong_place
from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record, Sight
from app.db.work import Work
from app.kernel.actor import Actor, Permission, Role
from app.kernel.errors import Conflict, FieldError, IdentityRequired, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.organisations.queries import OrganisationNotFound, organisation_of_code
from app.people.commands import ID_NUMBER, NAME
from app.people.queries import person, person_of_number

TIERS = ("city_id", "district_id", "street_id", "unit_id")
_PROPOSE = insertion(C, *(each.name for each in C.c if not each.name.startswith("decided_") and each.name != "note"))
_DECISION = "state decided_by decided_masked decided_at note".split()
_DECIDE = statement(
    update(C)
    .where(C.c.id == bindparam("row_id"), C.c.version == bindparam("seen"), C.c.state == literal_column("'proposed'"))
    .values({c: bindparam(c, type_=C.c[c].type) for c in _DECISION} | {"version": C.c.version + literal_column("1")})
)


class PostAlreadyHeld(Conflict):
    """这个人已经担任这个岗位。"""


class PostChangeWaits(Conflict):
    """这个人的这个岗位已有一项任免等待核对，请先办结。"""


class PostChangeSettled(Conflict):
    """这项任免已经办结，不能再办理。"""


class OfficersApart(Conflict):
    """系统管理员、安全管理员、审计员不能由一人兼任，也不能兼任其他岗位；请先免去原来的岗位。"""


class OwnPostChange(NotAllowed):
    """不能任免自己；提出的人和核对的人也不能是同一个人。"""


@dataclass(frozen=True, slots=True)
class Appointment:
    """Whom an administrator would give which post, from when and by which document."""

    name: str
    number: str
    """As it is printed, valid."""
    role: Role
    organisation_code: str
    from_date: date
    basis: str


async def propose_appointment(work: Work, actor: Actor, wanted: Appointment) -> UUID:
    """Raises OrganisationNotFound, Invalid, OfficersApart, PostAlreadyHeld, PostChangeWaits, OwnPostChange,
    IdentityRequired."""
    union = await organisation_of_code(work.transaction, wanted.organisation_code)
    _administers(actor, Permission.PROPOSE_POST, union, wanted.role)
    wrong = wrong_place(wanted.role, union["level"]) + wrong_day(wanted.from_date, work.today)
    someone = await _known(work, wanted.name, wanted.number)
    if someone is None:
        message = "没有找到这个人：请本人先登录小程序并完成实名认证，再核对姓名和证件号码。"
        wrong.append(FieldError("/id_number", "person_unknown", message))
    if wrong or someone is None:
        raise Invalid(*wrong)
    held = await roles_of(work.transaction, someone["id"])
    if (wanted.role, union["id"]) in {(each["role"], each["organisation_id"]) for each in held}:
        raise PostAlreadyHeld
    if not is_apart(wanted.role, {each["role"] for each in held}):
        raise OfficersApart
    change = {"kind": "appoint", "role": wanted.role.value, "from_date": wanted.from_date, "post_id": None}
    about = {"organisation_id": union["id"], "organisation_name": union["name"], **{t: union[t] for t in TIERS}}
    masked = {"person_id": someone["id"], "person_masked": someone["name_masked"]}
    return await _propose(work, actor, wanted.name, change | about | masked | {"basis": wanted.basis})


async def propose_end(work: Work, actor: Actor, post_id: UUID, basis: str) -> UUID:
    """Raises PostNotFound, NotAllowed, PostChangeWaits, OwnPostChange, IdentityRequired."""
    held = await post_held(work.transaction, actor, post_id)
    _administers(actor, Permission.PROPOSE_POST, held, Role(held["role"]))
    shown = ("person_id", "person_masked", "role", "organisation_id", "organisation_name", *TIERS)
    change = {"kind": "end", "post_id": post_id, "from_date": None, "basis": basis}
    name = work.keyring.open_text(NAME, held["person_id"], held["name"])
    return await _propose(work, actor, name, change | {name: held[name] for name in shown})


def _administers(actor: Actor, permission: Permission, row: Record, role: Role) -> None:
    """Raises OrganisationNotFound where the union lies beyond the actor's reach; NotAllowed for an officer's post,
    which only the city's administrators give and end."""
    if post_over(actor, permission, row) is None:
        raise OrganisationNotFound
    of_city = any(each.place.id == row["city_id"] for each in actor.posts_with(permission))
    if role in OFFICERS and not of_city:
        raise NotAllowed


async def _known(work: Work, name: str, number: str) -> Record | None:
    """The account of whoever has proved this name and number. Staff see no accounts: it is looked at as its owner
    would."""
    person_id = await person_of_number(work.transaction, work.keyring.blind_index(ID_NUMBER, number))
    if person_id is None:
        return None
    async with work.transaction.seen_by(Sight("worker", person_id)):
        someone = await person(work.transaction, person_id)
    same = work.keyring.open_text(NAME, someone["id"], someone["name"]) == name
    return someone if same and someone["openid_index"] is not None else None


async def _propose(work: Work, actor: Actor, name: str, change: Record) -> UUID:
    mine = await _masked(work, actor)
    change_id = new_id()
    standing = {"state": "proposed", "version": 1, "proposed_by": actor.person_id, "proposed_masked": mine}
    standing |= {"person_name": work.keyring.seal_text(PERSON_NAME, change_id, name)}
    try:
        await work.transaction.run(_PROPOSE, id=change_id, created_at=work.now, **change, **standing)
    except asyncpg.UniqueViolationError as waiting:
        raise PostChangeWaits from waiting
    except asyncpg.CheckViolationError as refused:
        raise _refusal(refused) from refused
    await _audit(work, actor, dict(change) | {"id": change_id}, "proposed")
    await emit(work, PostChangeProposed(change_id))
    return change_id


async def confirm(work: Work, actor: Actor, change_id: UUID, seen: int) -> None:
    """Another administrator agrees: it is so from now on, or from the day that it names.

    Raises PostChangeNotFound, PostChangeSettled, StaleVersion, NotAllowed, OwnPostChange, OfficersApart,
    PostAlreadyHeld, PostNotFound, IdentityRequired.
    """
    row = await _proposal(work, actor, change_id, seen)
    _administers(actor, Permission.CONFIRM_POST, row, Role(row["role"]))
    await _decide(work, actor, row, "confirmed", None)


async def refuse(work: Work, actor: Actor, change_id: UUID, seen: int, note: str) -> None:
    """Raises PostChangeNotFound, PostChangeSettled, StaleVersion, NotAllowed, OwnPostChange, IdentityRequired."""
    row = await _proposal(work, actor, change_id, seen)
    _administers(actor, Permission.CONFIRM_POST, row, Role(row["role"]))
    await _decide(work, actor, row, "refused", note)


async def withdraw(work: Work, actor: Actor, change_id: UUID, seen: int) -> None:
    """Whoever may propose takes back what nobody has confirmed.

    Raises PostChangeNotFound, PostChangeSettled, StaleVersion, NotAllowed, IdentityRequired.
    """
    row = await _proposal(work, actor, change_id, seen)
    _administers(actor, Permission.PROPOSE_POST, row, Role(row["role"]))
    await _decide(work, actor, row, "withdrawn", None)


async def _proposal(work: Work, actor: Actor, change_id: UUID, seen: int) -> Record:
    row = await change(work.transaction, actor, change_id)
    if row["version"] != seen:
        raise StaleVersion(version=row["version"])
    if row["state"] != "proposed":
        raise PostChangeSettled(state=row["state"])
    return row


async def _decide(work: Work, actor: Actor, row: Record, state: str, note: str | None) -> None:
    decided = {"decided_by": actor.person_id, "decided_masked": await _masked(work, actor), "decided_at": work.now}
    try:
        done = await work.transaction.run(
            _DECIDE, row_id=row["id"], seen=row["version"], state=state, note=note, **decided
        )
    except asyncpg.UniqueViolationError as held:
        raise PostAlreadyHeld from held
    except asyncpg.CheckViolationError as refused:
        raise _refusal(refused) from refused
    if not done:  # another was quicker
        raise StaleVersion
    await _audit(work, actor, row, state)
    if state != "withdrawn":
        await emit(work, PostChangeDecided(row["id"], state))


_REFUSALS: dict[str, type[Exception]] = {
    "ck_post_change_own": OwnPostChange,
    "ck_post_change_second_person": OwnPostChange,
    "ck_post_change_apart": OfficersApart,
    "ck_post_change_gone": PostNotFound,
    "ck_post_change_decider": NotAllowed,
}
"""Of the constraints of the table, and of the function that carries it out."""


def _refusal(refused: asyncpg.CheckViolationError) -> Exception:
    known = _REFUSALS.get(refused.constraint_name or "")
    return known() if known else refused


async def _masked(work: Work, actor: Actor) -> str:
    """The actor's own name, as others see it. Raises IdentityRequired."""
    name: str | None = (await person(work.transaction, actor.person_id))["name_masked"]
    if name is None:
        raise IdentityRequired
    return name


async def _audit(work: Work, actor: Actor, row: Record, done: str) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=f"post_change.{done}",
        subject_kind="post_change",
        subject_id=row["id"],
        subject_person_id=row["person_id"],
        kind=row["kind"],
        role=row["role"],
        organisation=row["organisation_name"],
    )
