"""Delegating a post for some days, and ending it early. Nobody commits here; the edge does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, update

from app.audit.commands import record
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.delegations.events import DelegationEnded, PostDelegated
from app.delegations.queries import D, delegates, delegation, own_post
from app.delegations.rules import delegable, standing, wrong_days, wrong_permissions
from app.kernel.actor import Actor, Permission, Role
from app.kernel.errors import Conflict, FieldError, IdentityRequired, Invalid
from app.kernel.ids import new_id
from app.kernel.masking import mask_name
from app.messaging.outbox import emit
from app.people.queries import person

REASON = "delegation.reason"
TIERS = ("city_id", "district_id", "street_id", "unit_id")
_INSERT = insertion(D, *(column.name for column in D.c if not column.name.startswith("ended_")))
_END = statement(
    update(D)
    .where(D.c.id == bindparam("row_id"))
    .values(ended_at=bindparam("now", type_=D.c.ended_at.type), ended_by=bindparam("by", type_=D.c.ended_by.type))
)


class AlreadyDelegated(Conflict):
    """这个岗位在这些日子里已经委托给这个人了。"""


class PaymentPair(Conflict):
    """付款的制单和复核不能由同一个人办理，请委托给另外的人。"""


class DelegationOver(Conflict):
    """这项委托已经结束。"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to delegate. `permissions`: empty for all that the post may delegate."""

    role: Role
    organisation_code: str
    to_person_id: UUID
    starts_on: date
    ends_on: date
    kinds: Sequence[str]
    permissions: Sequence[Permission]
    reason: str


async def delegate(work: Work, actor: Actor, wanted: Wanted) -> UUID:
    """Give a post of one's own to somebody at the same union or above it; what one was given oneself is not one's own.

    Raises PostNotHeld, IdentityRequired, Invalid, AlreadyDelegated, PaymentPair.
    """
    post = await own_post(work.transaction, actor, wanted.role, wanted.organisation_code, work.today)
    wrong = wrong_days(wanted.starts_on, wanted.ends_on, work.today)
    wrong += wrong_permissions(wanted.role, wanted.permissions)
    known = await delegates(work.transaction, work.keyring, post["id"], work.today)
    to = next((each for each in known if each.person_id == wanted.to_person_id), None)
    if to is None:
        wrong.append(FieldError("/to_person_id", "delegate_unknown", "请选择本级或上级工会中办理申请的工作人员。"))
    if wrong or to is None:
        raise Invalid(*wrong)
    mine = await person(work.transaction, actor.person_id)
    if mine["name_masked"] is None:
        raise IdentityRequired
    delegation_id = new_id()
    permissions = [*(wanted.permissions or delegable(wanted.role)), Permission.READ_CASES]
    try:
        await work.transaction.run(
            _INSERT,
            id=delegation_id,
            created_at=work.now,
            post_id=post["id"],
            role=wanted.role,
            organisation_name=post["name"],
            from_person_id=actor.person_id,
            from_masked=mine["name_masked"],
            to_person_id=wanted.to_person_id,
            to_masked=mask_name(to.name),
            starts_on=wanted.starts_on,
            ends_on=wanted.ends_on,
            kinds=list(dict.fromkeys(wanted.kinds)),
            permissions=list(dict.fromkeys(permissions)),
            reason=work.keyring.seal_text(REASON, delegation_id, wanted.reason),
            **{tier: post[tier] for tier in TIERS},
        )
    except asyncpg.CheckViolationError as violation:
        refusal = _REFUSALS.get(violation.constraint_name or "")
        raise (refusal() if refusal else violation) from violation
    await _audit(work, actor, "given", delegation_id, wanted.to_person_id)
    await emit(work, PostDelegated(delegation_id))
    return delegation_id


_REFUSALS: dict[str, type[Exception]] = {
    "ck_delegation_once": AlreadyDelegated,
    "ck_delegation_payment_pair": PaymentPair,
    "ck_delegation_one_of_payment": PaymentPair,
}


async def end(work: Work, actor: Actor, delegation_id: UUID) -> Record:
    """Either of the two, or an administrator over the union, ends it early.

    Raises DelegationNotFound, DelegationOver.
    """
    row = await delegation(work.transaction, actor, delegation_id)
    if standing(row["starts_on"], row["ends_on"], row["ended_at"], work.today) in ("over", "ended"):
        raise DelegationOver
    await work.transaction.run(_END, row_id=delegation_id, now=work.now, by=actor.person_id)
    await _audit(work, actor, "ended", delegation_id, row["to_person_id"])
    await emit(work, DelegationEnded(delegation_id))
    return {**row, "ended_at": work.now, "ended_by": actor.person_id}


async def _audit(work: Work, actor: Actor, done: str, delegation_id: UUID, to_person_id: UUID) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=f"delegation.{done}",
        subject_kind="delegation",
        subject_id=delegation_id,
        subject_person_id=to_person_id,
    )
