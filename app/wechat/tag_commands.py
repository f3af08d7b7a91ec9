"""Tags of followers at WeChat: a district and subjects, for those alone who consented to hear from the account."""

from collections.abc import Mapping, Sequence
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
    select f.id, f.openid, f.tagged, f.retag, d.code as district, d.name as district_name, k.kinds
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
_COLUMNS = "id, openid, tagged, retag, unionid_index from wechat_follower where follows"
_WALK = _sql(_WANTED.format(whom=f"select {_COLUMNS} and id > cast(:after as uuid) order by id limit :most"))
_AT_ONCE = _sql(_WANTED.format(whom=f"select {_COLUMNS} and retag order by id limit :most"))
_HAS = _sql(
    """
    update wechat_follower f set tagged = cast(string_to_array(nullif(w.tags, ''), ',') as integer[]), retag = false
    from unnest(cast(:ids as uuid[]), cast(:tags as text[])) as w (id, tags) where f.id = w.id and w.tags <> ''
    """
)
_HAS_NONE = _sql("update wechat_follower set tagged = '{}', retag = false where id = any(cast(:ids as uuid[]))")
_TAGS = _sql("select key, tag_id from wechat_tag")
_KEEP_TAG = _sql(
    "insert into wechat_tag (id, created_at, key, name, tag_id) values (:id, :now, :key, :name, :tag_id) "
    "on conflict (key) do update set name = excluded.name, tag_id = excluded.tag_id"
)
_RETAG = _sql(
    """
    update wechat_follower f set retag = true from person p
    where p.id = :person_id and p.unionid_index is not null and f.unionid_index = p.unionid_index and f.follows
    """
)


async def to_tag(work: Work, sha256: str, most: int, after: UUID | None) -> Sequence[Record]:
    """Followers behind one of them, each with the tags they have, and with district and kinds of aid if they are known
    and consented to the text of that hash."""
    return await work.transaction.rows(_WALK, sha256=sha256, most=most, after=after or UUID(int=0))


async def to_tag_at_once(work: Work, sha256: str, most: int) -> Sequence[Record]:
    """The same of those whose consent has changed."""
    return await work.transaction.rows(_AT_ONCE, sha256=sha256, most=most)


async def keep_tagged(work: Work, tagged: Mapping[UUID, Sequence[int]]) -> None:
    """The tags that they have now."""
    spelt = {row_id: ",".join(str(each) for each in tags) for row_id, tags in tagged.items()}
    await work.transaction.run(_HAS, ids=list(spelt), tags=list(spelt.values()))
    await work.transaction.run(_HAS_NONE, ids=[row_id for row_id, tags in spelt.items() if not tags])


async def known_tags(work: Work) -> dict[str, int]:
    """Their ids at WeChat, by our keys."""
    return {row["key"]: row["tag_id"] for row in await work.transaction.rows(_TAGS)}


async def keep_tag(work: Work, key: str, name: str, tag_id: int) -> None:
    await work.transaction.run(_KEEP_TAG, id=new_id(), now=work.now, key=key, name=name, tag_id=tag_id)


async def retag(work: Work, person_id: UUID) -> None:
    """Somebody consented no longer: their tags go within a minute."""
    await work.transaction.run(_RETAG, person_id=person_id)
