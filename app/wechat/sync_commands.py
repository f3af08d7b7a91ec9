"""Reading the list of all followers: a row says how far it is, and each page is written whole or not at all.

list (10,000 a page) → gone (who is in the list no more) → ask (who they are, 100 a call) → tag → done. Whoever takes
the row holds it for two minutes; who comes back later than that finds it moved on, and writes nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import text

from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.kernel.ids import new_id
from app.wechat.follower_commands import OPENID

Phase = Literal["list", "gone", "ask", "tag", "done", "given_up"]
CURSOR: Final = "wechat_sync.after_openid"
UNIONID: Final = "person.unionid"
"""Hashed as the person's own is: equal means the same person."""
HELD: Final = timedelta(minutes=2)
ASKED_AGAIN_AFTER: Final = timedelta(days=30)
GONE_AT_ONCE: Final = 10_000


def _sql(query: str) -> Statement:
    return statement(text(query))


_BEGIN = _sql(
    "insert into wechat_sync (id, created_at, phase, moved_at) values (:id, :now, 'list', :now) on conflict do nothing"
)
_TAKE = _sql(
    """
    update wechat_sync set held_until = :until where id = (
      select id from wechat_sync where ended_at is null and coalesce(held_until, '-infinity') <= :now
      for update skip locked)
    returning *
    """
)
_MOVE = _sql(
    """
    update wechat_sync set phase = cast(:phase as varchar), moved_at = :now, held_until = null, stopped = 0,
      total = greatest(total, :total), listed = listed + :listed, gone = gone + :gone, asked = asked + :asked,
      joined = joined + :joined, tagged = tagged + :tagged, after_openid = :after_openid, after_id = :after_id,
      ended_at = case when cast(:phase as varchar) in ('done','given_up') then cast(:now as timestamptz) end
    where id = :row_id and held_until = :held
    """
)
_STOP = _sql(
    "update wechat_sync set held_until = :until, stopped = stopped + 1 where id = :row_id and held_until = :held"
)
_LAST = _sql(
    "select phase, total, listed, gone, asked, joined, tagged, created_at, moved_at, ended_at from wechat_sync "
    "order by created_at desc limit 1"
)
_KNOWN = _sql(
    "update wechat_follower set seen_at = :asked_at where openid_index = any(cast(:indexes as bytea[])) and follows "
    "returning openid_index"
)
# Somebody who left after the list was asked for is not brought back by it.
_CAME = _sql(
    """
    insert into wechat_follower (id, created_at, openid_index, openid, follows, changed_at, seen_at)
    select f.id, :now, f.openid_index, f.openid, true, :asked_at, :asked_at
    from unnest(cast(:ids as uuid[]), cast(:indexes as bytea[]), cast(:openids as bytea[]))
      as f (id, openid_index, openid)
    on conflict (openid_index) do update
    set id = excluded.id, openid = excluded.openid, follows = true, changed_at = excluded.changed_at,
      seen_at = excluded.seen_at, asked_at = null
    where not wechat_follower.follows and wechat_follower.changed_at < excluded.changed_at
    """
)
_FORGOTTEN = (
    "follows = false, openid = null, unionid_index = null, asked_at = null, tagged = '{}', retag = false, "
    "changed_at = :at"
)
_GONE = _sql(
    f"""
    with gone as (
      select id from wechat_follower
      where follows and coalesce(seen_at, '-infinity') < :at and changed_at < :at limit {GONE_AT_ONCE} for update)
    update wechat_follower f set {_FORGOTTEN} from gone where f.id = gone.id
    """  # noqa: S608 - our own constants
)
_TO_ASK = _sql(
    """
    select id, openid from wechat_follower
    where follows and id > cast(:after as uuid) and (asked_at is null or asked_at < :before) order by id limit :most
    """
)
_SAID = _sql(
    """
    update wechat_follower f set asked_at = :now, unionid_index = coalesce(s.unionid_index, f.unionid_index)
    from unnest(cast(:ids as uuid[]), cast(:unionids as bytea[])) as s (id, unionid_index) where f.id = s.id
    returning exists (select 1 from person p where p.unionid_index = f.unionid_index and p.closed_at is null) as joined
    """
)
_NOT_THERE = _sql(
    f"update wechat_follower set {_FORGOTTEN} where id = any(cast(:ids as uuid[])) and changed_at < :at"  # noqa: S608
)


async def begin(work: Work) -> bool:
    """Have the list read from its beginning; False where it is being read."""
    return bool(await work.transaction.run(_BEGIN, id=new_id(), now=work.now))


async def take(work: Work) -> Record | None:
    """The reading that goes on, if nobody has it in hand."""
    return await work.transaction.row(_TAKE, now=work.now, until=work.now + HELD)


class MovedOn(Exception):
    """Somebody else has the reading in hand by now: what was to be written is not."""


async def move(work: Work, row: Record, phase: Phase, **values: Any) -> None:
    """On to the next page, or phase. Raises MovedOn."""
    usual: dict[str, Any] = {
        **dict.fromkeys(("total", "listed", "gone", "asked", "joined", "tagged"), 0),
        **dict.fromkeys(("after_openid", "after_id")),
    }
    held = row["held_until"]
    given = usual | values
    if not await work.transaction.run(_MOVE, row_id=row["id"], held=held, phase=phase, now=work.now, **given):
        raise MovedOn


async def stop(work: Work, row: Record, until: datetime) -> None:
    """The page did not come: again from then on."""
    await work.transaction.run(_STOP, row_id=row["id"], held=row["held_until"], until=until)


async def last(transaction: Transaction) -> Record | None:
    """How far the newest reading is."""
    return await transaction.row(_LAST)


async def keep_listed(work: Work, openids: Sequence[str], asked_at: datetime) -> None:
    """These follow, as WeChat said to whoever asked then."""
    by_index = {work.keyring.blind_index(OPENID, openid): openid for openid in openids}
    rows = await work.transaction.rows(_KNOWN, indexes=list(by_index), asked_at=asked_at)
    for row in rows:
        del by_index[row["openid_index"]]
    if by_index:
        ids = [new_id() for _ in by_index]
        seals = [
            work.keyring.seal_text(OPENID, row_id, openid)
            for row_id, openid in zip(ids, by_index.values(), strict=True)
        ]
        await work.transaction.run(
            _CAME, ids=ids, indexes=list(by_index), openids=seals, now=work.now, asked_at=asked_at
        )


async def forget_gone(work: Work, began_at: datetime) -> int:
    """Whom the list that was begun then did not name: nothing but the hash stays. How many, some at a time."""
    return await work.transaction.run(_GONE, at=began_at)


async def to_ask(work: Work, after: UUID | None, most: int) -> Sequence[tuple[UUID, str]]:
    """Followers of whom it is not known who they are, behind one of them: row and openid."""
    rows = await work.transaction.rows(
        _TO_ASK, after=after or UUID(int=0), before=work.now - ASKED_AGAIN_AFTER, most=most
    )
    return [(row["id"], work.keyring.open_text(OPENID, row["id"], row["openid"])) for row in rows]


async def keep_said(work: Work, said: Sequence[tuple[UUID, str | None]], left: Sequence[UUID]) -> int:
    """Who they are, where WeChat says so; how many of them are people of ours. `left`: who follows no more."""
    unionids = [work.keyring.blind_index(UNIONID, unionid) if unionid else None for _, unionid in said]
    rows = await work.transaction.rows(_SAID, ids=[row_id for row_id, _ in said], unionids=unionids, now=work.now)
    await work.transaction.run(_NOT_THERE, ids=list(left), at=work.now)
    return sum(row["joined"] for row in rows)
