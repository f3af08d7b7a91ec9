"""Filling in a household file for a worker, and confirming it: by the worker, or on paper before a second person."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, literal_column, update
from sqlalchemy.dialects.postgresql import insert

from app.audit.commands import record, record_reading
from app.db.scope import post_over
from app.db.statements import Statement, statement
from app.db.transaction import Record, Sight
from app.db.work import Work
from app.files import commands as files
from app.files.queries import named_by
from app.households.assistance import keep_assistance, still_assisted, submit_on_paper
from app.households.changes import By
from app.households.commands import Scope, fill_in_anew, open_file
from app.households.queries import living
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import Conflict, IdentityRequired, KeptApart, NotAllowed, Recused, StaleVersion
from app.kernel.ids import new_id
from app.kernel.masking import mask_name, mask_phone
from app.messaging.outbox import emit
from app.organisations.queries import expect_acceptor
from app.people.card_commands import set_first_card
from app.people.commands import ID_NUMBER as PERSON_NUMBER
from app.people.paper_commands import worker_on_paper
from app.people.queries import is_near_number, person, person_of_number
from app.proxy_filings.events import FileFilledIn
from app.proxy_filings.queries import CARD, FORM, ID_NUMBER, NAME, PHONE, F, ProxyFilingNotFound, filing, waiting_for

ANEW = "退回后代为补正"
TIERS = ("city_id", "district_id", "street_id", "unit_id")
_COLUMNS = (
    "id created_at id_number_index id_number name name_masked phone phone_masked division_code form state version "
    "assisted_by post_role organisation_name"
).split()
_FILE = statement(
    insert(F)
    .values({c: bindparam(c, type_=F.c[c].type) for c in (*_COLUMNS, *TIERS)})
    .on_conflict_do_nothing()
    .returning(F.c.id)
)
_CONFIRM = statement(
    update(F)
    .where(F.c.id == bindparam("row_id"))
    .values(
        {
            c: bindparam(c, type_=F.c[c].type)
            for c in ("state", "household_id", "confirmed_by", "confirmed_at", "signature_file_id")
        }
        | {"version": F.c.version + literal_column("1")}
    )
)
_WITHDRAW = statement(
    update(F)
    .where(F.c.id == bindparam("row_id"))
    .values(state=literal_column("'withdrawn'"), version=F.c.version + literal_column("1"))
)
_HAND_OVER = Statement("select hand_over_household_files($1)", ("filing_id",), {})


class ProxyFilingOpen(Conflict):
    """这名职工已有一份代填的档案在等待确认；填错了的，请先撤回那一份。"""


class HouseholdExists(Conflict):
    """您已有家庭档案，代填的内容不能再确认；需要修改的，请直接在档案里修改。"""


class FileKnown(Conflict):
    """这名职工已有家庭档案，或代填之后档案又有变动；请撤回这份代填，被退回的由档案所在的工会按现在的情况另填。"""


class FilledInByAnother(Conflict):
    """代您填写的工作人员不能代您办理这份材料，请联系工会，由另一名工作人员另行代填。"""


class SecondPersonNeeded(NotAllowed):
    """纸质签名要由代填人以外的另一名工作人员确认。"""


async def file_for(
    work: Work, actor: Actor, union: Record, post: Post, *, name: str, number: str, phone: str, form: Mapping[str, Any]
) -> UUID:
    """Keep the form that a clerk filled in for somebody, who has to confirm it.

    Raises IdentityRequired, NotAllowed, Recused, ProxyFilingOpen.
    """
    kept = dict(form) | {"head": form.get("head", {}) | {"name": name, "id_number": number}}
    index = work.keyring.blind_index(PERSON_NUMBER, number)
    mine = (await person(work.transaction, actor.person_id))["id_number_index"]
    if mine is None:
        raise IdentityRequired
    if mine == index:
        raise NotAllowed
    await _near_nobody(work, kept)
    filing_id, seal = new_id(), work.keyring
    filed = await work.transaction.value(
        _FILE,
        id=filing_id,
        created_at=work.now,
        id_number_index=index,
        id_number=seal.seal_text(ID_NUMBER, filing_id, number),
        name=seal.seal_text(NAME, filing_id, name),
        name_masked=mask_name(name),
        phone=seal.seal_text(PHONE, filing_id, phone),
        phone_masked=mask_phone(phone),
        division_code=union["division_code"],
        form=seal.seal_document(FORM, filing_id, kept),
        state="open",
        version=1,
        assisted_by=actor.person_id,
        post_role=post.role.value,
        organisation_name=post.place.name,
        **{tier: union[tier] for tier in TIERS},
    )
    if filed is None:
        raise ProxyFilingOpen
    await _audit(work, actor.person_id, "filed", filing_id, None)
    await emit(work, FileFilledIn(filing_id))
    return filing_id


async def _near_nobody(work: Work, form: Mapping[str, Any]) -> None:
    """Raises Recused where the actor, or somebody near to them, is the head or a member of what was filled in."""
    named = [form["head"], *form.get("members", ())]
    numbers = [each["id_number"] for each in named if each.get("id_number")]
    if await is_near_number(work.transaction, *(work.keyring.blind_index(PERSON_NUMBER, each) for each in numbers)):
        raise Recused


async def looked_at(work: Work, actor: Actor, filing_id: UUID) -> Record:
    """What waits to be confirmed, for who compares it with the paper; that they look is written down.

    Raises ProxyFilingNotFound, Recused.
    """
    row = await filing(work.transaction, actor, filing_id)
    if row["state"] != "open":
        raise ProxyFilingNotFound
    await _near_nobody(work, work.keyring.open_document(FORM, filing_id, row["form"]))
    subject = await person_of_number(work.transaction, row["id_number_index"])
    await record_reading(
        work, actor, kind="proxy_filing", row=row, subject_person_id=subject, purpose="verification", waits=False
    )
    return row


async def confirm(work: Work, actor: Actor, expected: int) -> UUID:
    """The worker takes over what was filled in for them, as the draft of their file; answers its id.

    Raises ProxyFilingNotFound, StaleVersion, HouseholdExists, FilledInByAnother.
    """
    row = await waiting_for(work.transaction, actor.person_id, locked=True)
    if row is None:
        raise ProxyFilingNotFound
    _expect(row, expected)
    if await living(work.transaction, actor.person_id) is not None:
        raise HouseholdExists
    try:
        household_id = await _open(work, row, actor.person_id, confirmed_by=actor.person_id)
    except (IdentityRequired, KeptApart) as barred:
        raise FilledInByAnother from barred
    await _keep_card(work, row, actor.person_id, actor.person_id)
    return household_id


async def _keep_card(work: Work, row: Record, person_id: UUID, by: UUID) -> None:
    if row["bank_card"] is not None:
        await set_first_card(work, person_id, work.keyring.open_document(CARD, row["id"], row["bank_card"]), by)


async def confirm_on_paper(work: Work, actor: Actor, filing_id: UUID, expected: int, signature_file_id: UUID) -> Record:
    """A second member of staff confirms the signature of somebody who has no WeChat, and files for them. What was
    returned to them is filled in anew: they cannot do it themselves.

    Raises ProxyFilingNotFound, StaleVersion, SecondPersonNeeded, Recused, NobodyToAccept, HasAccount,
    NameOnFileDiffers, FileKnown, KeptApart, IdentityRequired, NotAllowed, Invalid, MemberElsewhere.
    """
    row = await filing(work.transaction, actor, filing_id, locked=True)
    _expect(row, expected)
    if row["state"] != "open":
        raise ProxyFilingNotFound
    post = post_over(actor, Permission.ASSIST, row)
    if post is None:
        raise NotAllowed
    if row["assisted_by"] == actor.person_id:
        raise SecondPersonNeeded
    await _near_nobody(work, work.keyring.open_document(FORM, filing_id, row["form"]))
    person_id = await _signer_of_paper(work, actor, row)
    confirmed = {"confirmed_by": actor.person_id, "signature_file_id": signature_file_id}
    second = By(actor.person_id, post.role.value, post.place.name)
    async with work.transaction.seen_by(Sight("worker", person_id)):
        known = await living(work.transaction, person_id, locked=True)
        await _keep_card(work, row, person_id, actor.person_id)
    if known is None:
        household_id = await _open(work, row, person_id, **confirmed)
        await keep_assistance(work, household_id, second)
    else:
        household_id = await _fill_in_anew(work, row, known, second)
        await _confirmed(work, row, household_id, person_id, **confirmed)
    moved = await submit_on_paper(work, actor, household_id, post)
    # A file has no level above that would accept it instead.
    await expect_acceptor(work.transaction, row, work.today, row["assisted_by"], actor.person_id)
    return moved


async def withdraw(work: Work, actor: Actor, filing_id: UUID, expected: int) -> Record:
    """Staff take back what nobody has confirmed, because something in it is wrong.

    Raises ProxyFilingNotFound, StaleVersion.
    """
    row = await filing(work.transaction, actor, filing_id, locked=True)
    _expect(row, expected)
    if row["state"] != "open":
        raise ProxyFilingNotFound
    await work.transaction.run(_WITHDRAW, row_id=filing_id)
    await files.name(work, "proxy_filing", filing_id, ())
    await _audit(work, actor.person_id, "withdrawn", filing_id, None)
    return dict(row) | {"state": "withdrawn", "version": row["version"] + 1}


async def _signer_of_paper(work: Work, actor: Actor, row: Record) -> UUID:
    name, number, phone = (
        work.keyring.open_text(column, row["id"], row[key])
        for column, key in ((NAME, "name"), (ID_NUMBER, "id_number"), (PHONE, "phone"))
    )
    union_id = next(row[tier] for tier in reversed(TIERS) if row[tier] is not None)
    return await worker_on_paper(work, name, number, union_id, phone, by=actor.person_id)


async def _fill_in_anew(work: Work, row: Record, known: Record, second: By) -> UUID:
    elsewhere = any(row[tier] != known[tier] for tier in TIERS)
    # What was filled in before it was returned says nothing of what was asked for then.
    if known["state"] != "returned" or elsewhere or known["updated_at"] > row["created_at"]:
        raise FileKnown
    author = By(row["assisted_by"], row["post_role"], row["organisation_name"])
    await fill_in_anew(work, known, work.keyring.open_document(FORM, row["id"], row["form"]), _scope(row), ANEW, author)
    await still_assisted(work, known, author, second)
    household_id: UUID = known["id"]
    return household_id


def _expect(row: Record, version: int) -> None:
    if row["version"] != version:
        raise StaleVersion(version=row["version"])


async def _open(
    work: Work, row: Record, person_id: UUID, *, confirmed_by: UUID, signature_file_id: UUID | None = None
) -> UUID:
    """The draft with the name of whoever filled it in, under the person's own account."""
    form = work.keyring.open_document(FORM, row["id"], row["form"])
    household_id = await open_file(work, person_id, form, _scope(row))
    await keep_assistance(work, household_id, By(row["assisted_by"], row["post_role"], row["organisation_name"]))
    await _confirmed(work, row, household_id, person_id, confirmed_by, signature_file_id)
    return household_id


