"""Making a batch of those who allowed it, and taking what a department answers.

Nothing here moves a household file: a difference opens a discrepancy, which the worker may answer.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, text, update

from app.audit.commands import record
from app.db.base import table_of
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.households.queries import HouseholdNotFound, kept_form
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed
from app.kernel.ids import new_id
from app.kernel.masking import mask_name
from app.matching import exchange
from app.matching.departments import Department, MatchPurpose, Mode, people_of
from app.matching.exchange import Person
from app.matching.queries import M, authorisation_locked, authorisations, consents, consents_of_members, files
from app.matching.rules import is_adult
from app.matching.tables import MatchAuthorisation, MatchBatch, MatchPerson
from app.organisations.queries import organisation
from app.people.commands import ID_NUMBER

PERSON, OUTGOING, KEY = "match_person.person", "match_batch.outgoing", "match_batch.key"
MAX_HOUSEHOLDS: Final = 500
_TIERS: Final = ("city_id", "district_id", "street_id", "unit_id")
_NEXT_NUMBER = statement(text("select nextval('match_number')"))
_AUTHORISE = insertion(
    table_of(MatchAuthorisation),
    *"id created_at household_id id_number_index name_masked file_id signed_on recorded_by".split(),
)
_WITHDRAW = statement(
    update(M)
    .where(M.c.id == bindparam("row_id"))
    .values({c: bindparam(c, type_=M.c[c].type) for c in ("withdrawn_at", "withdrawn_by")})
)
_BATCH = insertion(
    table_of(MatchBatch),
    *"id created_at number department purpose basis_code basis_text mode made_by people households outgoing".split(),
    *("outgoing_sha256", "key", *_TIERS),
)
_PERSON = insertion(
    table_of(MatchPerson),
    *"id created_at batch_id household_id line person consent_id authorisation_id".split(),
)


class MatchPurposeMissing(NotAllowed):
    """比对必须写明目的和法律依据；这次请求已记录。"""


class NobodyAuthorised(Conflict):
    """没有一个人签过比对授权，不能比对。"""


class MatchAcrossUnions(Conflict):
    """一批比对只能包含您的一个岗位范围内的档案，请分批办理。"""


class AlreadyAuthorised(Conflict):
    """这位成员已有一份有效的授权。"""


@dataclass(frozen=True, slots=True)
class Basis:
    """What allows a match: the document and clause, and what it says."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    department: Department
    purpose: MatchPurpose
    basis: Basis
    mode: Mode
    household_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Somebody who has not allowed it, or a file that is not with the union now."""

    household_id: UUID
    number: str
    pointer: str | None
    name_masked: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Made:
    id: UUID
    number: str
    people: int
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Listed:
    """Somebody who may be matched, and by what."""

    file: Record
    name: str
    id_number: str
    consent_id: UUID | None
    authorisation_id: UUID | None


async def authorise(
    work: Work, actor: Actor, file: Record, pointer: str, paper: UUID, signed_on: date
) -> tuple[UUID, str]:
    """Record the signed paper of a member; answers the authorisation's id and the member's masked name.

    Raises Invalid, AlreadyAuthorised.
    """
    form = kept_form(work.keyring, file)
    someone = people_of(form).get(pointer) if form is not None else None
    if someone is None:
        raise Invalid(FieldError("/member", "member_unknown", "档案里没有这位成员，或档案还没有提交。"))
    if signed_on > work.today:
        raise Invalid(FieldError("/signed_on", "signed_in_future", "签字日期不能晚于今天。"))
    authorisation_id, masked = new_id(), mask_name(someone["name"])
    try:
        await work.transaction.run(
            _AUTHORISE,
            id=authorisation_id,
            created_at=work.now,
            household_id=file["id"],
            id_number_index=work.keyring.blind_index(ID_NUMBER, someone["id_number"]),
            name_masked=masked,
            file_id=paper,
            signed_on=signed_on,
            recorded_by=actor.person_id,
        )
    except asyncpg.UniqueViolationError as there:
        raise AlreadyAuthorised from there
    await _recorded(work, actor, "match.authorised", file)
    return authorisation_id, masked


async def withdraw(work: Work, actor: Actor, file: Record, authorisation_id: UUID) -> None:
    """From the next batch on the member is left out. Raises AuthorisationNotFound."""
    row = await authorisation_locked(work.transaction, file["id"], authorisation_id)
    await work.transaction.run(_WITHDRAW, row_id=row["id"], withdrawn_at=work.now, withdrawn_by=actor.person_id)
    await _recorded(work, actor, "match.authorisation_withdrawn", file)


async def refused_without_purpose(work: Work, actor: Actor, department: Department) -> None:
    """Leave a trace of a call that said neither what for nor by what right."""
    await record(
        work,
        person_id=actor.person_id,
        action="match.refused",
        subject_kind="person",
        subject_id=actor.person_id,
        subject_person_id=None,
        department=department,
        why=MatchPurposeMissing.code,
    )


async def make_batch(work: Work, actor: Actor, asked: Asked) -> Made:
    """A list for a department of all who allowed it; the others are left out and named.

    Raises HouseholdNotFound, MatchAcrossUnions, NobodyAuthorised.
    """
    wanted = list(dict.fromkeys(asked.household_ids))
    found = await files(work.transaction, actor, wanted)
    if len(found) != len(wanted):
        raise HouseholdNotFound
    post = _post_over_all(actor, found)
    listed, left_out = await _allowed(work, found)
    if not listed:
        raise NobodyAuthorised(*(_named(each, n) for n, each in enumerate(left_out)))
    place = await organisation(work.transaction, post.place.id)
    batch_id, serial = new_id(), await work.transaction.value(_NEXT_NUMBER)
    number = f"BD-{place['division_code']}-{work.today.year}-{serial:06d}"
    key = secrets.token_bytes(exchange.KEY_BYTES) if asked.mode == "hashed" else None
    people = [Person(n, each.name, each.id_number) for n, each in enumerate(listed, 1)]
    content = exchange.csv_of(exchange.rows_for(asked.mode, number, people, key))
    await work.transaction.run(
        _BATCH,
        id=batch_id,
        created_at=work.now,
        number=number,
        department=asked.department,
        purpose=asked.purpose,
        basis_code=asked.basis.code,
        basis_text=asked.basis.text,
        mode=asked.mode,
        made_by=actor.person_id,
        people=len(people),
        households=len({each.file["id"] for each in listed}),
        outgoing=work.keyring.seal(OUTGOING, batch_id, content),
        outgoing_sha256=hashlib.sha256(content).hexdigest(),
        key=work.keyring.seal(KEY, batch_id, key) if key else None,
        **{tier: place[tier] for tier in _TIERS},
    )
    await work.transaction.many(_PERSON, [_row(work, batch_id, n, each) for n, each in enumerate(listed, 1)])
    for file in {each.file["id"]: each.file for each in listed}.values():
        await _recorded(work, actor, "match.listed", file, department=asked.department, batch=number)
    return Made(batch_id, number, len(people), tuple(left_out))


@dataclass(frozen=True, slots=True)
class _Given:
    """What allows people to be matched: consents of heads by person and of members by number, and signed papers."""

    heads: Mapping[UUID, UUID]
    members: Mapping[bytes, UUID]
    papers: Mapping[tuple[UUID, bytes], Record]


async def _allowed(work: Work, found: Sequence[Record]) -> tuple[list[_Listed], list[LeftOut]]:
    """Every person of these files who may be matched, and everybody else by name."""
    forms = {file["id"]: kept_form(work.keyring, file) for file in found}
    given = await _given(work, found, [form for form in forms.values() if form is not None])
    listed: list[_Listed] = []
    left_out: list[LeftOut] = []
    for file in found:
        form = forms[file["id"]]
        if form is None:
            left_out.append(LeftOut(file["id"], file["number"], None, None, "file_with_owner"))
            continue
        for pointer, each in _asked_of(work, file, form, given):
            if isinstance(each, _Listed):
                listed.append(each)
            else:
                masked = mask_name(each)
                left_out.append(LeftOut(file["id"], file["number"], pointer, masked, "not_authorised"))
    return listed, left_out


async def _given(work: Work, found: Sequence[Record], forms: Sequence[Any]) -> _Given:
    adults = (
        someone["id_number"]
        for form in forms
        for pointer, someone in people_of(form).items()
        if pointer != "/head" and is_adult(someone["id_number"], work.today)
    )
    indexes = [work.keyring.blind_index(ID_NUMBER, number) for number in adults]
    return _Given(
        await consents(work.transaction, [file["person_id"] for file in found]),
        await consents_of_members(work.transaction, indexes) if indexes else {},
        await authorisations(work.transaction, [file["id"] for file in found], work.today),
    )


def _asked_of(work: Work, file: Record, form: Mapping[str, Any], given: _Given) -> Iterator[tuple[str, _Listed | str]]:
    """An adult allows it for themselves, in the mini-program or on paper; for a child the head does. Who has not is
    only named."""
    by_head = given.heads.get(file["person_id"])
    for pointer, someone in people_of(form).items():
        number = someone["id_number"]
        index = work.keyring.blind_index(ID_NUMBER, number)
        head_answers = pointer == "/head" or not is_adult(number, work.today)
        consent, paper = by_head if head_answers else given.members.get(index), given.papers.get((file["id"], index))
        if consent is None and paper is None:
            yield pointer, str(someone["name"])
        else:
            paper_id = paper["id"] if paper is not None and consent is None else None
            yield pointer, _Listed(file, someone["name"], number, consent, paper_id)


def _post_over_all(actor: Actor, found: Sequence[Record]) -> Post:
    """The post that a batch is made from: whoever shares it sees the batch, so all of its files stand under it."""
    for post in actor.posts_with(Permission.RUN_MATCH):
        if all(file[f"{post.place.tier}_id"] == post.place.id for file in found):
            return post
    raise MatchAcrossUnions


def _row(work: Work, batch_id: UUID, line: int, listed: _Listed) -> dict[str, Any]:
    row_id = new_id()
    person = {"name": listed.name, "id_number": listed.id_number}
    return {
        "id": row_id,
        "created_at": work.now,
        "batch_id": batch_id,
        "household_id": listed.file["id"],
        "line": line,
        "person": work.keyring.seal_document(PERSON, row_id, person),
        "consent_id": listed.consent_id,
        "authorisation_id": listed.authorisation_id,
    }


def _named(left_out: LeftOut, n: int) -> FieldError:
    who = left_out.name_masked or "这份档案"
    why = "没有签字授权" if left_out.why == "not_authorised" else "还在申请人手中"
    return FieldError(f"/left_out/{n}", left_out.why, f"{left_out.number} {who}：{why}。")


async def _recorded(work: Work, actor: Actor, action: str, file: Record, **details: str) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=action,
        subject_kind="household",
        subject_id=file["id"],
        subject_person_id=file["person_id"],
        **details,
    )
