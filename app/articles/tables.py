"""Articles (文章) for the official account: what was written, who reviewed it, how it went out, what all may read."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field

from app.db.base import Named, Row, blind_index, document, instant, sealed, version_column

KINDS = ("policy", "progress", "story")
WRITTEN = "state in ('draft','in_review','returned')"
REFERENCE = 128
"""So long is the longest id at WeChat."""


class Article(Row, table=True):
    """One article. Whoever wrote any of it is refused as its reviewer by the database (alembic/versions:
    `article_reviewer`), and nothing goes out that is not, word for word, what was reviewed."""

    __tablename__ = "article"
    __table_args__ = (
        CheckConstraint(f"kind in {KINDS}", name="kind"),
        CheckConstraint(
            "state in ('draft','in_review','returned','approved','scheduled','publishing','unknown','published',"
            "'failed','withdrawn')",
            name="state",
        ),
        CheckConstraint("way in ('publish','mass_send')", name="way"),
        CheckConstraint("reviewed_by <> author_id", name="second_person"),
        CheckConstraint(
            "(reviewed_by is null) = (reviewed_at is null) and (reviewed_by is null) = (reviewed_revision is null)",
            name="reviewed",
        ),
        CheckConstraint(f"{WRITTEN} or reviewed_revision is not distinct from revision", name="as_reviewed"),
        CheckConstraint(
            f"{WRITTEN} or state = 'approved' or (way is not null and publish_at is not null)", name="sent"
        ),
        CheckConstraint("tag_id is null or way = 'mass_send'", name="tag"),
        CheckConstraint("(state = 'withdrawn') = (withdrawn_at is not null)", name="withdrawn"),
        CheckConstraint("taken_down_at is null or withdrawn_at is not null", name="taken_down"),
        CheckConstraint("platform_check in ('pass','review','risky','unavailable')", name="platform_check"),
        *(
            Index(
                f"ix_article_{tier}",
                f"{tier}_id",
                "created_at",
                "id",
                postgresql_where=text(f"{tier}_id is not null"),
            )
            for tier in ("city", "district", "street", "unit")
        ),
        Index("ix_article_due", "publish_at", postgresql_where=text("state in ('scheduled','publishing')")),
        Index(
            "ix_article_take_down",
            "withdrawn_at",
            postgresql_where=text("taken_down_at is null and withdrawn_at is not null"),
        ),
    )

    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    organisation_name: str = Field(max_length=100)
    kind: str = Field(max_length=10)
    state: str = Field(max_length=10)
    version: int = version_column()
    revision: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    title: bytes = sealed(nullable=False)
    author_id: UUID = Field(foreign_key="person.id")
    updated_at: datetime = instant()
    reviewed_by: UUID | None = Field(default=None, foreign_key="person.id")
    reviewed_at: datetime | None = instant(nullable=True)
    reviewed_revision: int | None = None
    way: str | None = Field(default=None, max_length=10)
    """`publish`: it stands on the account and nobody is told; `mass_send`: followers get it."""
    tag_id: int | None = None
    """The tag of the followers whom it is sent to; None: all."""
    publish_at: datetime | None = instant(nullable=True)
    attempt: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    failure: str | None = Field(default=None, max_length=60)
    """Why it did not go out, or is not known to have: a code of ours, or WeChat's own word."""
    wechat_id: str | None = Field(default=None, max_length=REFERENCE)
    """The article_id by which a publication is taken down, or the msg_id of a mass send."""
    wechat_url: str | None = Field(default=None, max_length=500)
    total_count: int | None = None
    filter_count: int | None = None
    sent_count: int | None = None
    error_count: int | None = None
    withdrawal_asked_at: datetime | None = instant(nullable=True)
    """Somebody whom it shows no longer consents: it has to be withdrawn."""
    withdrawn_at: datetime | None = instant(nullable=True)
    taken_down_at: datetime | None = instant(nullable=True)
    """When WeChat had taken it down as well."""
    take_down_attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    take_down_due_at: datetime | None = instant(nullable=True)
    """When WeChat is asked again, after it did not take it down."""
    take_down_failure: str | None = Field(default=None, max_length=60)
    platform_check: str | None = Field(default=None, max_length=11)
    """What WeChat's check of texts and pictures (内容安全) says of the revision that was checked."""
    checked_revision: int | None = None


class ArticleRevision(Row, table=True):
    """What somebody wrote, whole. Never changed."""

    __tablename__ = "article_revision"
    __table_args__ = (
        Index("uq_article_revision", "article_id", "revision", unique=True),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
    )

    article_id: UUID = Field(foreign_key="article.id")
    revision: int
    person_id: UUID = Field(foreign_key="person.id")
    content: bytes = sealed(nullable=False)
    """Sealed: what a draft says of people is looked at only when it is done."""
    sha256: str = Field(max_length=64)


