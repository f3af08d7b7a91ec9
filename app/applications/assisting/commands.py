"""Filling in an application for a worker, and confirming it: by the worker, or on paper before a second person.

What is confirmed is opened and submitted at once, in the worker's name (app.http.routes.proxy_applications). Whoever
assisted has signed every round of it, so that the unique index of reviews lets them take no other step; a trigger
carries their signature into the round that a return opens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import bindparam, literal_column, update
from sqlalchemy.dialects.postgresql import insert

from app.applications.assisting.queries import FORM, ID_NUMBER, NAME, PHONE, F, ProxyApplicationNotFound, filing
from app.applications.commands import Applicant, open_application
from app.applications.path import Action, Kind, State
from app.applications.queries import P
from app.applications.recusal import Recused
from app.applications.steps import refusal_of
from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import Statement, insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.files import commands as files
from app.files.queries import named_in
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import Conflict, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.kernel.masking import mask_name, mask_phone
from app.organisations.queries import organisation
from app.people.commands import ID_NUMBER as PERSON_NUMBER
from app.people.commands import NAME as PERSON_NAME
from app.people.commands import enter_person
from app.people.queries import is_near_number, on_paper, person

TIERS = ("city_id", "district_id", "street_id", "unit_id")
_COLUMNS = (
    "id created_at id_number_index id_number name name_masked phone phone_masked kind period form state version "
    "assisted_by post_role organisation_name"
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
_SIGN = insertion(
    P,
    *"id created_at application_id round person_id post_role organisation_name".split(),
    *("action", "from_state", "to_state", "counts_as_review"),
)
_HAND_OVER = Statement("select hand_over_files($1)", ("filing_id",), {})


class ProxyApplicationOpen(Conflict):
    """这名职工已有一份同类的代填申请在等待确认。"""


class SecondSignerNeeded(NotAllowed):
    """纸质签名要由代填人以外的另一名工作人员确认。"""


class NameOnFileDiffers(Conflict):
    """这个证件号码登记的是另一个姓名，请核对后再办。"""


@dataclass(frozen=True, slots=True)
class Filled:
    """What was filled in for whom."""

    kind: Kind
    period: str
    name: str
    number: str
    phone: str
    form: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Signer:
    """Whoever confirmed that a worker signed on paper."""

    person_id: UUID
    post: Post
    signature_file_id: UUID


async def file_for(work: Work, actor: Actor, union: Record, post: Post, filled: Filled) -> UUID:
    """Keep the application that a clerk filled in for somebody, who has to confirm it.

    Raises NotAllowed, Recused, ProxyApplicationOpen.
    """
    index, seal = work.keyring.blind_index(PERSON_NUMBER, filled.number), work.keyring
    if (await person(work.transaction, actor.person_id))["id_number_index"] == index:
        raise NotAllowed
    if await is_near_number(work.transaction, index):
        raise Recused
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
        **{tier: union[tier] for tier in TIERS},
    )
    if filed is None:
        raise ProxyApplicationOpen
    await _audit(work, actor.person_id, "filed", filing_id, None)
    return filing_id


async def to_confirm_on_paper(work: Work, actor: Actor, filing_id: UUID, expected: int) -> tuple[Record, Post]:
    """What a second member of staff may confirm. Raises ProxyApplicationNotFound, StaleVersion, NotAllowed, Recused,
    SecondSignerNeeded."""
    row = await filing(work.transaction, actor, filing_id)
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
    return row, post


async def worker_on_paper(work: Work, actor: Actor, row: Record) -> UUID:
    """The worker of a filing, who has no WeChat: known already, or entered now.

    Raises HasAccount, NameOnFileDiffers.
    """
    name, number, phone = (
        work.keyring.open_text(column, row["id"], row[key])
        for column, key in ((NAME, "name"), (ID_NUMBER, "id_number"), (PHONE, "phone"))
    )
    known = await on_paper(work.transaction, row["id_number_index"])
    if known is None:
        union_id = next(row[tier] for tier in reversed(TIERS) if row[tier] is not None)
        return await enter_person(work, name, number, union_id, phone, by=actor.person_id)
    if work.keyring.open_text(PERSON_NAME, known["id"], known["name"]) != name:
        raise NameOnFileDiffers
    found: UUID = known["id"]
    return found


async def open_confirmed(
    work: Work, row: Record, person_id: UUID, household_id: UUID | None, period: str, signer: Signer | None
) -> UUID:
    """The application as a draft of the worker's, signed by whoever assisted; answers its id.

    Raises DraftAlreadyOpen, KeptApart, IdentityRequired, FileGone.
    """
    form = work.keyring.open_document(FORM, row["id"], row["form"])
    union = await organisation(work.transaction, next(row[tier] for tier in reversed(TIERS) if row[tier] is not None))
    applicant = Applicant(
        person_id, row["name_masked"], household_id, union["name"], union["division_code"],
        *(row[tier] for tier in TIERS),
    )  # fmt: skip
    application_id = await open_application(work, applicant, Kind(row["kind"]), period, orjson.dumps(form))
    await _end(work, row, "confirmed", application_id, signer, person_id)
    await _sign(work, application_id, row["assisted_by"], row["post_role"], row["organisation_name"])
    if signer is not None:
        await _sign(work, application_id, signer.person_id, signer.post.role.value, signer.post.place.name)
    named = [file_id for _, file_id in named_in(form)]
    if named:
        await files.name(work, "application", application_id, named)
        await work.transaction.value(_HAND_OVER, filing_id=row["id"])
    await _audit(work, row["assisted_by"], "assisted", row["id"], person_id)
    await _audit(work, signer.person_id if signer else person_id, "confirmed", row["id"], person_id)
    return application_id


async def decline(work: Work, row: Record, person_id: UUID) -> None:
    """The worker does not want what was filled in for them."""
    await work.transaction.run(_END, row_id=row["id"], **_NOT_CONFIRMED | {"state": "declined", "ended_at": work.now})
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


async def _sign(work: Work, application_id: UUID, person_id: UUID, role: str, organisation_name: str) -> None:
    try:
        await work.transaction.run(
            _SIGN,
            id=new_id(),
            created_at=work.now,
            application_id=application_id,
            round=1,
            person_id=person_id,
            post_role=role,
            organisation_name=organisation_name,
            action=Action.ASSIST,
            from_state=State.DRAFT,
            to_state=State.DRAFT,
            counts_as_review=True,
        )
    except asyncpg.CheckViolationError as refused:
        raise refusal_of(refused) from refused


async def _audit(work: Work, by: UUID, done: str, filing_id: UUID, subject_person_id: UUID | None) -> None:
    await record(
        work,
        person_id=by,
        action=f"proxy_application.{done}",
        subject_kind="proxy_application",
        subject_id=filing_id,
        subject_person_id=subject_person_id,
    )
