"""Calls that are not made for a while, by all processes: their quota is spent, or a person must act first."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final

from sqlalchemy import text

from app.db.statements import statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.gateways.wechat.errors import QuotaSpent, WeChatError
from app.kernel.business_time import SHANGHAI, business_date
from app.kernel.ids import new_id

OPERATOR_PAUSE: Final = timedelta(minutes=15)
"""So long nobody calls what a person has to put right first; then one call tries again."""
_BEGIN = statement(
    text(
        """
        insert into wechat_pause (id, created_at, account, call, kind, errcode, reason, until)
        values (:id, :now, :account, :call, :kind, :errcode, :reason, :until)
        on conflict (account, call) where ended_at is null
        do update set until = excluded.until, errcode = excluded.errcode, reason = excluded.reason, kind = excluded.kind
        returning xmax = 0 as new
        """
    )
)
_END = statement(
    text("update wechat_pause set ended_at = :now where account = :account and call = :call and ended_at is null")
)
_UNTIL = statement(
    text(
        "select until from wechat_pause where account = :account and call = :call and ended_at is null and until > :now"
    )
)
_OPEN = statement(
    text(
        "select account, call, kind, errcode, reason, created_at, until from wechat_pause "
        "where ended_at is null order by created_at, id"
    )
)


def next_midnight(now: datetime) -> datetime:
    """When quotas come back: midnight in Shanghai."""
    return datetime.combine(business_date(now) + timedelta(days=1), time(), SHANGHAI)


async def pause(work: Work, account: str, call: str, failed: WeChatError) -> tuple[datetime, bool]:
    """Until when, and whether that is news: a person is told once, not with every try that fails again."""
    quota = isinstance(failed, QuotaSpent)
    until = next_midnight(work.now) if quota else work.now + OPERATOR_PAUSE
    new = await work.transaction.value(
        _BEGIN,
        id=new_id(),
        now=work.now,
        account=account,
        call=call,
        kind="quota" if quota else "operator",
        errcode=failed.errcode,
        reason=failed.reason[:200],
        until=until,
    )
    return until, bool(new)


async def resume(work: Work, account: str, call: str) -> None:
    """It works again."""
    await work.transaction.run(_END, now=work.now, account=account, call=call)


async def paused_until(work: Work, account: str, call: str) -> datetime | None:
    found: datetime | None = await work.transaction.value(_UNTIL, account=account, call=call, now=work.now)
    return found


async def pauses(transaction: Transaction) -> Sequence[Record]:
    """What is not called at the moment, oldest first."""
    return await transaction.rows(_OPEN)
