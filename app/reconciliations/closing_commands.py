"""Whether everything agrees, and closing a month of a city's books once it does."""

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import asyncpg

from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import insertion
from app.db.transaction import Record
from app.db.work import Work
from app.funds.book_queries import hold_books_alone
from app.kernel.actor import Actor, Permission, Tier
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.organisations.queries import OrganisationNotFound
from app.payments.commands import known
from app.reconciliations.events import MonthClosed
from app.reconciliations.finding_queries import EXPLAINS
from app.reconciliations.queries import READERS, C, figures, last_run, standing
from app.reconciliations.rules import Explained, Parity, content_of, figures_of, month_of, weighed
from app.reconciliations.run_commands import Over

_INSERT = insertion(
    C,
    *"id created_at city_id organisation_name month reconciliation_id closed_by role explained content sha256".split(),
)


class MonthAlreadyClosed(Conflict):
    """这个月已经关账。"""


class NotInAgreement(Conflict):
    """三方还没有核对一致，不能关账，原因见核对结果。"""


async def parity(work: Work, actor: Actor, over: Over) -> Parity:
    """Whether it may be closed, or put away. Raises OrganisationNotFound."""
    _look(actor, over.union)
    return await _parity(work, over)


def _look(actor: Actor, union: Mapping[str, Any]) -> None:
    if all(post_over(actor, permission, union) is None for permission in READERS):
        raise OrganisationNotFound


async def _parity(work: Work, over: Over) -> Parity:
    given = (work.transaction, over.union["id"], over.days, over.batch_id)
    now, last = figures_of(await figures(*given)), await last_run(*given)
    stands = await standing(work.transaction, over.union, over.days, over.batch_id)
    explained = Explained(stands["explained"], **{way: stands[way] for way in EXPLAINS})
    # A payment that is entered just before midnight is committed long before the next day is over.
    ended = over.batch_id is not None or work.today > over.days[1] + timedelta(days=1)
    return weighed(now, figures_of(last) if last else None, over=ended, open_breaks=stands["open"], explained=explained)


async def close(work: Work, actor: Actor, city: Record, month: date) -> Record:
    """Nothing is posted into this month any more; answers what is kept of it.

    Raises OrganisationNotFound, NotAllowed, IdentityRequired, Invalid, NotInAgreement, MonthAlreadyClosed.
    """
    _look(actor, city)
    post = post_over(actor, Permission.CONFIRM_PAYMENT, city)
    if post is None:
        raise NotAllowed
    await known(work, actor)
    if city["tier"] != Tier.CITY:
        raise Invalid(FieldError("/organisation_code", "not_a_city", "按市总工会关账。"))
    over = Over(city, month_of(month))
    await hold_books_alone(work.transaction, city["id"])  # what is weighed stays so until the month is closed
    found = await _parity(work, over)
    if found.why:
        raise NotInAgreement(why=",".join(found.why))
    last = await last_run(work.transaction, city["id"], over.days, None)
    assert last is not None
    content = content_of(city["code"], month, found.figures, found.explained)
    row = {
        "id": new_id(), "created_at": work.now, "city_id": city["id"], "organisation_name": city["name"],
        "month": month, "reconciliation_id": last["id"], "closed_by": actor.person_id, "role": post.role.value,
        "explained": found.explained.count, "content": content, "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    try:
        async with work.transaction.attempt():
            await work.transaction.run(_INSERT, **row)
    except asyncpg.UniqueViolationError as again:
        raise MonthAlreadyClosed from again
    except asyncpg.CheckViolationError as refused:  # something was opened since it was weighed
        if refused.constraint_name != "month_closing_early":
            raise
        raise NotInAgreement(why="breaks_open") from refused
    await record(
        work, person_id=actor.person_id, action="month.closed", subject_kind="month_closing", subject_id=row["id"],
        subject_person_id=None, month=month.isoformat()[:7], sha256=row["sha256"],
    )  # fmt: skip
    await emit(work, MonthClosed(row["id"]))
    return row
