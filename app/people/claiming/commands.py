"""Taking over an account that was opened on paper: two independent proofs, never the number alone.

The first is name and identity number. The second is the phone on file, which WeChat confirms, where nobody else has
it too; or a member of staff of the union before whom they stand, who had no hand in their papers.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, literal_column, update

from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import Statement, insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, DomainError, NotAllowed, Recused, StaleVersion
from app.kernel.ids import new_id
from app.kernel.masking import mask_name
from app.messaging.outbox import emit
from app.people.attempt_commands import CLAIM_CODES, NUMBERS, count, require_room
from app.people.claiming.events import AccountClaimed
from app.people.claiming.queries import CODE, AccountClaimNotFound, C, to_decide
from app.people.commands import (
    ID_NUMBER,
    NAME,
    OPENID,
    PHONE,
    IdentityFixed,
    IdentityTaken,
    has_number,
    valid_number,
)
from app.people.queries import has_helped, is_near_number, on_paper, person, person_locked

KEPT_OPEN: Final = timedelta(days=7)
DIGITS: Final = 6
_TIERS = ("city_id", "district_id", "street_id", "unit_id")
_CLAIM = insertion(
    C,
    *"id created_at claimant_id person_id person_masked id_number_index openid openid_index unionid_index".split(),
    *"phone phone_index phone_masked code state proof version expires_at".split(),
    *_TIERS,
)
_ENDED = "state proof ended_at decided_by decided_role decided_organisation".split()
_END = statement(
    update(C)
    .where(C.c.id == bindparam("row_id"))
    .values({c: bindparam(c, type_=C.c[c].type) for c in _ENDED} | {"version": C.c.version + literal_column("1")})
)
_REPLACE = statement(
    update(C)
    .where(C.c.claimant_id == bindparam("owner"), C.c.state == literal_column("'open'"))
    .values(state=literal_column("'replaced'"), ended_at=bindparam("now", type_=C.c.ended_at.type))
)
_BIND = Statement("select bind_account($1, $2)", ("claim_id", "at"), {})
_SHARED = Statement("select is_phone_of_another($1, $2, $3)", ("asked", "claimant_id", "person_id"), {})


class PaperFileNotFound(AccountClaimNotFound):
    """没有找到与您填写的姓名和证件号码一致、由工会代办的账户，请核对后再试。"""


class ClaimEnded(Conflict):
    """这项认领申请已经办结或已过期，请让本人重新提出。"""


class ClaimProofWrong(Conflict):
    """校验码或证件号码不对，请与本人和证件原件核对后再试。"""


class OwnPaperwork(NotAllowed):
    """这名职工的材料由您或您的家人、亲属代填、确认或代交，认领要由另一名工作人员当面确认。"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """How a claim stands: bound at once, or open until somebody of the union has seen the claimant."""

    id: UUID
    bound: bool


Union = Callable[[UUID | None], Awaitable[Record]]
"""The union of a person, or the service centre of those who have none."""


async def claim(work: Work, claimant_id: UUID, name: str, id_number: str, union: Union) -> Claimed | DomainError:
    """An account without identity says that it is somebody who was filed on paper.

    What it is told where that is not so is answered, not raised: that it has been counted must be committed.
    Raises IdentityFixed, Invalid, TooManyAttempts.
    """
    me = await person_locked(work.transaction, claimant_id)
    if me["id_number_index"] is not None:
        raise IdentityFixed
    number = valid_number(id_number, work.today)
    await require_room(work, NUMBERS, str(claimant_id))
    await count(work, NUMBERS, str(claimant_id))
    index = work.keyring.blind_index(ID_NUMBER, number)
    known = await on_paper(work.transaction, index)
    if known is None:
        return IdentityTaken() if await has_number(work, index) else PaperFileNotFound()
    if work.keyring.open_text(NAME, known["id"], known["name"]) != name:
        return PaperFileNotFound()
    await work.transaction.run(_REPLACE, owner=claimant_id, now=work.now)
    proof = "phone" if await _has_the_phone(work, me, known) else None
    claim_id = await _keep(work, me, known, index, name, await union(known["organisation_id"]), proof)
    await _audit(work, claimant_id, "claimed", known["id"], claim_id, proof=proof or "none")
    if proof is None:
        return Claimed(claim_id, False)
    await _bind(work, claim_id, known["id"], proof)
    await _end(work, claim_id, "bound", proof)
    await _audit(work, claimant_id, "bound", known["id"], claim_id, proof=proof)
    return Claimed(claim_id, True)


async def _has_the_phone(work: Work, me: Record, known: Record) -> bool:
    """Whether WeChat confirmed the number on file, and no other account has it: a clerk's own proves nothing."""
    if me["phone"] is None or known["phone"] is None:
        return False
    mine, theirs = (work.keyring.open_text(PHONE, row["id"], row["phone"]) for row in (me, known))
    if mine != theirs:
        return False
    index = work.keyring.blind_index(PHONE, mine)
    ids = {"claimant_id": me["id"], "person_id": known["id"]}
    return not await work.transaction.value(_SHARED, asked=index, **ids)


