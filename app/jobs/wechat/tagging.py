"""Putting tags on followers and taking them off: what WeChat has is made to be what people agreed to."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import structlog

from app.applications.path import Kind
from app.db.transaction import Record
from app.gateways.wechat.errors import ContentRefused, NotDeliverable
from app.gateways.wechat.official import OfficialAccount
from app.jobs.running import Jobs
from app.people.consents import Purpose, consent_texts
from app.wechat.follower_commands import OPENID
from app.wechat.tag_commands import keep_tag, keep_tagged, known_tags, to_tag_at_once

log = structlog.get_logger("aid.wechat")
SUBJECTS: Final[Mapping[str, str]] = {kind.value: f"主题{n}" for n, kind in enumerate(Kind, 1)}
"""What a kind of aid is called at WeChat: nobody there reads from a tag that somebody is in need."""
_TAGGED_AT_ONCE: Final = 50
_TOGETHER: Final = 10
_NAME_BYTES: Final = 30
_DUE_AT_ONCE: Final = 500


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


async def retagged(jobs: Jobs, official: OfficialAccount, rows: Sequence[Record]) -> int:
    """Each of these followers gets the tags that are theirs, and loses the others; for how many something changed."""
    names = {row["id"]: _wanted(row) for row in rows}
    tags = await _tag_ids(jobs, official, {key: name for wanted in names.values() for key, name in wanted.items()})
    wanted = {row_id: sorted(tags[key] for key in keys if key in tags) for row_id, keys in names.items()}
    put, off = _changes(jobs, rows, wanted)
    places = asyncio.Semaphore(_TOGETHER)
    await asyncio.gather(
        *(
            _tag(official, places, tag_id, openids[first : first + _TAGGED_AT_ONCE], take_off=take_off)
            for changes, take_off in ((off, True), (put, False))
            for tag_id, openids in changes.items()
            for first in range(0, len(openids), _TAGGED_AT_ONCE)
        )
    )
    changed = {row["id"]: wanted[row["id"]] for row in rows if wanted[row["id"]] != sorted(row["tagged"])}
    settled = changed | {row["id"]: wanted[row["id"]] for row in rows if row["retag"]}
    if settled:
        async with jobs.work() as work:
            await keep_tagged(work, settled)
    return len(changed)


def _wanted(row: Record) -> dict[str, str]:
    """Keys and names of the tags of a follower: none without consent."""
    found = {f"kind:{kind}": SUBJECTS[kind] for kind in row["kinds"] or ()}
    if row["district"] is not None:
        found[f"district:{row['district']}"] = row["district_name"]
    return found


def _changes(
    jobs: Jobs, rows: Sequence[Record], wanted: Mapping[UUID, Sequence[int]]
) -> tuple[Mapping[int, list[str]], Mapping[int, list[str]]]:
    """Who gets which tag, and from whom which is taken."""
    put, off = defaultdict[int, list[str]](list), defaultdict[int, list[str]](list)
    for row in rows:
        now, then = set(row["tagged"]), set(wanted[row["id"]])
        if now == then:
            continue
        openid = jobs.keyring.open_text(OPENID, row["id"], row["openid"])
        for tag_id in then - now:
            put[tag_id].append(openid)
        for tag_id in now - then:
            off[tag_id].append(openid)
    return put, off


async def _tag(
    official: OfficialAccount, places: asyncio.Semaphore, tag_id: int, openids: Sequence[str], *, take_off: bool
) -> None:
    async with places:
        try:
            await official.tag(tag_id, openids, take_off=take_off)
        except NotDeliverable:
            # One of them has just left, and WeChat refuses all fifty for it.
            if len(openids) > 1:
                for openid in openids:
                    await _tag(official, asyncio.Semaphore(1), tag_id, [openid], take_off=take_off)


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
