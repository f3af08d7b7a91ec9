"""Filling in an application for a worker, and confirming it: by the worker, or on paper before a second person.

What is confirmed is opened and submitted at once, in the worker's name (app.http.routes.proxy_applications). Whoever
assisted has signed every round of it, so that the unique index of reviews lets them take no other step; a trigger
carries their signature into the round that a return opens. What was returned to a worker is filled in anew: nobody else
can continue it for somebody without WeChat.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import bindparam, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from app.applications.assisting.events import ApplicationFilledIn
from app.applications.assisting.helping import applicant_of, to_help
from app.applications.assisting.queries import CARD, FORM, ID_NUMBER, NAME, PHONE, F, ProxyApplicationNotFound, filing
from app.applications.commands import Applicant, open_application, replace_form
from app.applications.path import Action, Kind, State
from app.applications.queries import ApplicationNotFound, P, own_locked
from app.applications.steps import AlreadySigned, refusal_of
from app.audit.commands import record, record_reading
from app.db.scope import post_over
from app.db.statements import Statement, statement
from app.db.transaction import Record
from app.db.work import Work
from app.files import commands as files
from app.files.queries import named_in
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import (
    Conflict,
    FieldError,
    IdentityRequired,
    Invalid,
    KeptApart,
    NotAllowed,
    Recused,
    StaleVersion,
)
from app.kernel.ids import new_id
from app.kernel.masking import mask_name, mask_phone
from app.messaging.outbox import emit
from app.organisations.queries import expect_acceptor, organisation
from app.people.card_commands import set_first_card
from app.people.commands import ID_NUMBER as PERSON_NUMBER
from app.people.paper_commands import worker_on_paper
from app.people.queries import is_near_number, person, person_of_number
from app.proxy_filings.commands import FilledInByAnother

TIERS = ("city_id", "district_id", "street_id", "unit_id")
_COLUMNS = (
    "id created_at id_number_index id_number name name_masked phone phone_masked kind period form state version "
    "assisted_by post_role organisation_name bank_card returned_id"
).split()
_FILE = statement(
    insert(F)
    .values({c: bindparam(c, type_=F.c[c].type) for c in (*_COLUMNS, *TIERS)})
    .on_conflict_do_nothing()
    .returning(F.c.id)
)
_ENDED = "state application_id confirmed_by confirmed_role confirmed_organisation signature_file_id ended_at".split()
_END = statement(
    update(F)
    .where(F.c.id == bindparam("row_id"))
    .values({c: bindparam(c, type_=F.c[c].type) for c in _ENDED} | {"version": F.c.version + literal_column("1")})
)
_NOT_CONFIRMED: dict[str, Any] = dict.fromkeys(_ENDED)
_SIGNED = (
    "id created_at application_id round person_id post_role organisation_name action from_state to_state "
    "counts_as_review"
).split()
# Whoever assists again has signed the round already.
_SIGN = statement(insert(P).values({c: bindparam(c, type_=P.c[c].type) for c in _SIGNED}).on_conflict_do_nothing())
_HELPS = statement(
    select(P.c.id).where(
        P.c.application_id == bindparam("application_id"),
        P.c.round == bindparam("round"),
        P.c.person_id == bindparam("person_id"),
        P.c.action == literal_column("'assist'"),
    )
)
_HAND_OVER = Statement("select hand_over_files($1)", ("filing_id",), {})


class ProxyApplicationOpen(Conflict):
    """这名职工已有一份同类的代填申请在等待确认；填错了的，请先撤回那一份。"""


class SecondSignerNeeded(NotAllowed):
    """纸质签名要由代填人以外的另一名工作人员确认。"""


class NotReturned(Conflict):
    """这份申请没有被退回，或代填之后又有变动；请撤回这份代填，需要补正的按现在的情况另填。"""


@dataclass(frozen=True, slots=True)
class Filled:
    """What was filled in for whom."""

    kind: Kind
    period: str
    name: str
    number: str
    phone: str
    form: Mapping[str, Any]
    bank_card: Mapping[str, Any] | None = None
    """Number, bank_name and branch."""
    returned_id: UUID | None = None
    """What was returned to the worker and is filled in anew, if anything."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Whoever confirmed that a worker signed on paper."""

    person_id: UUID
    post: Post
    signature_file_id: UUID


