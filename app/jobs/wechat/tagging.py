"""Putting tags on followers and taking them off: what WeChat has is made to be what people agreed to."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from app.applications.path import Kind
from app.db.transaction import Record
from app.db.work import Work
from app.gateways.wechat.errors import ContentRefused, NotDeliverable, OperatorMustAct, QuotaSpent, WeChatError
from app.gateways.wechat.official import OfficialAccount
from app.jobs.running import Jobs
from app.people.consents import Purpose, consent_texts
from app.wechat.follower_commands import OPENID
from app.wechat.tag_commands import (
    Held,
    forget_tag,
    forget_tags_but,
    keep_tag,
    keep_tagged,
    known_tags,
    to_tag_at_once,
)

log = structlog.get_logger("aid.wechat")
SUBJECTS: Final[Mapping[str, str]] = {kind.value: f"主题{n}" for n, kind in enumerate(Kind, 1)}
"""What a kind of aid is called at WeChat: nobody there reads from a tag that somebody is in need."""
_TAGGED_AT_ONCE: Final = 50
_TOGETHER: Final = 10
_NAME_BYTES: Final = 30
_DUE_AT_ONCE: Final = 500
NO_SUCH_TAG: Final = 45159
"""WeChat's errcode for a tag that is not there (any more)."""
SOON: Final = timedelta(minutes=1)
LATER: Final = timedelta(hours=1)
"""Between two tries, where WeChat did not do it for now, and where it refused."""


def consent_hash() -> str:
    """Of the text to which whoever is tagged has agreed."""
    return consent_texts()[Purpose.OFFICIAL_ACCOUNT].sha256


async def retag_due(jobs: Jobs, official: OfficialAccount) -> int:
    """Those whose consent has changed since: how many were looked at."""
    async with jobs.work() as work:
        rows = await to_tag_at_once(work, consent_hash(), _DUE_AT_ONCE)
    if rows:
        await retagged(jobs, official, rows)
    return len(rows)


async def forget_deleted_tags(jobs: Jobs, official: OfficialAccount) -> None:
    """A tag that somebody deleted in WeChat's console is made again, and put on all whose it was."""
    there = [tag.id for tag in await official.tags()]
    async with jobs.work() as work:
        count = await forget_tags_but(work, there)
    if count:
        log.warning("wechat_tags_deleted", count=count)


async def retagged(jobs: Jobs, official: OfficialAccount, rows: Sequence[Record]) -> int:
    """Each of these followers gets the tags that are theirs, and loses the others; for how many something changed.

    What WeChat did is written down, whatever failed beside it; then what failed for all is raised.
    """
    names = {row["id"]: _wanted(row) for row in rows}
    tags = await _tag_ids(jobs, official, {key: name for wanted in names.values() for key, name in wanted.items()})
    wanted = {row_id: sorted(tags[key] for key in keys if key in tags) for row_id, keys in names.items()}
    done = await _carry_out(official, _changes(jobs, rows, wanted))
    for tag_id in done.deleted:
        async with jobs.work() as work:
            await forget_tag(work, tag_id)
    async with jobs.work() as work:
        held = [_held(work, row, len(names[row["id"]]), wanted[row["id"]], done) for row in rows]
        changed = [each for each, row in zip(held, rows, strict=True) if each.tags != sorted(row["tagged"])]
        settled = [each for each, row in zip(held, rows, strict=True) if row["retag"] or each in changed]
        if settled:
            await keep_tagged(work, settled)
    if done.failed is not None:
        raise done.failed
    return len(changed)


@dataclass(slots=True)
class Done:
    """What came of it, by follower and tag."""

    put: set[tuple[UUID, int]] = field(default_factory=set)
    taken_off: set[tuple[UUID, int]] = field(default_factory=set)
    left: set[UUID] = field(default_factory=set)
    """Who follows no more: WeChat has taken their tags off itself."""
    refused: set[UUID] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    """Tags that are not there any more."""
    failed: WeChatError | None = None
    """What is not about one of them."""


@dataclass(frozen=True, slots=True)
class Change:
    """A tag that followers get, or lose: their rows and openids."""

    tag_id: int
    take_off: bool
    whom: Sequence[tuple[UUID, str]]


