"""Jobs that WeChat works on: asked for once, and ended by an event or by asking.

asking → accepted → done | failed, done → undone (deleted or banned later); `unknown` when the answer was lost.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import text

from app.db.statements import Statement, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.ids import new_id

Kind = Literal["media_check", "publish", "mass_send"]
State = Literal["asking", "unknown", "accepted", "done", "failed", "undone"]
BEFORE: Final[Mapping[str, tuple[State, ...]]] = {
    "unknown": ("asking",),
    "accepted": ("asking", "unknown"),
    "done": ("asking", "unknown", "accepted"),
    "failed": ("asking", "unknown", "accepted"),
    "undone": ("accepted", "done"),
}
"""From which states each may be reached: whatever else comes is late, and changes nothing."""
POLL_AFTER: Final = timedelta(minutes=1)
GIVEN_UP_AFTER: Final = timedelta(days=1)


def _sql(query: str) -> Statement:
    return statement(text(query))


_BEGIN = _sql(
    """
    insert into wechat_task (id, created_at, kind, asked_for, subject, state, detail, moved_at)
    values (:id, :now, :kind, :asked_for, :subject, 'asking', cast('{}' as jsonb), :now)
    on conflict (kind, asked_for) do nothing
    """
)
_ASKED = _sql("select * from wechat_task where kind = :kind and asked_for = :asked_for")
_BY_REFERENCE = _sql("select * from wechat_task where kind = :kind and reference = :reference for update")
_MOVE = _sql(
    """
    update wechat_task set state = :state, said = coalesce(:said, said), detail = detail || :detail, moved_at = :now,
      reference = coalesce(:reference, reference)
    where id = :row_id and state = any(:before)
    """
)
_ADD = _sql(
    "update wechat_task set detail = detail || :detail where id = :row_id and state = 'done' and not detail ?& :names"
)
_OPEN = _sql(
    """
    update wechat_task set moved_at = :now, asked_again = asked_again + 1 where id in (
      select id from wechat_task where state in ('asking','unknown','accepted') and moved_at < :before
      order by moved_at limit 20 for update skip locked)
    returning *
    """
)


async def begin(work: Work, kind: Kind, asked_for: str, subject: str) -> tuple[Record, bool]:
    """The job, and whether it is the caller's to ask WeChat for: nobody else has yet."""
    new = await work.transaction.run(_BEGIN, id=new_id(), now=work.now, kind=kind, asked_for=asked_for, subject=subject)
    row = await work.transaction.row(_ASKED, kind=kind, asked_for=asked_for)
    assert row is not None
    return row, bool(new)


async def by_reference(work: Work, kind: Kind, reference: str) -> Record | None:
    return await work.transaction.row(_BY_REFERENCE, kind=kind, reference=reference)


async def move(
    work: Work, task_id: UUID, state: State, said: str | None = None, *, reference: str | None = None, **detail: str
) -> bool:
    """Whether it went there: False for what is late."""
    values: dict[str, Any] = {"said": said, "reference": reference, "detail": detail, "before": list(BEFORE[state])}
    return bool(await work.transaction.run(_MOVE, row_id=task_id, state=state, now=work.now, **values))


async def add_detail(work: Work, task_id: UUID, **detail: str) -> bool:
    """More of what is done already; whether it was news."""
    return bool(await work.transaction.run(_ADD, row_id=task_id, detail=detail, names=list(detail)))


async def to_ask_about(work: Work) -> Sequence[Record]:
    """Jobs of which nothing was heard for a while; nobody else asks about them for as long again."""
    return await work.transaction.rows(_OPEN, now=work.now, before=work.now - POLL_AFTER)
