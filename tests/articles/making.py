"""Articles as tests write them, and the newsroom that takes them through."""

import io
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from PIL import Image

from app.jobs.articles.checking import check_all
from app.jobs.articles.following import follow_all
from app.jobs.articles.publishing import advance
from app.jobs.running import Jobs
from app.jobs.wechat.tasks import ask_about_all
from app.wechat.accounts import Accounts
from tests.gateways.steering import Steering
from tests.make import Guild, Someone, World, keyed

SUBMIT, PUBLISH = "/cgi-bin/freepublish/submit", "publish"
SEND = "/cgi-bin/message/mass/sendall"
HARMLESS = "困难职工可以在小程序里申请帮扶，工会在十五个工作日内办结。咨询请拨打 12351。"


def png(colour: str = "red", size: int = 40) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(written, "PNG")
    return written.getvalue()


def content(cover: str | None, **given: Any) -> dict[str, Any]:
    return {
        "title": "帮扶政策有新变化",
        "signed": "汕头市总工会",
        "digest": "一图看懂今年的帮扶政策",
        "cover_file_id": cover,
        "cover_nobody": True,
        "blocks": [
            {"type": "heading", "text": "有什么变化"},
            {"type": "paragraph", "text": HARMLESS},
            *([{"type": "picture", "file_id": cover, "caption": "办理流程", "nobody": True}] if cover else []),
        ],
    } | given


@dataclass
class Newsroom:
    client: httpx.AsyncClient
    world: World
    background: Jobs
    accounts: Accounts
    owner: asyncpg.Connection
    steering: Steering
    city: Guild
    editor: Someone
    approver: Someone

    async def upload(self, picture: bytes | None = None, who: Someone | None = None) -> str:
        answer = await self.client.post(
            "/files",
            files={"file": ("a.png", picture or png(), "image/png")},
            headers=(who or self.editor).headers | keyed(),
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def ask(
        self, who: Someone, method: str, path: str, body: Any = None, *, version: int | None = None
    ) -> httpx.Response:
        headers = who.headers | (keyed() if method == "POST" else {})
        headers |= {"If-Match": f'"{version}"'} if version is not None else {}
        return await self.client.request(method, f"/staff/articles{path}", json=body, headers=headers)

    async def draft(self, kind: str = "policy", **given: Any) -> dict[str, Any]:
        body = {"kind": kind, "content": content(given.pop("cover", None) or await self.upload(), **given)}
        answer = await self.ask(self.editor, "POST", "", body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def read(self, article_id: str, who: Someone | None = None) -> dict[str, Any]:
        answer = await self.ask(who or self.editor, "GET", f"/{article_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def act(self, who: Someone, article_id: str, action: str, **given: Any) -> httpx.Response:
        shown = await self.read(article_id)
        return await self.ask(
            who, "POST", f"/{article_id}/actions", {"action": action, **given}, version=shown["version"]
        )

    async def does(self, who: Someone, article_id: str, action: str, **given: Any) -> str:
        answer = await self.act(who, article_id, action, **given)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["state"])

    async def approved(self, **given: Any) -> str:
        """The id of an article that was reviewed."""
        article_id: str = (await self.draft(**given))["id"]
        await self.does(self.editor, article_id, "submit")
        await check_all(self.background, self.accounts)
        assert await self.does(self.approver, article_id, "approve") == "approved"
        return article_id

    async def scheduled(self, way: str = PUBLISH, **given: Any) -> str:
        article_id = await self.approved(**given)
        assert await self.does(self.editor, article_id, "schedule", way=way) == "scheduled"
        return article_id

    async def works(self, *, asking: bool = False) -> None:
        """What the worker process does, until there is nothing more to do; `asking`: a minute has passed as well."""
        if asking:
            await self.owner.execute("update wechat_task set moved_at = moved_at - interval '2 minutes'")
            await ask_about_all(self.background, self.accounts)
        for _ in range(6):
            if not await advance(self.background, self.accounts):
                break
        await follow_all(self.background, self.accounts)

    async def published(self, way: str = PUBLISH, **given: Any) -> str:
        article_id = await self.scheduled(way, **given)
        await self.works()
        self.steering.post("clock", {"advance_s": 60})
        await self.works(asking=True)
        assert (await self.read(article_id))["state"] == "published"
        return article_id

    def jobs_at_wechat(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.steering.http.get("/_sim/jobs").json()["items"]
        return items

    async def state(self, article_id: str) -> str:
        found: str = await self.owner.fetchval("select state from article where id = $1", UUID(article_id))
        return found
