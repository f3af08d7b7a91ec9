"""The ledger of subscriptions (订阅授权): how many messages a person has allowed, template by template.

The phone says what somebody chose, and WeChat's event says it again: whichever comes first makes the entry, the other
finds it. The phone's word could be forged or sent twice, which costs nothing: WeChat itself refuses a message too many
(43101), and that sets the ledger right.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.db.statements import Statement, statement
from app.db.transaction import Transaction
from app.db.work import Work
from app.kernel.ids import new_id

_OPEN = "person_id = :person_id and template = cast(:template as varchar) and used_at is null and revoked_at is null"
_OF = "person_id = :person_id and template = cast(:template as varchar)"
_APART = "interval '10 minutes'"
"""So far apart are the phone's word and WeChat's event about the same choice, at most."""


def _sql(query: str) -> Statement:
    return statement(text(query))


# A phone that had no answer says it again.
_HINT = _sql(
    f"""
    with found as (
      update wechat_grant set hinted_at = :now where id = (
        select id from wechat_grant where {_OF} and hinted_at is null
          and confirmed_at > cast(:now as timestamptz) - {_APART}
        order by created_at limit 1)
      returning id
    )
    insert into wechat_grant (id, created_at, person_id, template, lasting, hinted_at)
    select :id, :now, :person_id, cast(:template as varchar), :lasting, :now
    where not exists (select 1 from found)
      and not exists (select 1 from wechat_grant where {_OF} 
        and hinted_at > cast(:now as timestamptz) - interval '10 seconds')
      and not (cast(:lasting as boolean) and exists (select 1 from wechat_grant where {_OPEN}))
    """  # noqa: S608 - our own constants
)
_CONFIRM = _sql(
    f"""
    with found as (
      update wechat_grant set confirmed_at = :now where id = (
        select id from wechat_grant where {_OF} and confirmed_at is null
          and hinted_at between cast(:said_at as timestamptz) - {_APART}
            and cast(:said_at as timestamptz) + {_APART}
        order by created_at limit 1)
      returning id
    ), refused as (
      select max(revoked_at) as at from wechat_grant where {_OF} and revoked_at >= :said_at
    )
    insert into wechat_grant (id, created_at, person_id, template, lasting, confirmed_at, revoked_at)
    select :id, :said_at, :person_id, cast(:template as varchar), :lasting, :now, refused.at from refused
    where not exists (select 1 from found)
    """  # noqa: S608 - our own constants
)
_REVOKE = _sql(f"update wechat_grant set revoked_at = :said_at where {_OPEN} and created_at <= :said_at")  # noqa: S608
# Remembered, so that an older consent that comes later is known to be older.
_REMEMBER = _sql(
    f"""
    insert into wechat_grant (id, created_at, person_id, template, lasting, confirmed_at, revoked_at)
    select :id, :said_at, :person_id, cast(:template as varchar), false, :said_at, :said_at
    where not exists (select 1 from wechat_grant where {_OF} and revoked_at >= :said_at)
    """  # noqa: S608 - our own constants
)
_REVOKE_ALL = _sql(
    "update wechat_grant set revoked_at = :now where person_id = :person_id and used_at is null and revoked_at is null"
)
_GIVE_BACK = _sql("update wechat_grant set used_at = null where id = any(cast(:grant_ids as uuid[]))")
_COUNTS = _sql(
    "select template, count(*) as count from wechat_grant "
    "where person_id = :person_id and used_at is null and revoked_at is null group by template"
)


async def hint(work: Work, person_id: UUID, template: str, *, lasting: bool) -> None:
    """The phone says that its person allowed one message."""
    await work.transaction.run(
        _HINT, id=new_id(), now=work.now, person_id=person_id, template=template, lasting=lasting
    )


async def confirm(work: Work, person_id: UUID, template: str, said_at: datetime, *, lasting: bool) -> None:
    """WeChat says so; of no effect where they refused later, whichever of the two came first."""
    await work.transaction.run(
        _CONFIRM, id=new_id(), now=work.now, person_id=person_id, template=template, said_at=said_at, lasting=lasting
    )


async def revoke(work: Work, person_id: UUID, template: str, said_at: datetime) -> None:
    """Whatever was allowed until then is allowed no more."""
    await work.transaction.run(_REVOKE, person_id=person_id, template=template, said_at=said_at)
    await work.transaction.run(_REMEMBER, id=new_id(), person_id=person_id, template=template, said_at=said_at)


async def revoke_many(work: Work, refused: Sequence[tuple[UUID, str]], said_at: datetime) -> None:
    """The same for many people and templates at once."""
    given = [{"person_id": person_id, "template": template, "said_at": said_at} for person_id, template in refused]
    await work.transaction.many(_REVOKE, given)
    await work.transaction.many(_REMEMBER, [{"id": new_id(), **each} for each in given])


async def revoke_all(work: Work, person_id: UUID) -> None:
    await work.transaction.run(_REVOKE_ALL, person_id=person_id, now=work.now)


async def give_back(work: Work, grant_ids: Sequence[UUID]) -> None:
    """Their messages did not go, for certain."""
    await work.transaction.run(_GIVE_BACK, grant_ids=list(grant_ids))


async def counts(transaction: Transaction, person_id: UUID) -> Mapping[str, int]:
    """How many messages may be sent, by template."""
    rows = await transaction.rows(_COUNTS, person_id=person_id)
    return {row["template"]: row["count"] for row in rows}
