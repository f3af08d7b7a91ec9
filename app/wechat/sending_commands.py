"""The states of a message on its way to WeChat.

queued → sending → sent → delivered, or refused, no_credit, in_app, failed; `unknown` when the answer was lost: it is
never sent again, and an event may still settle it. What is settled is not touched again, whatever comes late.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import text

from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work

TIMED_OUT_AFTER: Final = timedelta(hours=72)
GIVEN_UP_AFTER: Final = timedelta(minutes=2)
"""A process that was sending and has not said how it went."""


def _sql(query: str) -> Statement:
    return statement(text(query))


_CLAIM = _sql(
    """
    with due as (
      select s.id from message_sending s
      where s.state = 'queued' and s.due_at <= :now
        and not exists (select 1 from message_sending o where o.person_id = s.person_id and o.state = 'sending')
      order by s.due_at limit 1 for update skip locked
    )
    update message_sending s set state = 'sending', attempts = s.attempts + 1, moved_at = :now
    from due, message m, person p
    where s.id = due.id and m.id = s.message_id and p.id = s.person_id
    returning s.id, s.person_id, s.attempts, m.kind, m.title, m.created_at as said_at, p.openid, p.closed_at
    """
)
_MOVE = _sql(
    """
    update message_sending set state = :state, moved_at = :now, errcode = :errcode,
      reference = coalesce(:reference, reference)
    where id = :row_id and state = 'sending'
    """
)
_BY = _sql("update message_sending set template = :template, grant_id = :grant_id where id = :row_id")
_AGAIN = _sql(
    """
    update message_sending set state = 'queued', due_at = :due_at, moved_at = :now, errcode = :errcode, grant_id = null
    where id = :row_id and state = 'sending'
    """
)
_LATER = _sql("update message_sending set due_at = :until where state = 'queued' and due_at < :until")
# By its id; or, where that is not known yet or never will be, the oldest to this person by this template.
_SETTLE = _sql(
    """
    update message_sending set state = :state, moved_at = :now, reference = :reference where id = (
      select id from message_sending
      where (reference = :reference and state in ('sent','unknown','timed_out'))
        or (reference is null and person_id = :person_id and template = :template
            and state in ('sending','sent','unknown'))
      order by reference nulls last, created_at limit 1 for update)
    returning id
    """
)
_LOST = _sql(
    "update message_sending set state = 'unknown', moved_at = :now where state = 'sending' and moved_at < :before"
)
_TIME_OUT = _sql(
    """
    update message_sending set state = 'timed_out', moved_at = :now
    where state in ('queued','sent','unknown') and created_at < :before
    """
)
_COUNT = _sql(
    "select state, count(*) as count, min(created_at) as oldest from message_sending "
    "where state in ('queued','sending','sent','unknown') group by state"
)


async def claim(work: Work) -> Record | None:
    """The message that is due longest, to a person to whom none is being sent: from now on it is the caller's."""
    try:
        async with work.transaction.attempt():
            return await work.transaction.row(_CLAIM, now=work.now)
    except asyncpg.UniqueViolationError:  # another process took another message to the same person
        return None


async def goes_by(work: Work, sending_id: UUID, template: str, grant_id: UUID) -> None:
    await work.transaction.run(_BY, row_id=sending_id, template=template, grant_id=grant_id)


async def move(
    work: Work, sending_id: UUID, state: str, *, errcode: int | None = None, reference: str | None = None
) -> None:
    await work.transaction.run(
        _MOVE, row_id=sending_id, state=state, now=work.now, errcode=errcode, reference=reference
    )


async def again(work: Work, sending_id: UUID, due_at: datetime, errcode: int | None) -> None:
    """It did not go, for certain, and is tried again."""
    await work.transaction.run(_AGAIN, row_id=sending_id, due_at=due_at, now=work.now, errcode=errcode)


async def put_off(work: Work, until: datetime) -> None:
    """All that waits, waits until then."""
    await work.transaction.run(_LATER, until=until)


async def settle(work: Work, person_id: UUID, template: str, reference: str, *, delivered: bool) -> bool:
    """What WeChat's event says of a message; False where it is settled already, or none of ours."""
    state = "delivered" if delivered else "failed"
    row_id = await work.transaction.value(
        _SETTLE, state=state, now=work.now, reference=reference, person_id=person_id, template=template
    )
    return row_id is not None


async def time_out(work: Work) -> int:
    """What nobody has heard of for long; how many."""
    lost = await work.transaction.run(_LOST, now=work.now, before=work.now - GIVEN_UP_AFTER)
    return lost + await work.transaction.run(_TIME_OUT, now=work.now, before=work.now - TIMED_OUT_AFTER)


async def on_their_way(transaction: Transaction) -> list[Record]:
    """How many are in each state that is not settled, and since when."""
    return await transaction.rows(_COUNT)