async def _keep(
    work: Work, me: Record, known: Record, index: bytes, name: str, union: Record, proof: str | None
) -> UUID:
    claim_id, seal = new_id(), work.keyring.seal_text
    openid = work.keyring.open_text(OPENID, me["id"], me["openid"])
    phone = work.keyring.open_text(PHONE, me["id"], me["phone"]) if me["phone"] else None
    await work.transaction.run(
        _CLAIM,
        id=claim_id,
        created_at=work.now,
        claimant_id=me["id"],
        person_id=known["id"],
        person_masked=mask_name(name),
        id_number_index=index,
        openid=seal(OPENID, known["id"], openid),
        openid_index=me["openid_index"],
        unionid_index=me["unionid_index"],
        phone=seal(PHONE, known["id"], phone) if phone else None,
        phone_index=work.keyring.blind_index(PHONE, phone) if phone else None,
        phone_masked=me["phone_masked"],
        code=seal(CODE, claim_id, f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"),
        state="open",
        proof=proof,
        version=1,
        expires_at=work.now + KEPT_OPEN,
        **{tier: union[tier] for tier in _TIERS},
    )
    return claim_id


@dataclass(frozen=True, slots=True)
class Decision:
    """What a member of staff says of a claim: with the code on the claimant's phone and the number on their card."""

    confirms: bool
    code: str | None = None
    id_number: str | None = None


async def decide(work: Work, actor: Actor, row: Record, said: Decision) -> Record | DomainError:
    """A member of staff has seen the claimant and their card, or refuses the claim.

    A wrong code or number is answered, not raised: that it has been counted must be committed.
    Raises ClaimEnded, NotAllowed, Recused, OwnPaperwork, TooManyAttempts, IdentityTaken.
    """
    if row["state"] != "open" or row["expires_at"] <= work.now:
        raise ClaimEnded
    post = post_over(actor, Permission.ASSIST, row)
    mine = (await person(work.transaction, actor.person_id))["id_number_index"]
    if post is None or row["person_id"] == actor.person_id or mine == row["id_number_index"]:
        raise NotAllowed
    if await is_near_number(work.transaction, row["id_number_index"]):
        raise Recused
    if said.confirms and await has_helped(work.transaction, row["id_number_index"]):
        raise OwnPaperwork
    if said.confirms and not await _right(work, row, said):
        await count(work, CLAIM_CODES, str(row["id"]))
        return ClaimProofWrong()
    state, proof = ("bound", "staff") if said.confirms else ("refused", None)
    if said.confirms:
        await _bind(work, row["id"], row["person_id"], "staff")
    by = {"decided_by": actor.person_id, "decided_role": post.role.value, "decided_organisation": post.place.name}
    await _end(work, row["id"], state, proof, **by)
    await _audit(work, actor.person_id, state, row["person_id"], row["id"], proof=proof or "none")
    return {"id": row["id"], "state": state, "version": row["version"] + 1}


async def claim_to_decide(work: Work, actor: Actor, claim_id: UUID, expected: int) -> Record:
    """Raises AccountClaimNotFound, StaleVersion."""
    row = await to_decide(work.transaction, actor, claim_id)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    return row


async def _right(work: Work, row: Record, said: Decision) -> bool:
    """Raises TooManyAttempts, Invalid."""
    await require_room(work, CLAIM_CODES, str(row["id"]))
    code = work.keyring.open_text(CODE, row["id"], row["code"])
    number = valid_number(said.id_number or "", work.today)
    same_code = hmac.compare_digest(code.encode(), (said.code or "").encode())
    return same_code and work.keyring.blind_index(ID_NUMBER, number) == row["id_number_index"]


async def _bind(work: Work, claim_id: UUID, person_id: UUID, proof: str) -> None:
    """Raises IdentityTaken: somebody else was bound first, or the claimant is not what they were."""
    if not await work.transaction.value(_BIND, claim_id=claim_id, at=work.now):
        raise IdentityTaken
    await emit(work, AccountClaimed(person_id, claim_id, proof))


async def _end(work: Work, claim_id: UUID, state: str, proof: str | None, **by: Any) -> None:
    nobody = {"decided_by": None, "decided_role": None, "decided_organisation": None}
    await work.transaction.run(_END, row_id=claim_id, state=state, proof=proof, ended_at=work.now, **nobody | by)


async def _audit(work: Work, by: UUID, done: str, subject_person_id: UUID, claim_id: UUID, **details: str) -> None:
    await record(
        work,
        person_id=by,
        action=f"account_claim.{done}",
        subject_kind="account_claim",
        subject_id=claim_id,
        subject_person_id=subject_person_id,
        **details,
    )
