"""Tags of followers at WeChat: a district and subjects, for those alone who consented to hear from the account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.db.statements import Statement, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.ids import new_id

PURPOSE: Final = "official_account"


def _sql(query: str) -> Statement:
    return statement(text(query))


# Whoever has two accounts is known by the older one.
_WANTED = """
    select f.id, f.openid, f.tagged, f.retag, f.retags, d.code as district, d.name as district_name, k.kinds
    from ({whom}) f
    left join lateral (
      select p.id, p.organisation_id from person p
      where p.unionid_index = f.unionid_index and p.closed_at is null
      order by p.created_at limit 1) p on exists (
        select 1 from consent c where c.person_id = p.id and c.purpose = 'official_account'
          and c.text_sha256 = :sha256 and c.withdrawn_at is null)
    left join organisation o on o.id = p.organisation_id
    left join organisation d on d.id = o.district_id
    left join lateral (
      select array_agg(distinct a.kind) as kinds from application a
      where a.applicant_id = p.id and a.submitted_at is not null) k on true
    order by f.id
    """
_COLUMNS = "id, openid, tagged, retag, retags, unionid_index from wechat_follower where follows"
_WALK = _sql(_WANTED.format(whom=f"select {_COLUMNS} and id > cast(:after as uuid) order by id limit :most"))
_AT_ONCE = _sql(
    _WANTED.format(
        whom=f"select {_COLUMNS} and retag and (retag_after is null or retag_after <= :now) order by id limit :most"
    )
)
# What was asked for again meanwhile (`retags`) is still to be done.
_HAS = _sql(
    """
    update wechat_follower f set tagged = coalesce(cast(string_to_array(nullif(w.tags, ''), ',') as integer[]), '{}'),
      retag = f.retag and (f.retags <> w.retags or w.again is not null),
      retag_after = case when f.retags = w.retags then w.again end
    from unnest(cast(:ids as uuid[]), cast(:tags as text[]), cast(:retags as integer[]), cast(:again as timestamptz[]))
      as w (id, tags, retags, again) where f.id = w.id
    """
)
_TAGS = _sql("select key, tag_id from wechat_tag")
_FORGET_TAGS = _sql("delete from wechat_tag where tag_id <> all(cast(:there as integer[]))")
_FORGET_TAG = _sql("delete from wechat_tag where tag_id = :tag_id")
_KEEP_TAG = _sql(
    "insert into wechat_tag (id, created_at, key, name, tag_id) values (:id, :now, :key, :name, :tag_id) "
    "on conflict (key) do update set name = excluded.name, tag_id = excluded.tag_id"
)
_RETAG = _sql(
    """
    update wechat_follower f set retag = true, retags = f.retags + 1, retag_after = null from person p
    where p.id = :person_id and p.unionid_index is not null and f.unionid_index = p.unionid_index and f.follows
    """
)


async def to_tag(work: Work, sha256: str, most: int, after: UUID | None) -> Sequence[Record]:
    """Followers behind one of them, each with the tags they have, and with district and kinds of aid if they are known
    and consented to the text of that hash."""
    return await work.transaction.rows(_WALK, sha256=sha256, most=most, after=after or UUID(int=0))


async def to_tag_at_once(work: Work, sha256: str, most: int) -> Sequence[Record]:
    """The same of those whose consent has changed."""
    return await work.transaction.rows(_AT_ONCE, sha256=sha256, most=most, now=work.now)


@dataclass(frozen=True, slots=True)
class Held:
    """The tags that a follower has now; `retags`: as it was when that was begun; `again`: not all that was wanted was
    done, and then it is tried again, if it was wanted at once."""

    follower_id: UUID
    tags: Sequence[int]
    retags: int
    again: datetime | None = None


async def keep_tagged(work: Work, held: Sequence[Held]) -> None:
    await work.transaction.run(
        _HAS,
        ids=[each.follower_id for each in held],
        tags=[",".join(str(tag) for tag in each.tags) for each in held],
        retags=[each.retags for each in held],
        again=[each.again for each in held],
    )


async def forget_tags_but(work: Work, there: Sequence[int]) -> int:
    """Of our tags only these are at WeChat: somebody deleted the others there. How many they were."""
    return await work.transaction.run(_FORGET_TAGS, there=list(there))


async def forget_tag(work: Work, tag_id: int) -> None:
    """It is not at WeChat any more."""
    await work.transaction.run(_FORGET_TAG, tag_id=tag_id)


async def known_tags(work: Work) -> dict[str, int]:
    """Their ids at WeChat, by our keys."""
    return {row["key"]: row["tag_id"] for row in await work.transaction.rows(_TAGS)}


async def keep_tag(work: Work, key: str, name: str, tag_id: int) -> None:
    await work.transaction.run(_KEEP_TAG, id=new_id(), now=work.now, key=key, name=name, tag_id=tag_id)


async def retag(work: Work, person_id: UUID) -> None:
    """Somebody consented no longer: their tags go within a minute."""
    await work.transaction.run(_RETAG, person_id=person_id)
