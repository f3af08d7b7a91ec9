"""What a submission needs to know of its applicant: one's own draft, file and consents, and what was granted before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, and_, bindparam, func, literal_column, select, text, union_all

from app.applications.queries import A, ApplicationNotFound
from app.applications.tables import LIVE_STATES
from app.db.statements import statement
from app.db.transaction import Record, Transaction
from app.households.queries import LIVING, H
from app.kernel.actor import Actor
from app.people.consents import Purpose
from app.people.queries import CONSENTED, PERSON, purposes_of

_OTHER = A.alias("other")
_LIVE_SINCE = (
    _OTHER.c.id != A.c.id,
    _OTHER.c.submitted_at >= bindparam("since"),
    text(f"(other.state in {LIVE_STATES} or other.paid_before_fen is not null)"),
)
# What was paid before an appeal raised it was given, whatever has become of the rest.
_GIVEN = literal_column(
    f"case when other.state in {LIVE_STATES} then other.amount_fen else other.paid_before_fen end", BigInteger
).label("amount_fen")
_GRANT = [*(_OTHER.c[name] for name in ("kind", "item", "applicant_id")), _GIVEN]
# Two index scans rather than one OR, which would read every application that the person ever made.
_GRANTS = union_all(
    select(*_GRANT).where(_OTHER.c.household_id == H.c.id, *_LIVE_SINCE).correlate(A, H),
    select(*_GRANT)
    .where(
        _OTHER.c.applicant_id == A.c.applicant_id,
        _OTHER.c.item == literal_column("'temporary'"),
        _OTHER.c.household_id.is_distinct_from(H.c.id),
        *_LIVE_SINCE,
    )
    .correlate(A, H),
).subquery("grants")
_GRANTED = (
    select(func.coalesce(func.jsonb_agg(func.to_jsonb(literal_column("grants"))), text("'[]'::jsonb")))
    .select_from(_GRANTS)
    .scalar_subquery()
    .label("granted")
)
_FILE = [H.c.id, H.c.state, H.c.submitted_at, H.c.form, H.c.review_due_on]
_LAST_SUBMISSION = (
    select(func.coalesce(func.max(_OTHER.c.submission_no), literal_column("0")))
    .where(_OTHER.c.applicant_id == A.c.applicant_id)
    .scalar_subquery()
    .label("last_submission")
)
_DRAFTED = [
    A.c[name] for name in "id kind state version round route applicant_id submitted_at paid_before_fen form".split()
]
TO_SUBMIT = (
    select(
        *_DRAFTED,
        PERSON.c.id_number_index,
        CONSENTED,
        *(column.label(f"file_{column.name}") for column in _FILE),
        _GRANTED,
        _LAST_SUBMISSION,
    )
    .select_from(A)
    .join(PERSON, and_(PERSON.c.id == A.c.applicant_id, PERSON.c.closed_at.is_(None)))
    .outerjoin(H, and_(H.c.person_id == A.c.applicant_id, LIVING))
    .where(A.c.id == bindparam("id"), A.c.applicant_id == bindparam("applicant_id"))
)
_TO_SUBMIT = statement(TO_SUBMIT)


@dataclass(frozen=True, slots=True)
class ToSubmit:
    """An application about to be submitted, with what its submission needs to know of its applicant."""

    row: Record
    applicant: Record
    household: Record | None
    """The living household file: id, state, submitted_at, form, review_due_on."""
    granted: Sequence[Mapping[str, Any]]
    """What the household was granted since an instant or has in flight, over all kinds (kind, item, amount_fen,
    applicant_id); and the applicant's own temporary aid, which needs no file."""
    consented: frozenset[Purpose]
    submission_no: int
    """What the next submission has to count. Whoever takes it knows that nothing else was submitted since."""


def to_submit_asked(actor: Actor, application_id: UUID, since: datetime) -> dict[str, Any]:
    """The parameters of TO_SUBMIT: one's own application and household file, and what was granted since an instant."""
    return {"id": application_id, "applicant_id": actor.person_id, "since": since}


async def own_to_submit(transaction: Transaction, actor: Actor, application_id: UUID, since: datetime) -> ToSubmit:
    """The applicant's own application and household file, and what was granted since, in one round trip.

    Nothing is locked: the step that follows is taken only at the version, and with the number, read here.
    Raises ApplicationNotFound.
    """
    return to_submit(await transaction.row(_TO_SUBMIT, **to_submit_asked(actor, application_id, since)))


def to_submit(row: Record | None) -> ToSubmit:
    """A row of TO_SUBMIT, told apart; beside another question it is there without an id where there is no such
    application. Raises ApplicationNotFound."""
    if row is None or row["id"] is None:
        raise ApplicationNotFound
    applicant = {"id": row["applicant_id"], "id_number_index": row["id_number_index"]}
    household = None if row["file_id"] is None else {column.name: row[f"file_{column.name}"] for column in _FILE}
    return ToSubmit(
        row, applicant, household, row["granted"], purposes_of(row["consented"]), row["last_submission"] + 1
    )
