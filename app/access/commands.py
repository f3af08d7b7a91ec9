"""Showing one masked value whole: to who may, for a reason, and written down before it is opened."""

from datetime import datetime, timedelta
from uuid import UUID

from app.access.queries import R, card_revealed, person_revealed, revealed_since
from app.access.rules import IN_FORM, SHOWN_TO, Field, in_form
from app.applications.commands import FORM
from app.applications.queries import case
from app.applications.recusal import permissions_for
from app.audit.commands import record_reading
from app.db.statements import insertion
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor
from app.kernel.business_time import SHANGHAI
from app.kernel.errors import Conflict, NotAllowed, TooMany
from app.people.card_commands import CARD_NUMBER
from app.people.commands import ID_NUMBER, PHONE
from app.policy.accountability import KIND, AccountabilityPolicy

REASON = "reveal.reason"
_INSERT = insertion(R, *"id created_at application_id person_id subject_person_id field reason".split())


class FieldNotYours(NotAllowed):
    """您的岗位不需要查看这一项的完整内容。"""


class RevealsUsedUp(TooMany):
    """今天查看完整信息的次数已经用完，请明天再试。"""


class NothingToReveal(Conflict):
    """没有登记这一项。"""


async def reveal(work: Work, actor: Actor, application_id: UUID, field: Field, reason: str) -> str:
    """One value of the applicant of a case within the actor's reach.

    Raises ApplicationNotFound, FieldNotYours, RevealsUsedUp, NothingToReveal.
    """
    row = await case(work.transaction, actor, application_id)
    permissions = permissions_for(actor, row)
    if not SHOWN_TO[field].intersection(permissions):
        raise FieldNotYours
    await _within_limit(work, actor)
    subject = row["applicant_id"]
    entry_id = await record_reading(
        work,
        actor,
        kind="application",
        row=row,
        subject_person_id=subject,
        purpose="verification",
        waits=False,
        done="revealed",
        field=field,
    )
    await work.transaction.run(
        _INSERT,
        id=entry_id,
        created_at=work.now,
        application_id=application_id,
        person_id=actor.person_id,
        subject_person_id=subject,
        field=field,
        reason=work.keyring.seal_text(REASON, entry_id, reason),
    )
    value = await _value(work, row, field)
    if value is None:
        raise NothingToReveal
    return value


async def _within_limit(work: Work, actor: Actor) -> None:
    today = datetime.combine(work.today, datetime.min.time(), SHANGHAI)
    allowed = work.policies.in_force(KIND, AccountabilityPolicy, work.today).reveals_per_day
    if await revealed_since(work.transaction, actor.person_id, today) >= allowed:
        tomorrow = today + timedelta(days=1)
        raise RevealsUsedUp(retry_after=int((tomorrow - work.now).total_seconds()) + 1)


async def _value(work: Work, row: Record, field: Field) -> str | None:
    """Opened only here, after it was written down who looks: until then the database does not give it to staff."""
    transaction, keyring, subject = work.transaction, work.keyring, row["applicant_id"]
    if field in IN_FORM:
        return in_form(keyring.open_document(FORM, row["id"], row["form"]), field)
    if field == "bank_card":
        card = await card_revealed(transaction, subject)
        return keyring.open_text(CARD_NUMBER, card["id"], card["number"]) if card else None
    someone = await person_revealed(transaction, subject)
    column, name = (ID_NUMBER, "id_number") if field == "id_number" else (PHONE, "phone")
    return keyring.open_text(column, subject, someone[name]) if someone and someone[name] else None
