"""What is said of articles."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class ArticleMoved(Fact):
    """An article is in another state."""

    article_id: UUID
    action: str
    to_state: str
    version: int
    """After the step: what is told of it is told once."""


@dataclass(frozen=True, slots=True)
class PictureFoundRisky(Fact):
    """WeChat finds a picture risky that it may have published already: people decide whether it is withdrawn."""

    article_id: UUID
    file_id: UUID
    revision: int


@dataclass(frozen=True, slots=True)
class WithdrawalAsked(Fact):
    """Somebody whom a published article shows no longer consents: it has to be withdrawn."""

    article_id: UUID