def _scope(row: Record) -> Scope:
    return Scope(row["division_code"], *(row[tier] for tier in TIERS))


async def _confirmed(
    work: Work,
    row: Record,
    household_id: UUID,
    person_id: UUID,
    confirmed_by: UUID,
    signature_file_id: UUID | None,
) -> None:
    await work.transaction.run(
        _CONFIRM,
        row_id=row["id"],
        state="confirmed",
        household_id=household_id,
        confirmed_by=confirmed_by,
        confirmed_at=work.now,
        signature_file_id=signature_file_id,
    )
    await _hand_over(work, row["id"], household_id)
    await _audit(work, row["assisted_by"], "assisted", row["id"], person_id)
    await _audit(work, confirmed_by, "confirmed", row["id"], person_id)


async def _hand_over(work: Work, filing_id: UUID, household_id: UUID) -> None:
    """What staff uploaded for the worker goes with the file, and is theirs from now on. What an earlier form named and
    this one does not, goes with it no more."""
    named = (await named_by(work.transaction, "proxy_filing", [filing_id])).get(filing_id, [])
    await files.name(work, "household", household_id, named)
    if named:
        await work.transaction.value(_HAND_OVER, filing_id=filing_id)


async def _audit(work: Work, by: UUID, done: str, filing_id: UUID, subject_person_id: UUID | None) -> None:
    await record(
        work,
        person_id=by,
        action=f"proxy_filing.{done}",
        subject_kind="proxy_filing",
        subject_id=filing_id,
        subject_person_id=subject_person_id,
    )
