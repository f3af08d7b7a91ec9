"""The states of a message on its way to WeChat.

queued → sending → sent → delivered, or refused, no_credit, in_app, failed; `unknown` when the answer was lost: it is
never sent again, and an event may still settle it. What is settled is not touched again, whatever comes late.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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


# One process claims at a time: two that looked at once would both find the same person free.
_ALONE = _sql("select pg_advisory_xact_lock(hashtextextended('message_sending|claim', 0))")
_CLAIM = _sql(
    """
    with due as materialized (
      select s.id, s.person_id, s.due_at from message_sending s
      where s.state = 'queued' and s.due_at <= :now
        and not exists (select 1 from message_sending o where o.person_id = s.person_id and o.state = 'sending')
      order by s.due_at limit :most for update skip locked
    ), first as (
      select distinct on (person_id) id from due order by person_id, due_at, id
    )
    update message_sending s set state = 'sending', attempts = s.attempts + 1, moved_at = :now
    from first, message m, person p
    where s.id = first.id and m.id = s.message_id and p.id = s.person_id
    returning s.id, s.person_id, s.attempts, m.kind, m.title, m.created_at as said_at, p.openid, p.closed_at
    """
)
# Of each the oldest subscription that is left. Nobody else uses one meanwhile: whoever does, claims.
_USE = _sql(
    """
    with wanted as (
      select * from unnest(cast(:ids as uuid[]), cast(:people as uuid[]), cast(:templates as varchar[]))
        as w (id, person_id, template)
    ), chosen as materialized (
      select w.id, w.template, g.id as grant_id from wanted w cross join lateral (
        select id from wechat_grant
        where person_id = w.person_id and template = w.template and used_at is null and revoked_at is null
        order by created_at, id limit 1 for update) g
    ), used as (
      update wechat_grant g set used_at = case when lasting then null else cast(:now as timestamptz) end
      from chosen where g.id = chosen.grant_id
    )
    update message_sending s set template = chosen.template, grant_id = chosen.grant_id
    from chosen where s.id = chosen.id returning s.id, s.grant_id
    """
)
_END = _sql(
    """
    update message_sending s set state = o.state, moved_at = :now, errcode = o.errcode,
      reference = coalesce(o.reference, s.reference), due_at = coalesce(o.due_at, s.due_at),
      grant_id = case when o.state = 'queued' then null else s.grant_id end
    from unnest(cast(:ids as uuid[]), cast(:states as varchar[]), cast(:errcodes as integer[]),
      cast(:refs as varchar[]), cast(:dues as timestamptz[])) as o (id, state, errcode, reference, due_at)
    where s.id = o.id and s.state = 'sending'
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


@dataclass(frozen=True, slots=True)
class End:
    """What became of one message: a state, or `queued` again from `due_at` on."""

    sending_id: UUID
    state: str
    errcode: int | None = None
    reference: str | None = None
    due_at: datetime | None = None


async def claim(work: Work, most: int) -> Sequence[Record]:
    """The messages that are due longest, one to a person and to nobody to whom one is being sent: from now on they are
    the caller's."""
    await work.transaction.row(_ALONE)
    return await work.transaction.rows(_CLAIM, now=work.now, most=most)


async def use(work: Work, wanted: Sequence[tuple[UUID, UUID, str]]) -> dict[UUID, UUID]:
    """The subscription that each message goes by, of a claim, its person and its template; none is missing there."""
    ids, people, templates = (list(each) for each in zip(*wanted, strict=True)) if wanted else ([], [], [])
    rows = await work.transaction.rows(_USE, ids=ids, people=people, templates=templates, now=work.now)
    return {row["id"]: row["grant_id"] for row in rows}


async def end(work: Work, ends: Sequence[End]) -> None:
    """Write down what became of messages that were being sent."""
    try:
        async with work.transaction.attempt():
            await _end(work, ends)
    except asyncpg.UniqueViolationError:
        # An id that WeChat gave twice: worth less than knowing that the others went.
        for each in ends:
            try:
                async with work.transaction.attempt():
                    await _end(work, [each])
            except asyncpg.UniqueViolationError:
                await _end(work, [replace(each, reference=None)])


async def _end(work: Work, ends: Sequence[End]) -> None:
    await work.transaction.run(
        _END,
        now=work.now,
        ids=[each.sending_id for each in ends],
        states=[each.state for each in ends],
        errcodes=[each.errcode for each in ends],
        refs=[each.reference for each in ends],
        dues=[each.due_at for each in ends],
    )


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
