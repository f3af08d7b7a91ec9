"""Objecting to a line, which stops it and nothing else, and deciding what was looked into."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, select, text, update

from app.audit.commands import record
from app.db.base import table_of
from app.db.sealing import Keyring
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor
from app.kernel.errors import Conflict, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.notices.events import InvestigationDecided, LineObjected
from app.notices.objection_queries import has_objected, investigation, post_above
from app.notices.path import PATH, Outcome
from app.notices.policy import KIND, NoticePolicy
from app.notices.queries import NoticeNotFound
from app.notices.receipts import as_kept, new_code
from app.notices.tables import Notice, NoticeInvestigation, NoticeObjection
from app.workflow.path import check_words

_N, _I = table_of(Notice), table_of(NoticeInvestigation)
WORDS, CONTACT, RECEIPT = "notice_objection.words", "notice_objection.contact", "notice_objection.receipt"
NOTE, REPLY = "notice_investigation.note", "notice_investigation.reply"
MOST_OBJECTIONS: Final = 20
"""To one line: it stands still already, and is looked into."""
# One row decides between an objection and the end of the line's time, and between two objections.
_STOP = statement(
    text(
        f"""
        update notice set state = 'suspended', objections = objections + 1
        where id = :row_id and state in ('open', 'suspended') and ends_at > :now and objections < {MOST_OBJECTIONS}
        returning objections, person_id, signer_ids, city_id, district_id, number, kind
        """  # noqa: S608 - a number of our own
    )
)
_FULL = statement(
    select(_N.c.id).where(
        _N.c.id == bindparam("row_id"),
        _N.c.ends_at > bindparam("now"),
        _N.c.objections >= literal_column(str(MOST_OBJECTIONS)),
    )
)
_INVESTIGATE = insertion(
    _I, *"id created_at person_id signer_ids city_id district_id number kind state due_on version".split()
)
_OBJECT = insertion(
    table_of(NoticeObjection),
    *"id created_at notice_id objector_id anonymous objector_masked words contact receipt_index".split(),
)
_DECISION = ("note", "reply", "decided_by", "post_role", "organisation_name")
_DECIDE = statement(
    update(_I)
    .where(_I.c.id == bindparam("row_id"), _I.c.version == bindparam("seen"), _I.c.state == literal_column("'open'"))
    .values(
        state=bindparam("to_state", type_=_I.c.state.type),
        version=_I.c.version + literal_column("1"),
        **{c: bindparam(c, type_=_I.c[c].type) for c in _DECISION},
        decided_at=bindparam("now", type_=_I.c.decided_at.type),
    )
    .returning(_I.c.version)
)


class AlreadyObjected(Conflict):
    """您已经对这条公示提出过异议，工会正在核查，请不要重复提出。"""


class ObjectionsEnough(Conflict):
    """这条公示已经收到多份异议，已暂停公示，工会正在核查。"""


class SignedBefore(NotAllowed):
    """您或您的亲属办理过这个案件的前一个环节，或与当事人有亲属关系，异议要由其他人核查。"""


class OwnObjection(NotAllowed):
    """这条公示的异议中有您提出的，要由其他人核查。"""


@dataclass(frozen=True, slots=True)
class Said:
    """An objection. `objector_id`: None of somebody unknown; `masked`: None where it is not to be told who they are."""

    words: str
    contact: str | None = None
    objector_id: UUID | None = None
    masked: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """An objection that was taken, and the code by which what becomes of it can be asked for. Told once."""

    id: UUID
    receipt_code: str


async def object_to(work: Work, notice_id: UUID, said: Said) -> Received:
    """Stop a line, and open its investigation unless one is open.

    Raises NoticeNotFound, ObjectionsEnough, AlreadyObjected.
    """
    line = await work.transaction.row(_STOP, row_id=notice_id, now=work.now)
    if line is None:
        full = await work.transaction.value(_FULL, row_id=notice_id, now=work.now)
        raise NoticeNotFound if full is None else ObjectionsEnough
    if line["objections"] == 1:
        await _investigate(work, notice_id, line)
    objection_id, code, keyring = new_id(), new_code(), work.keyring
    try:
        await work.transaction.run(
            _OBJECT,
            id=objection_id,
            created_at=work.now,
            notice_id=notice_id,
            objector_id=said.objector_id,
            anonymous=said.masked is None,
            objector_masked=said.masked,
            words=keyring.seal_text(WORDS, objection_id, said.words),
            contact=keyring.seal_text(CONTACT, objection_id, said.contact) if said.contact else None,
            receipt_index=receipt_index(keyring, code),
        )
    except asyncpg.UniqueViolationError as twice:  # of one person; two codes are never the same
        raise AlreadyObjected from twice
    await record(
        work,
        # The person whom the line is about may read what was done about them, and never who objected.
        person_id=said.objector_id if said.masked else None,
        action="notice.objected",
        subject_kind="notice",
        subject_id=notice_id,
        subject_person_id=None,
    )
    return Received(objection_id, code)


def receipt_index(keyring: Keyring, code: str) -> bytes | None:
    """What is kept of a receipt code, however it was typed; None for what is none."""
    meant = as_kept(code)
    return None if meant is None else keyring.blind_index(RECEIPT, meant)


async def _investigate(work: Work, notice_id: UUID, line: Record) -> None:
    policy = work.policies.in_force(KIND, NoticePolicy, work.today)
    await work.transaction.run(
        _INVESTIGATE,
        id=notice_id,
        created_at=work.now,
        **{name: line[name] for name in ("person_id", "signer_ids", "city_id", "district_id", "number", "kind")},
        state="open",
        due_on=work.calendar.after_working_days(work.today, policy.investigation_working_days),
        version=1,
    )
    await emit(work, LineObjected(notice_id))


async def decide(
    work: Work,
    actor: Actor,
    investigation_id: UUID,
    expected: int,
    action: Outcome,
    note: str | None,
    reply: str | None = None,
) -> Record:
    """Somebody above the unit, who signed nothing of it, says whether the objection is right, and why; `reply`: what
    those who objected read of it.

    What follows from it the worker does. Raises InvestigationNotFound, StaleVersion, NotAllowedNow, NotAllowed,
    SignedBefore, OwnObjection, Invalid.
    """
    row = await investigation(work.transaction, actor, investigation_id)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], action)
    post = post_above(actor, row)
    if post is None:
        raise NotAllowed
    await check_apart(work, actor, row)
    check_words(step, note, None, ())
    assert note is not None
    version = await work.transaction.value(
        _DECIDE,
        row_id=row["id"],
        seen=expected,
        to_state=step.to,
        note=work.keyring.seal_text(NOTE, row["id"], note),
        reply=work.keyring.seal_text(REPLY, row["id"], reply) if reply else None,
        decided_by=actor.person_id,
        post_role=post.role.value,
        organisation_name=post.place.name,
        now=work.now,
    )
    if version is None:  # somebody else decided it since it was read
        raise StaleVersion
    await record(
        work,
        person_id=actor.person_id,
        action=f"notice_investigation.{action}",
        subject_kind="notice_investigation",
        subject_id=row["id"],
        subject_person_id=row["person_id"],
    )
    await emit(work, InvestigationDecided(row["id"], step.to))
    return {"id": row["id"], "state": step.to, "version": version}


async def check_apart(work: Work, actor: Actor, row: Record) -> None:
    """Who signed this round, or objected themselves, does not look into it, nor does a relative of whoever signed or is
    objected to. Raises SignedBefore, OwnObjection."""
    if not {actor.person_id, *actor.apart.near}.isdisjoint((*row["signer_ids"], row["person_id"])):
        raise SignedBefore
    if await has_objected(work.transaction, row["id"], actor.person_id):
        raise OwnObjection