def _held(work: Work, row: Record, wished: int, wanted: Sequence[int], done: Done) -> Held:
    """The tags of a follower now; and when it is tried again, if that is not what they should be."""
    row_id = row["id"]
    if row_id in done.left:
        return Held(row_id, [], row["retags"])
    tags = {tag for tag in row["tagged"] if (row_id, tag) not in done.taken_off}
    tags |= {tag for tag in wanted if (row_id, tag) in done.put}
    whole = tags == set(wanted) and len(wanted) == wished
    passes = not done.deleted.isdisjoint(wanted)
    passes |= done.failed is not None and not isinstance(done.failed, QuotaSpent | OperatorMustAct)
    pause = SOON if passes and row_id not in done.refused else LATER
    return Held(row_id, sorted(tags), row["retags"], None if whole else work.now + pause)


def _wanted(row: Record) -> dict[str, str]:
    """Keys and names of the tags of a follower: none without consent."""
    found = {f"kind:{kind}": SUBJECTS[kind] for kind in row["kinds"] or ()}
    if row["district"] is not None:
        found[f"district:{row['district']}"] = row["district_name"]
    return found


def _changes(jobs: Jobs, rows: Sequence[Record], wanted: Mapping[UUID, Sequence[int]]) -> Sequence[Change]:
    """Who gets which tag, and from whom which is taken, which comes first; as many at once as WeChat takes."""
    found = defaultdict[tuple[bool, int], list[tuple[UUID, str]]](list)
    for row in rows:
        now, then = set(row["tagged"]), set(wanted[row["id"]])
        if now == then:
            continue
        who = row["id"], jobs.keyring.open_text(OPENID, row["id"], row["openid"])
        for tag_id in now ^ then:
            found[tag_id in now, tag_id].append(who)
    return [
        Change(tag_id, take_off, whom[first : first + _TAGGED_AT_ONCE])
        for (take_off, tag_id), whom in sorted(found.items(), key=lambda each: not each[0][0])
        for first in range(0, len(whom), _TAGGED_AT_ONCE)
    ]


async def _carry_out(official: OfficialAccount, changes: Iterable[Change]) -> Done:
    done, waiting = Done(), iter(changes)
    await asyncio.gather(*(_change_some(official, waiting, done) for _ in range(_TOGETHER)))
    return done


async def _change_some(official: OfficialAccount, waiting: Iterator[Change], done: Done) -> None:
    for change in waiting:
        if done.failed is not None:
            return
        await _change(official, change, done)


async def _change(official: OfficialAccount, change: Change, done: Done) -> None:
    ids, openids = [row_id for row_id, _ in change.whom], [openid for _, openid in change.whom]
    pairs = {(row_id, change.tag_id) for row_id in ids}
    try:
        await official.tag(change.tag_id, openids, take_off=change.take_off)
    except (NotDeliverable, ContentRefused) as refused:
        if refused.errcode == NO_SUCH_TAG:
            done.deleted.add(change.tag_id)
            if change.take_off:
                done.taken_off |= pairs
        elif len(ids) > 1:
            # One of them has just left, or has too many tags, and WeChat refuses all fifty for it.
            for who in change.whom:
                await _change(official, Change(change.tag_id, change.take_off, [who]), done)
        elif isinstance(refused, NotDeliverable):
            done.left |= set(ids)
        else:
            log.warning("wechat_tag_refused", reason=str(refused))
            done.refused |= set(ids)
    except WeChatError as failed:
        done.failed = failed
    else:
        (done.taken_off if change.take_off else done.put).update(pairs)


async def _tag_ids(jobs: Jobs, official: OfficialAccount, wanted: Mapping[str, str]) -> Mapping[str, int]:
    """The ids at WeChat of these keys; a tag that is not there yet is made."""
    async with jobs.work() as work:
        known = await known_tags(work)
    missing = {key: name for key, name in wanted.items() if key not in known}
    if not missing:
        return known
    there = {tag.name: tag.id for tag in await official.tags()}
    for key, full in missing.items():
        name = full.encode()[:_NAME_BYTES].decode(errors="ignore")
        try:
            tag_id = there[name] if name in there else (await official.make_tag(name)).id
        except ContentRefused as refused:
            log.error("wechat_tag_not_made", name=key, reason=str(refused))
            continue
        known[key] = tag_id
        async with jobs.work() as work:
            await keep_tag(work, key, name, tag_id)
    return known
