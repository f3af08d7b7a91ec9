"""The token, pauses, pushes, subscriptions, jobs at WeChat, and followers with their tags."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Integer, LargeBinary
from sqlalchemy import text as sql
from sqlmodel import Field

from app.db.base import Row, blind_index, document, instant, sealed

ACCOUNTS = "account in ('miniprogram','official')"


class WechatToken(Row, table=True):
    """The access token of an account, shared by all processes. Its times are the database's own."""

    __tablename__ = "wechat_token"
    __table_args__ = (Index("uq_wechat_token", "appid", unique=True),)

    appid: str = Field(max_length=40)
    token: bytes | None = sealed()
    generation: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    """How often one was fetched: whoever was refused says by it which one they had."""
    renew_at: datetime | None = instant(nullable=True)
    fetching_until: datetime | None = instant(nullable=True)
    """Until then the process whose `fetches` this is asks WeChat, and the others wait for what it writes."""
    fetches: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    failures: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    failure: str | None = Field(default=None, max_length=40)
    failure_code: int | None = Field(default=None)
    failure_reason: str | None = Field(default=None, max_length=200)


class WechatPause(Row, table=True):
    """A call that is not made for a while: its quota is spent, or a person must act first."""

    __tablename__ = "wechat_pause"
    __table_args__ = (
        CheckConstraint(ACCOUNTS, name="account"),
        CheckConstraint("kind in ('quota','operator')", name="kind"),
        Index("uq_wechat_pause_open", "account", "call", unique=True, postgresql_where=sql("ended_at is null")),
    )

    account: str = Field(max_length=12)
    call: str = Field(max_length=80)
    kind: str = Field(max_length=8)
    errcode: int | None = Field(default=None)
    reason: str = Field(max_length=200)
    until: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class WechatNonce(Row, table=True):
    """What a signed request brought: with another body the same signature is somebody else's."""

    __tablename__ = "wechat_nonce"
    __table_args__ = (
        Index("uq_wechat_nonce", "account", "signed", unique=True),
        Index("ix_wechat_nonce_at", "created_at"),
    )

    account: str = Field(max_length=12)
    signed: bytes = Field(sa_type=LargeBinary)
    body: bytes = Field(sa_type=LargeBinary)


class WechatPush(Row, table=True):
    """A message or event that WeChat sent (消息推送), once whatever WeChat repeats."""

    __tablename__ = "wechat_push"
    __table_args__ = (
        CheckConstraint(ACCOUNTS, name="account"),
        Index("uq_wechat_push_once", "account", "once", unique=True),
        Index("ix_wechat_push_at", "created_at"),
    )

    account: str = Field(max_length=12)
    once: bytes = Field(sa_type=LargeBinary)
    """The hash of what makes it one: by kind (app/gateways/wechat/pushes.py)."""
    kind: str = Field(max_length=40)
    said_at: datetime = instant()
    content: bytes = sealed(nullable=False)
    handled_at: datetime | None = instant(nullable=True)
    outcome: str | None = Field(default=None, max_length=24)


class WechatGrant(Row, table=True):
    """One message that a person allowed (订阅): said by the phone, confirmed by WeChat's event, used by one message."""

    __tablename__ = "wechat_grant"
    __table_args__ = (
        CheckConstraint("hinted_at is not null or confirmed_at is not null", name="came_from"),
        Index("ix_wechat_grant_person", "person_id", "template", "created_at"),
        Index(
            "ix_wechat_grant_open",
            "person_id",
            "template",
            "created_at",
            postgresql_where=sql("used_at is null and revoked_at is null"),
        ),
    )

    person_id: UUID = Field(foreign_key="person.id")
    template: str = Field(max_length=20)
    lasting: bool
    """Of a long-term template: it is not used up."""
    hinted_at: datetime | None = instant(nullable=True)
    confirmed_at: datetime | None = instant(nullable=True)
    used_at: datetime | None = instant(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)


