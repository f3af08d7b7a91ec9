"""Declaring a relative, ending a declaration, and finding what was signed across it. Nobody commits here."""

from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, text, update
from sqlalchemy.dialects.postgresql import insert

from app.audit.commands import record
from app.db.statements import insertion, statement
from app.db.work import Work
from app.kernel.actor import Actor
from app.kernel.errors import Conflict, FieldError, IdentityRequired, Invalid, NotAllowed
from app.kernel.ids import new_id
from app.kernel.masking import mask_name
from app.messaging.outbox import emit
from app.people.commands import ID_NUMBER, valid_number
from app.people.queries import person
from app.relatives.events import RelativeDeclared, RelativeEnded
from app.relatives.queries import R, X, own_relative
from app.relatives.rules import Relation

NAME, END_NOTE = "declared_relative.name", "declared_relative.end_note"
_INSERT = insertion(R, *"id created_at person_id number_index relative_index name name_masked relation".split())
_END = statement(
    update(R)
    .where(R.c.id == bindparam("row_id"))
    .values(ended_at=bindparam("now", type_=R.c.ended_at.type), end_note=bindparam("end_note", type_=R.c.end_note.type))
)


class StaffOnly(NotAllowed):
    """只有在工会任职的人员需要申报亲属。"""


class RelativeAlreadyDeclared(Conflict):
    """这名亲属您已经申报过了。"""


class DeclarationEnded(Conflict):
    """这项申报已经终止。"""


async def declare(work: Work, actor: Actor, name: str, id_number: str, relation: Relation) -> UUID:
    """A member of staff declares a relative of theirs.

    Raises StaffOnly, Invalid, IdentityRequired, RelativeAlreadyDeclared.
    """
    if not actor.posts:
        raise StaffOnly
    mine = (await person(work.transaction, actor.person_id))["id_number_index"]
    if mine is None:
        raise IdentityRequired
    relative = work.keyring.blind_index(ID_NUMBER, valid_number(id_number, work.today))
    if relative == mine:
        raise Invalid(FieldError("/id_number", "own_number", "不用申报本人，请填写亲属的证件号码。"))
    relative_id = new_id()
    try:
        await work.transaction.run(
            _INSERT,
            id=relative_id,
            created_at=work.now,
            person_id=actor.person_id,
            number_index=mine,
            relative_index=relative,
            name=work.keyring.seal_text(NAME, relative_id, name),
            name_masked=mask_name(name),
            relation=relation,
        )
    except asyncpg.UniqueViolationError as there:
        raise RelativeAlreadyDeclared from there
    await _audit(work, actor, "declared", relative_id)
    await emit(work, RelativeDeclared(relative_id))
    return relative_id


async def end(work: Work, actor: Actor, relative_id: UUID, note: str) -> None:
    """Whoever declared it says why it holds no longer. Raises RelativeNotFound, DeclarationEnded."""
    row = await own_relative(work.transaction, actor.person_id, relative_id)
    if row["ended_at"] is not None:
        raise DeclarationEnded
    sealed = work.keyring.seal_text(END_NOTE, relative_id, note)
    await work.transaction.run(_END, row_id=relative_id, now=work.now, end_note=sealed)
    await _audit(work, actor, "ended", relative_id)
    await emit(work, RelativeEnded(relative_id))


async def _audit(work: Work, actor: Actor, done: str, relative_id: UUID) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=f"relative.{done}",
        subject_kind="declared_relative",
        subject_id=relative_id,
        subject_person_id=actor.person_id,
    )


# ---- for jobs, which see every case ----

# Both ways: of the two, the one signs and the other applies, or belongs to the household, or signs as well. Whether two
# relatives signed one round is looked for only where both have ever held a post: nothing finds steps by who took them.
_FOUND = statement(
    text(
        """
        with pair as materialized (
          select r.number_index as signer, r.relative_index as other from declared_relative r where r.id = :relative_id
          union all
          select r.relative_index, r.number_index from declared_relative r where r.id = :relative_id
        ), cases as materialized (
          select a.id, pair.signer, 'applicant' as across
          from pair join person p on p.id_number_index = pair.other join application a on a.applicant_id = p.id
          where a.submitted_at is not null
          union all
          select a.id, pair.signer, 'household'
          from pair join household_member m on m.id_number_index = pair.other
          join application a on a.household_id = m.household_id
          where a.submitted_at is not null
        ), staff as materialized (
          select p.id, pair.signer, pair.other from pair join person p on p.id_number_index = pair.signer
          where exists (select 1 from post where post.person_id = p.id)
        ), signed as materialized (
          select s.id, s.application_id, s.round, staff.signer, staff.other
          from passage s join staff on staff.id in (s.person_id, s.on_behalf_of)
          where s.counts_as_review and (select count(distinct signer) from staff) = 2
        ), found as (
          select s.id as passage_id, s.application_id, s.person_id, cases.across
          from cases join passage s on s.application_id = cases.id and s.counts_as_review
          join person p on p.id in (s.person_id, s.on_behalf_of) and p.id_number_index = cases.signer
          union all
          select mine.id, mine.application_id, s.person_id, 'signer'
          from signed mine join signed theirs on theirs.application_id = mine.application_id
            and theirs.round = mine.round and theirs.signer = mine.other
          join passage s on s.id = mine.id
        )
        select distinct on (found.passage_id) found.passage_id, found.application_id, found.across, r.relation,
          r.created_at as declared_at, p.name_masked as signer_masked, a.city_id, a.district_id, a.street_id, a.unit_id
        from found join declared_relative r on r.id = :relative_id join application a on a.id = found.application_id
        join person p on p.id = found.person_id
        order by found.passage_id, found.across
        """
    )
)
_COLUMNS = [column.name for column in X.c]
_KEEP = statement(
    insert(X)
    .values({name: bindparam(name, type_=X.c[name].type) for name in _COLUMNS})
    .on_conflict_do_nothing(index_elements=["relative_id", "passage_id"])
)


async def find_crossings(work: Work, relative_id: UUID) -> None:
    """List what was signed across a relation before it was declared. Safe to run twice."""
    found = await work.transaction.rows(_FOUND, relative_id=relative_id)
    rows = [{**row, "id": new_id(), "created_at": work.now, "relative_id": relative_id} for row in found]
    await work.transaction.many(_KEEP, rows)
