"""Text messages: one for a message at most, whatever becomes of it.

queued → sending → sent | refused, `unknown` where the answer was lost, `lapsed` where it is no longer needed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.db.statements import Statement, statement
from app.db.transaction import Record
from app.db.work import Work
from app.messaging.tables import MISSED
from app.reaching.policy import TextMessages
from app.reaching.rules import TRIED_FOR

GIVEN_UP_AFTER: Final = timedelta(minutes=2)
AT_ONCE: Final = 20


def _sql(query: str) -> Statement:
    return statement(text(query))


# What WeChat did not bring for certain; the first to come writes the row, and there is no second.
_QUEUE = _sql(
    f"""
    insert into text_message (id, created_at, message_id, person_id, state, due_at, moved_at)
    select s.id, :now, s.message_id, s.person_id, 'queued', :now, :now
    from message_sending s join message m on m.id = s.message_id join person p on p.id = s.person_id
    where {MISSED.replace("state", "s.state").replace("told_at", "s.told_at")}
      and (s.state in ('refused','no_credit','in_app','failed') or s.state = 'timed_out' and s.grant_id is null)
      and s.created_at between cast(:oldest as timestamptz) and cast(:newest as timestamptz)
      and m.kind = any(cast(:kinds as varchar[])) and m.read_at is null
      and p.phone is not null and p.closed_at is null
    on conflict (message_id) do nothing
    """  # noqa: S608 - our own constants
)
# Whoever holds the row of its way to WeChat has the message in hand: who is about to send it again there (`retry`), or
# has told the person, goes first, and what they wrote is seen.
_CLAIM = _sql(
    f"""
    with due as materialized (
      select t.id, s.state, s.told_at, s.created_at
      from text_message t join message_sending s on s.message_id = t.message_id
      where t.state = 'queued' and t.due_at <= :now
      order by t.due_at limit {AT_ONCE} for update of s, t skip locked)
    update text_message t set moved_at = :now, attempts = t.attempts + 1,
      state = case when m.read_at is not null or due.told_at is not null or p.phone is null or p.closed_at is not null
        or due.created_at < :oldest or due.state in ('queued','sending','sent','delivered')
        then 'lapsed' else 'sending' end
    from due, message m, person p
    where t.id = due.id and m.id = t.message_id and p.id = t.person_id
    returning t.id, t.person_id, t.attempts, t.state, p.phone
    """  # noqa: S608 - our own constants
)
_END = _sql(
    "update text_message set state = :state, moved_at = :now, reference = :reference, "
    "due_at = coalesce(:due_at, due_at) where id = :row_id and state = 'sending'"
)
_LOST = _sql(
    "update text_message set state = 'unknown', moved_at = :now where state = 'sending' and moved_at < :before"
)


async def queue_texts(work: Work, policy: TextMessages) -> int:
    """Those that are due by the policy; how many."""
    return await work.transaction.run(
        _QUEUE,
        now=work.now,
        oldest=work.now - TRIED_FOR,
        newest=work.now - timedelta(hours=policy.after_hours),
        kinds=list(policy.kinds),
    )


async def claim_texts(work: Work) -> tuple[int, Sequence[Record]]:
    """How many were looked at, and those that go: the caller's from now on. What was read meanwhile has lapsed."""
    rows = await work.transaction.rows(_CLAIM, now=work.now, oldest=work.now - TRIED_FOR)
    return len(rows), [row for row in rows if row["state"] == "sending"]


async def end_text(
    work: Work, text_id: UUID, state: str, *, reference: str | None = None, due_at: datetime | None = None
) -> None:
    await work.transaction.run(_END, row_id=text_id, state=state, now=work.now, reference=reference, due_at=due_at)


async def lose_texts(work: Work) -> int:
    """What a process was sending that has not said how it went: nobody knows; how many."""
    return await work.transaction.run(_LOST, now=work.now, before=work.now - GIVEN_UP_AFTER)