class WechatTask(Row, table=True):
    """A job that WeChat works on for a while: looking at a picture, publishing a draft, sending it to many."""

    __tablename__ = "wechat_task"
    __table_args__ = (
        CheckConstraint("kind in ('media_check','publish','mass_send')", name="kind"),
        CheckConstraint("state in ('asking','unknown','accepted','done','failed','undone')", name="state"),
        Index("uq_wechat_task_asked", "kind", "asked_for", unique=True),
        Index(
            "uq_wechat_task_reference", "kind", "reference", unique=True, postgresql_where=sql("reference is not null")
        ),
        Index("ix_wechat_task_open", "moved_at", postgresql_where=sql("state in ('asking','unknown','accepted')")),
    )

    kind: str = Field(max_length=12)
    asked_for: str = Field(max_length=64)
    """What it is about, for whoever asked (a draft, a picture); of a mass send also the clientmsgid."""
    subject: str = Field(max_length=200)
    """The media_id, or the id of the file."""
    state: str = Field(max_length=8)
    reference: str | None = Field(default=None, max_length=128)
    """trace_id, publish_id or msg_id."""
    said: str | None = Field(default=None, max_length=60)
    """How it ended in WeChat's own word: a suggestion, a publish_status, a Status."""
    detail: dict[str, str] = document()
    moved_at: datetime = instant()
    asked_again: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})


class WechatFollower(Row, table=True):
    """Whether somebody follows the official account, by the newest that was heard: of who left nothing but the keyed
    hash."""

    __tablename__ = "wechat_follower"
    __table_args__ = (
        Index("uq_wechat_follower", "openid_index", unique=True),
        Index("ix_wechat_follower_unionid", "unionid_index", postgresql_where=sql("unionid_index is not null")),
        Index("ix_wechat_follower_retag", "id", postgresql_where=sql("retag")),
    )

    openid_index: bytes = blind_index(nullable=False)
    openid: bytes | None = sealed()
    follows: bool
    changed_at: datetime = instant()
    seen_at: datetime | None = instant(nullable=True)
    """When the list of all followers named them last."""
    asked_at: datetime | None = instant(nullable=True)
    """When WeChat last said who they are."""
    unionid_index: bytes | None = blind_index()
    """Whoever has the same one in the mini-program is the same person; there is no other way to know."""
    tagged: list[int] = Field(
        default_factory=list, sa_column=Column(ARRAY(Integer), nullable=False, server_default=sql("'{}'"))
    )
    """The ids of the tags that they have at WeChat by our doing."""
    retag: bool = Field(default=False, sa_column_kwargs={"server_default": sql("false")})
    """Their consent has changed: not only tonight."""
    retags: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    """How often it has: whoever looked before the last time has settled nothing."""
    retag_after: datetime | None = instant(nullable=True)
    """WeChat did not do it: not again before then."""


class WechatSync(Row, table=True):
    """One reading of the list of all followers, page by page: it goes on where it stood, whoever goes on."""

    __tablename__ = "wechat_sync"
    __table_args__ = (
        CheckConstraint("phase in ('list','gone','ask','tag','done','given_up')", name="phase"),
        Index("uq_wechat_sync_open", sql("(ended_at is null)"), unique=True, postgresql_where=sql("ended_at is null")),
        Index("ix_wechat_sync_at", "created_at"),
    )

    phase: str = Field(max_length=8)
    total: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    listed: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    gone: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    asked: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    joined: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    tagged: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    stopped: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    """How often in a row a page did not come."""
    after_openid: bytes | None = sealed()
    """Behind whom the next page begins."""
    after_id: UUID | None = Field(default=None)
    moved_at: datetime = instant()
    held_until: datetime | None = instant(nullable=True)
    """Until then the process that took the page works on it."""
    ended_at: datetime | None = instant(nullable=True)


class WechatTag(Row, table=True):
    """A tag at the official account that is ours: its key here, its name there."""

    __tablename__ = "wechat_tag"
    __table_args__ = (Index("uq_wechat_tag_key", "key", unique=True),)

    key: str = Field(max_length=40)
    name: str = Field(max_length=30)
    tag_id: int
