"""The way of an article, as data: written by one person, reviewed by another, sent out, and taken down again."""

from enum import StrEnum
from typing import Final

from app.kernel.actor import Permission
from app.workflow.path import Path, Step


class ArticleState(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    PUBLISHING = "publishing"
    UNKNOWN = "unknown"
    """An answer of WeChat was lost: it is out, or it is not. It is found out, and never sent again meanwhile."""
    PUBLISHED = "published"
    FAILED = "failed"
    """WeChat has not taken it, for certain."""
    WITHDRAWN = "withdrawn"


class ArticleAction(StrEnum):
    SUBMIT = "submit"
    TAKE_BACK = "take_back"
    APPROVE = "approve"
    RETURN = "return"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    REVISE = "revise"
    """Back to a draft: what was reviewed is void."""
    STOP = "stop"
    """WeChat finds a picture risky after all: a reviewer decides anew."""
    BEGIN = "begin"
    POSTPONE = "postpone"
    LOSE = "lose"
    FINISH = "finish"
    FAIL = "fail"
    WITHDRAW = "withdraw"
    BAN = "ban"
    """WeChat deleted or banned it after it was published."""


_S, _A = ArticleState, ArticleAction
_WRITES, _REVIEWS, _SYSTEM = Permission.WRITE_ARTICLES, Permission.REVIEW_ARTICLES, Permission.SYSTEM
HELD: Final = (_S.APPROVED, _S.SCHEDULED, _S.FAILED)
"""Reviewed, and WeChat publishes nothing of it: it can be stopped."""
SENT: Final = (_S.PUBLISHING, _S.UNKNOWN)
"""States in which WeChat may have it: it can be stopped only once WeChat has said that it did not take it."""
OUT: Final = (*SENT, _S.PUBLISHED)
"""States in which people alone can stop it, by withdrawing it."""
PATH: Final = Path(
    (
        Step(_S.DRAFT, _A.SUBMIT, _S.IN_REVIEW, _WRITES),
        Step(_S.RETURNED, _A.SUBMIT, _S.IN_REVIEW, _WRITES),
        Step(_S.IN_REVIEW, _A.TAKE_BACK, _S.DRAFT, _WRITES, optional=True),
        Step(_S.IN_REVIEW, _A.APPROVE, _S.APPROVED, _REVIEWS, counts_as_review=True),
        Step(_S.IN_REVIEW, _A.RETURN, _S.RETURNED, _REVIEWS, needs_note=True),
        Step(_S.APPROVED, _A.SCHEDULE, _S.SCHEDULED, _WRITES),
        Step(_S.APPROVED, _A.REVISE, _S.DRAFT, _WRITES, optional=True),
        Step(_S.SCHEDULED, _A.UNSCHEDULE, _S.APPROVED, _WRITES, optional=True),
        # What comes up before it goes out (a consent taken back, a name found) sends it back with its reasons.
        Step(_S.SCHEDULED, _A.RETURN, _S.RETURNED, _SYSTEM, needs_note=True),
        Step(_S.SCHEDULED, _A.BEGIN, _S.PUBLISHING, _SYSTEM),
        Step(_S.PUBLISHING, _A.POSTPONE, _S.SCHEDULED, _SYSTEM),
        Step(_S.PUBLISHING, _A.FINISH, _S.PUBLISHED, _SYSTEM),
        Step(_S.PUBLISHING, _A.FAIL, _S.FAILED, _SYSTEM),
        Step(_S.PUBLISHING, _A.LOSE, _S.UNKNOWN, _SYSTEM),
        Step(_S.UNKNOWN, _A.FINISH, _S.PUBLISHED, _SYSTEM),
        Step(_S.UNKNOWN, _A.FAIL, _S.FAILED, _SYSTEM),
        Step(_S.FAILED, _A.SCHEDULE, _S.SCHEDULED, _WRITES),
        Step(_S.FAILED, _A.REVISE, _S.DRAFT, _WRITES, optional=True),
        *(Step(at, _A.STOP, _S.IN_REVIEW, _SYSTEM, needs_note=True) for at in (*HELD, *SENT)),
        Step(_S.PUBLISHED, _A.BAN, _S.WITHDRAWN, _SYSTEM),
        Step(_S.PUBLISHED, _A.WITHDRAW, _S.WITHDRAWN, Permission.WITHDRAW_ARTICLES, needs_note=True, optional=True),
    )
)
WRITABLE: Final = (_S.DRAFT, _S.RETURNED)
"""States in which the text, the pictures and the people may be changed."""