class ArticleStep(Row, table=True):
    """One step of an article: who, when, why. Never changed."""

    __tablename__ = "article_step"
    __table_args__ = (Index("ix_article_step_article", "article_id", "created_at", "id"),)

    article_id: UUID = Field(foreign_key="article.id")
    revision: int
    person_id: UUID | None = Field(default=None, foreign_key="person.id")
    """None: the service itself."""
    post_role: str | None = Field(default=None, max_length=32)
    organisation_name: str | None = Field(default=None, max_length=100)
    action: str = Field(max_length=20)
    from_state: str = Field(max_length=10)
    to_state: str = Field(max_length=10)
    note: bytes | None = sealed()


class ArticlePerson(Row, table=True):
    """Somebody whom an article names or shows, with their consent (同意公开宣传)."""

    __tablename__ = "article_person"
    __table_args__ = (
        Index("uq_article_person", "article_id", "person_id", unique=True, postgresql_where=text("removed_at is null")),
        Index("ix_article_person_person", "person_id", postgresql_where=text("removed_at is null")),
    )

    article_id: UUID = Field(foreign_key="article.id")
    person_id: UUID = Field(foreign_key="person.id")
    number_index: bytes = blind_index(nullable=False)
    name: bytes = sealed(nullable=False)
    added_by: UUID = Field(foreign_key="person.id")
    removed_at: datetime | None = instant(nullable=True)


class ArticlePicture(Named, table=True):
    """A picture of an article that lies at WeChat already: a second try does not upload it again."""

    __tablename__ = "article_picture"

    article_id: UUID = Field(primary_key=True, foreign_key="article.id")
    file_id: UUID = Field(primary_key=True, foreign_key="file.id")
    url: str = Field(max_length=2048)


class ArticleSending(Row, table=True):
    """One try to have an article published or sent. There is a next one only when this one is known to have failed."""

    __tablename__ = "article_sending"
    __table_args__ = (Index("uq_article_sending", "article_id", "attempt", unique=True),)

    article_id: UUID = Field(foreign_key="article.id")
    attempt: int
    thumb_media_id: str | None = Field(default=None, max_length=REFERENCE)
    draft_media_id: str | None = Field(default=None, max_length=REFERENCE)
    taken_until: datetime | None = instant(nullable=True)
    """Until then one process works on it, and the others leave it alone."""


class ArticlePreview(Row, table=True):
    """An article shown to one follower of the account before it goes to all: asked for by staff, sent by the worker."""

    __tablename__ = "article_preview"
    __table_args__ = (
        CheckConstraint("state in ('asked','sent','failed')", name="state"),
        CheckConstraint("(state = 'asked') = (openid is not null)", name="openid"),
        Index("ix_article_preview_article", "article_id", "created_at", "id"),
        Index("ix_article_preview_asked", "created_at", postgresql_where=text("state = 'asked'")),
    )

    article_id: UUID = Field(foreign_key="article.id")
    revision: int
    asked_by: UUID = Field(foreign_key="person.id")
    openid: bytes | None = sealed()
    """To whom; gone as soon as it was sent."""
    state: str = Field(max_length=6)
    failure: str | None = Field(default=None, max_length=60)


class PublishedArticle(Row, table=True):
    """What everyone may read, from when it was published until it is withdrawn. Its id is the article's."""

    __tablename__ = "published_article"
    __table_args__ = (
        CheckConstraint(f"kind in {KINDS}", name="kind"),
        Index("ix_published_article_shown", "published_at", "id", postgresql_where=text("withdrawn_at is null")),
    )

    id: UUID = Field(primary_key=True, foreign_key="article.id")
    organisation_name: str = Field(max_length=100)
    kind: str = Field(max_length=10)
    title: str = Field(max_length=32)
    signed: str = Field(max_length=16)
    digest: str = Field(max_length=128)
    content: dict[str, Any] = document()
    """`blocks`, `cover_file_id`, and `media_types` of every picture by its id."""
    wechat_url: str | None = Field(default=None, max_length=500)
    published_at: datetime = instant()
    withdrawn_at: datetime | None = instant(nullable=True)


class KnownName(Named, table=True):
    """Keyed hashes of the names that the service knows (of accounts and of household files): only whether an article
    holds one is ever asked. Jobs alone write it."""

    __tablename__ = "known_name"
    __table_args__ = (Index("ix_known_name_name", "name_index"),)

    subject_id: UUID = Field(primary_key=True)
    """A person or a household file."""
    name_index: bytes = Field(primary_key=True, sa_type=LargeBinary)
    of_version: int