async def file_for(work: Work, actor: Actor, union: Record, post: Post, filled: Filled) -> UUID:
    """Keep the application that a clerk filled in for somebody, who has to confirm it.

    Raises IdentityRequired, NotAllowed, Recused, NobodyToAccept, ApplicationNotFound, NotReturned,
    ProxyApplicationOpen.
    """
    index, seal = work.keyring.blind_index(PERSON_NUMBER, filled.number), work.keyring
    mine = (await person(work.transaction, actor.person_id))["id_number_index"]
    if mine is None:
        raise IdentityRequired
    if mine == index:
        raise NotAllowed
    if await is_near_number(work.transaction, index):
        raise Recused
    # Where everybody there helps, the level above accepts it; where nobody is there, nobody does.
    await expect_acceptor(work.transaction, union, work.today)
    if filled.returned_id is not None:
        await _expect_returned(work, actor, union, filled, filled.returned_id, index)
    filing_id = new_id()
    filed = await work.transaction.value(
        _FILE,
        id=filing_id,
        created_at=work.now,
        id_number_index=index,
        id_number=seal.seal_text(ID_NUMBER, filing_id, filled.number),
        name=seal.seal_text(NAME, filing_id, filled.name),
        name_masked=mask_name(filled.name),
        phone=seal.seal_text(PHONE, filing_id, filled.phone),
        phone_masked=mask_phone(filled.phone),
        kind=filled.kind,
        period=filled.period,
        form=seal.seal_document(FORM, filing_id, filled.form),
        state="open",
        version=1,
        assisted_by=actor.person_id,
        post_role=post.role.value,
        organisation_name=post.place.name,
        bank_card=seal.seal_document(CARD, filing_id, filled.bank_card) if filled.bank_card else None,
        returned_id=filled.returned_id,
        **{tier: union[tier] for tier in TIERS},
    )
    if filed is None:
        raise ProxyApplicationOpen
    await _audit(work, actor.person_id, "filed", filing_id, None)
    await emit(work, ApplicationFilledIn(filing_id))
    return filing_id


async def _expect_returned(
    work: Work, actor: Actor, union: Record, filled: Filled, application_id: UUID, number_index: bytes
) -> None:
    """That it was returned to whoever has this number, and that its own union fills it in."""
    returned = await to_help(work, actor, application_id)
    applicant = await applicant_of(work, returned)
    if (returned["kind"], applicant["id_number_index"]) != (filled.kind, number_index):
        raise ApplicationNotFound
    if any(returned[tier] != union[tier] for tier in TIERS):
        raise Invalid(FieldError("/organisation_code", "returned_elsewhere", "请填写这份申请所在的工会。"))
    if returned["state"] != State.RETURNED:
        raise NotReturned


async def to_confirm_on_paper(work: Work, actor: Actor, filing_id: UUID, expected: int) -> tuple[Record, Post]:
    """What a second member of staff may confirm. Raises ProxyApplicationNotFound, StaleVersion, NotAllowed, Recused,
    SecondSignerNeeded."""
    row = await filing(work.transaction, actor, filing_id, locked=True)
    expect(row, expected)
    if row["state"] != "open":
        raise ProxyApplicationNotFound
    post = post_over(actor, Permission.ASSIST, row)
    if post is None:
        raise NotAllowed
    if row["assisted_by"] == actor.person_id:
        raise SecondSignerNeeded
    if await is_near_number(work.transaction, row["id_number_index"]):
        raise Recused
    if row["returned_id"] is not None:
        await to_help(work, actor, row["returned_id"])
    return row, post


async def looked_at(work: Work, actor: Actor, filing_id: UUID) -> Record:
    """What waits to be confirmed, for who compares it with the paper; that they look is written down.

    Raises ProxyApplicationNotFound, Recused.
    """
    row = await filing(work.transaction, actor, filing_id)
    if row["state"] != "open":
        raise ProxyApplicationNotFound
    if await is_near_number(work.transaction, row["id_number_index"]):
        raise Recused
    subject = await person_of_number(work.transaction, row["id_number_index"])
    await record_reading(
        work, actor, kind="proxy_application", row=row, subject_person_id=subject, purpose="verification", waits=False
    )
    return row


async def signer_of_paper(work: Work, actor: Actor, row: Record) -> UUID:
    """The worker of a filing, who has no WeChat. Raises HasAccount, NameOnFileDiffers."""
    name, number, phone = (
        work.keyring.open_text(column, row["id"], row[key])
        for column, key in ((NAME, "name"), (ID_NUMBER, "id_number"), (PHONE, "phone"))
    )
    union_id = next(row[tier] for tier in reversed(TIERS) if row[tier] is not None)
    return await worker_on_paper(work, name, number, union_id, phone, by=actor.person_id)


async def open_confirmed(
    work: Work, row: Record, worker: Actor, household_id: UUID | None, period: str, signer: Signer | None
) -> UUID:
    """The application as a draft of the worker's, signed by whoever assisted; answers its id. What was returned to them
    is filled in anew.

    Raises DraftAlreadyOpen, ApplicationNotFound, NotReturned, FilledInByAnother, AlreadySigned, KeptApart,
    IdentityRequired, FileGone.
    """
    form, person_id = work.keyring.open_document(FORM, row["id"], row["form"]), worker.person_id
    if row["returned_id"] is None:
        application_id, round_, state = await _opened(work, row, person_id, household_id, period, form), 1, State.DRAFT
    else:
        application_id, state = row["returned_id"], State.RETURNED
        round_ = await _filled_in_anew(work, worker, row, period, form)
    await _end(work, row, "confirmed", application_id, signer, person_id)
    signing = partial(sign, work, application_id, round_, state)
    try:
        await signing(row["assisted_by"], row["post_role"], row["organisation_name"])
    except (AlreadySigned, IdentityRequired, KeptApart) as barred:
        if signer is None:  # the worker can do nothing about it but ask somebody else
            raise FilledInByAnother from barred
        raise
    if signer is not None:
        await signing(signer.person_id, signer.post.role.value, signer.post.place.name)
    if row["bank_card"] is not None:
        card = work.keyring.open_document(CARD, row["id"], row["bank_card"])
        await set_first_card(work, person_id, card, signer.person_id if signer else person_id)
    named = [file_id for _, file_id in named_in(form)]
    if named or row["returned_id"] is not None:
        await files.name(work, "application", application_id, named)
        await work.transaction.value(_HAND_OVER, filing_id=row["id"])
    await _audit(work, row["assisted_by"], "assisted", row["id"], person_id)
    await _audit(work, signer.person_id if signer else person_id, "confirmed", row["id"], person_id)
    return application_id


