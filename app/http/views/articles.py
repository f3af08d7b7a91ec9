"""What is shown of articles to those who write and review them."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.articles.commands import TITLE
from app.articles.content import Content, Kind, spelt
from app.articles.gate import NAME
from app.articles.path import ArticleAction, ArticleState
from app.articles.steps import NOTE
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.views.applications import instant
from app.kernel.actor import Role

Way = Literal["publish", "mass_send"]
Checked = Literal["pending", "pass", "review", "risky", "unavailable"]
KINDS_TOLD = "policy 政策 · progress 进展 · story 帮扶故事"


class ArticleSummary(BaseModel):
    """列表中的一篇文章。"""

    id: str
    kind: Kind = Field(description=KINDS_TOLD)
    state: ArticleState
    title: str
    organisation: str
    created_at: str
    updated_at: str
    publish_at: str | None = Field(description="安排在什么时候发布")
    withdrawal_asked_at: str | None = Field(description="文章中的人撤回了同意，要求撤回文章的时间")
    version: int


class ArticlePage(BaseModel):
    items: list[ArticleSummary]
    next_cursor: str | None


class ShownPerson(BaseModel):
    """文章写到、图片上有的一个人。"""

    id: str = Field(description="在图片的 people、cover_people 中引用")
    name: str
    consents: bool = Field(description="现在是否仍同意公开宣传")


class ArticleStepView(BaseModel):
    """办理记录中的一步。"""

    at: str
    action: ArticleAction
    from_state: ArticleState
    to_state: ArticleState
    revision: int
    role: Role | None = Field(description="系统办理的为 null")
    organisation: str | None
    note: str | None


class Receipts(BaseModel):
    """群发的回执，来自微信的事件；null 是未知：不是群发，或者微信没有告知。"""

    total: int | None = Field(description="标签或全部关注者人数")
    filtered: int | None = Field(description="过滤后准备发送的人数")
    sent: int | None = Field(description="实际送达的人数")
    failed: int | None = Field(description="发送失败的人数")


class TakeDown(BaseModel):
    """撤回的文章在公众平台上的删除；没有删成的由系统再试，间隔越来越长，必要时请在公众平台后台删除。"""

    attempts: int = Field(description="没有删成的次数")
    failure: str | None = Field(description="最近一次没有删成的原因（微信的错误码或错误类别）")
    again_at: str | None = Field(description="什么时候再试")


class PreviewSent(BaseModel):
    """发给一位关注者的预览。"""

    id: str
    at: str
    revision: int
    state: Literal["asked", "sent", "failed"]
    failure: str | None


class ArticleView(ArticleSummary):
    """一篇文章：内容、人物、审核、发布和办理记录。"""

    revision: int
    content: Content
    people: list[ShownPerson]
    mine: bool = Field(description="是否由我起草")
    platform_check: Checked = Field(
        description="微信内容安全检查：unavailable 没有检查成，请人工核对；图片的结果会迟到，发布以后也可能变为 risky"
    )
    reviewed_at: str | None
    way: Way | None = Field(description="publish 只发布 · mass_send 群发给关注者")
    tag_id: int | None = Field(description="群发给哪个标签的关注者；null 为全部")
    attempt: int
    failure: str | None = Field(description="没有发布成功的原因（微信的说法或错误类别）")
    wechat_url: str | None
    receipts: Receipts
    readings: Literal["unknown"] = Field(description="阅读数：本服务没有来源，一律未知，请在公众平台后台查看")
    withdrawn_at: str | None
    taken_down_at: str | None = Field(description="公众平台上也已删除的时间")
    take_down: TakeDown = Field(description="撤回后在公众平台上的删除")
    previews: list[PreviewSent] = Field(description="最近的预览，新的在前")
    steps: list[ArticleStepView]
    open_actions: list[ArticleAction]


class ArticleMoved(BaseModel):
    """办理之后的状态。"""

    id: str
    state: ArticleState
    version: int


class FoundInArticle(BaseModel):
    """提交审核前要改的一处。"""

    pointer: str
    code: str
    message: str


class ArticlePreview(BaseModel):
    """在公众号里看到的样子，图片用材料下载地址代替。"""

    title: str
    signed: str
    digest: str
    html: str
    found: list[FoundInArticle] = Field(description="现在还不能提交的原因；空的可以提交")


def summary(row: Record, keyring: Keyring) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "state": row["state"],
        "title": keyring.open_text(TITLE, row["id"], row["title"]),
        "organisation": row["organisation_name"],
        "created_at": instant(row["created_at"]),
        "updated_at": instant(row["updated_at"]),
        "publish_at": instant(row["publish_at"]),
        "withdrawal_asked_at": instant(row["withdrawal_asked_at"]),
        "version": row["version"],
    }


def whole(
    row: Record,
    keyring: Keyring,
    content: Content,
    people: Sequence[tuple[Record, bool]],
    steps: Iterable[Record],
    previews: Iterable[Record],
    *,
    mine: bool,
    open_actions: Iterable[str],
) -> dict[str, Any]:
    checked = row["platform_check"] if row["checked_revision"] == row["revision"] else "pending"
    return summary(row, keyring) | {
        "revision": row["revision"],
        "content": spelt(content),
        "people": [_person(each, keyring, consents=consents) for each, consents in people],
        "mine": mine,
        "platform_check": checked,
        "reviewed_at": instant(row["reviewed_at"]),
        "way": row["way"],
        "tag_id": row["tag_id"],
        "attempt": row["attempt"],
        "failure": row["failure"],
        "wechat_url": row["wechat_url"],
        "receipts": {
            "total": row["total_count"],
            "filtered": row["filter_count"],
            "sent": row["sent_count"],
            "failed": row["error_count"],
        },
        "readings": "unknown",
        "withdrawn_at": instant(row["withdrawn_at"]),
        "taken_down_at": instant(row["taken_down_at"]),
        "take_down": {
            "attempts": row["take_down_attempts"],
            "failure": row["take_down_failure"],
            "again_at": instant(row["take_down_due_at"]),
        },
        "previews": [preview(each) for each in previews],
        "steps": [_step(each, keyring) for each in steps],
        "open_actions": list(open_actions),
    }


def preview(row: Record) -> dict[str, Any]:
    shown = {name: row[name] for name in ("revision", "state", "failure")}
    return shown | {"id": str(row["id"]), "at": instant(row["created_at"])}


def moved(row: Record) -> dict[str, Any]:
    return {"id": str(row["id"]), "state": row["state"], "version": row["version"]}


def _person(row: Record, keyring: Keyring, *, consents: bool) -> dict[str, Any]:
    return {"id": str(row["id"]), "name": keyring.open_text(NAME, row["id"], row["name"]), "consents": consents}


def _step(row: Record, keyring: Keyring) -> dict[str, Any]:
    return {
        "at": instant(row["created_at"]),
        "action": row["action"],
        "from_state": row["from_state"],
        "to_state": row["to_state"],
        "revision": row["revision"],
        "role": row["post_role"],
        "organisation": row["organisation_name"],
        "note": keyring.open_text(NOTE, row["id"], row["note"]) if row["note"] else None,
    }
