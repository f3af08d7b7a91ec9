"""WeChat looks at what waits for its reviewer (内容安全): pictures, of which it tells by event, then texts. What it
cannot look at within half an hour, people look at alone. What is known is written down, whatever fails beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from app.articles.check_commands import check_name, checks_of, note_checked, unchecked
from app.articles.commands import content_of
from app.articles.content import Content, texts_of
from app.articles.queries import revision_of
from app.db.transaction import Record
from app.files.store import FilesUnavailable
from app.gateways.wechat.errors import WeChatError
from app.gateways.wechat.miniprogram import LONGEST_CHECKED
from app.jobs.alone import alone
from app.jobs.articles.pictures import PictureGone, files_of, uploaded
from app.jobs.running import Jobs
from app.jobs.wechat.tasks import check_picture
from app.people.commands import OPENID
from app.wechat.accounts import Accounts

log = structlog.get_logger("aid.articles")
PATIENCE: Final = timedelta(minutes=30)
_SCENE: Final = 3
_ORDER: Final = ("pass", "unavailable", "review", "risky")
"""Of several the last counts."""


@dataclass(slots=True)
class Findings:
    """What WeChat has said of an article so far."""

    said: list[str] = field(default_factory=list)
    waits: bool = False
    """Something is still to be said, or to be asked again."""

    def fail(self, failed: Exception) -> None:
        """Refused is refused; whatever else is asked again."""
        if isinstance(failed, WeChatError) and failed.errcode is not None:
            self.said.append("unavailable")
        else:
            self.waits = True

    def verdict(self, *, late: bool) -> str | None:
        """The worst of it; None as long as it may become worse and there is time. Nothing is worse than risky."""
        worst = max(self.said, key=_ORDER.index, default="unavailable")
        if self.waits and worst != "risky":
            return max(worst, "unavailable", key=_ORDER.index) if late else None
        return worst


async def check_all(jobs: Jobs, wechat: Accounts) -> int:
    """How many articles were looked at."""
    async with jobs.work() as work:
        waiting = await unchecked(work)
    for row in waiting:
        with alone("article_not_checked", article_id=str(row["id"])):
            await _check(jobs, wechat, row)
    return len(waiting)


async def _check(jobs: Jobs, wechat: Accounts, row: Record) -> None:
    async with jobs.work() as work:
        content = content_of(work, await revision_of(work.transaction, row))
        author = row["written_by"]
        openid = work.keyring.open_text(OPENID, author, row["openid"]) if row["openid"] else None
        late = work.now - row["updated_at"] > PATIENCE
    findings = Findings()
    names = {file_id: check_name(file_id, row["revision"]) for file_id in files_of(content)}
    if openid is not None and wechat.official is not None:
        await _pictures(jobs, wechat, row, names, openid, findings)
        if late or findings.verdict(late=False) not in (None, "risky"):
            await _texts(wechat, row, content, openid, findings)
    found = findings.verdict(late=late)
    if found is not None:
        async with jobs.work() as work:
            await note_checked(work, row["id"], row["revision"], found, list(names.values()))


async def _texts(wechat: Accounts, row: Record, content: Content, openid: str, findings: Findings) -> None:
    whole = "\n".join(text for _, text in texts_of(content))
    for at in range(0, len(whole), LONGEST_CHECKED):
        try:
            said = await wechat.miniprogram.check_text(whole[at : at + LONGEST_CHECKED], openid, _SCENE)
        except WeChatError as failed:
            _not_checked(row, failed, findings)
        else:
            findings.said.append(said.result.suggest)


async def _pictures(
    jobs: Jobs, wechat: Accounts, row: Record, names: dict[UUID, str], openid: str, findings: Findings
) -> None:
    """Each is asked about once, and what was said of any counts, also where another is not there."""
    assert wechat.official is not None
    try:
        addresses = await uploaded(jobs, wechat.official, row["id"], names)
        for file_id, name in names.items():
            await check_picture(jobs, wechat.miniprogram, name, addresses[file_id], openid)
    except (WeChatError, PictureGone, FilesUnavailable) as failed:
        _not_checked(row, failed, findings)
    async with jobs.work() as work:
        _judge(await checks_of(work, list(names.values())), findings)
    if not names:
        findings.said.append("pass")


def _judge(tasks: Sequence[Record], findings: Findings) -> None:
    for task in tasks:
        if task["state"] in ("asking", "accepted", "unknown"):
            findings.waits = True
        else:
            ended = task["state"] == "done" and task["said"] in _ORDER
            findings.said.append(task["said"] if ended else "unavailable")


def _not_checked(row: Record, failed: Exception, findings: Findings) -> None:
    log.warning("article_not_checked", article_id=str(row["id"]), reason=type(failed).__name__)
    findings.fail(failed)