async def _opened(
    work: Work, row: Record, person_id: UUID, household_id: UUID | None, period: str, form: Mapping[str, Any]
) -> UUID:
    union = await organisation(work.transaction, next(row[tier] for tier in reversed(TIERS) if row[tier] is not None))
    applicant = Applicant(
        person_id, row["name_masked"], household_id, union["name"], union["division_code"],
        *(row[tier] for tier in TIERS),
    )  # fmt: skip
    return await open_application(work, applicant, Kind(row["kind"]), period, orjson.dumps(form))


async def _filled_in_anew(work: Work, worker: Actor, row: Record, period: str, form: Mapping[str, Any]) -> int:
    """The round that begins when it is submitted."""
    returned = await own_locked(work.transaction, worker, row["returned_id"])
    # What was filled in before it was returned, or returned again, says nothing of what was asked for then.
    if returned["state"] != State.RETURNED or returned["updated_at"] > row["created_at"]:
        raise NotReturned
    await replace_form(work, returned, period, orjson.dumps(form))
    return int(returned["round"]) + 1


async def withdraw(work: Work, actor: Actor, filing_id: UUID, expected: int) -> Record:
    """Staff take back what nobody has confirmed, because something in it is wrong.

    Raises ProxyApplicationNotFound, StaleVersion.
    """
    row = await filing(work.transaction, actor, filing_id, locked=True)
    expect(row, expected)
    if row["state"] != "open":
        raise ProxyApplicationNotFound
    await work.transaction.run(_END, row_id=row["id"], **_NOT_CONFIRMED | {"state": "withdrawn", "ended_at": work.now})
    await files.name(work, "proxy_application", filing_id, ())
    await _audit(work, actor.person_id, "withdrawn", filing_id, None)
    return dict(row) | {"state": "withdrawn", "version": row["version"] + 1}


async def decline(work: Work, row: Record, person_id: UUID) -> None:
    """The worker does not want what was filled in for them."""
    await work.transaction.run(_END, row_id=row["id"], **_NOT_CONFIRMED | {"state": "declined", "ended_at": work.now})
    await files.name(work, "proxy_application", row["id"], ())
    await _audit(work, person_id, "declined", row["id"], person_id)


def expect(row: Record, version: int) -> None:
    """Raises StaleVersion."""
    if row["version"] != version:
        raise StaleVersion(version=row["version"])


async def _end(
    work: Work, row: Record, state: str, application_id: UUID, signer: Signer | None, person_id: UUID
) -> None:
    await work.transaction.run(
        _END,
        row_id=row["id"],
        state=state,
        application_id=application_id,
        confirmed_by=signer.person_id if signer else person_id,
        confirmed_role=signer.post.role.value if signer else None,
        confirmed_organisation=signer.post.place.name if signer else None,
        signature_file_id=signer.signature_file_id if signer else None,
        ended_at=work.now,
    )


async def sign(
    work: Work, application_id: UUID, round_: int, state: str, person_id: UUID, role: str, organisation_name: str
) -> None:
    """Whoever helps with a round of an application decides nothing of it.

    Raises AlreadySigned for who has decided something of it, KeptApart, IdentityRequired.
    """
    try:
        signed = await work.transaction.run(
            _SIGN,
            id=new_id(),
            created_at=work.now,
            application_id=application_id,
            round=round_,
            person_id=person_id,
            post_role=role,
            organisation_name=organisation_name,
            action=Action.ASSIST,
            from_state=state,
            to_state=state,
            counts_as_review=True,
        )
    except asyncpg.CheckViolationError as refused:
        raise refusal_of(refused) from refused
    if not signed and not await _helps(work, application_id, round_, person_id):
        raise AlreadySigned


async def _helps(work: Work, application_id: UUID, round_: int, person_id: UUID) -> bool:
    found = await work.transaction.value(_HELPS, application_id=application_id, round=round_, person_id=person_id)
    return found is not None


async def _audit(work: Work, by: UUID, done: str, filing_id: UUID, subject_person_id: UUID | None) -> None:
    await record(
        work,
        person_id=by,
        action=f"proxy_application.{done}",
        subject_kind="proxy_application",
        subject_id=filing_id,
        subject_person_id=subject_person_id,
    )
