"""How often something that could be guessed at is tried (尝试次数): counted in the database, over all processes.

What is counted belongs to one person, one claim or one address; others are never kept out by it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from sqlalchemy import bindparam, literal_column, select, text, update

from app.db.base import table_of
from app.db.statements import statement
from app.db.work import Work
from app.kernel.errors import TooMany
from app.people.tables import Attempt

SUBJECT = "attempt.subject"
_A = table_of(Attempt)
_THIS = (_A.c.kind == bindparam("kind"), _A.c.subject_index == bindparam("subject_index"))
_FOUND = statement(select(_A.c.began_at, _A.c.count).where(*_THIS))
# Of two at once the second waits for the first and counts on from there.
_COUNT = statement(
    text(
        """
        insert into attempt as a (kind, subject_index, began_at, count) values (:kind, :subject_index, :now, 1)
        on conflict (kind, subject_index) do update set
          began_at = case when a.began_at <= :since then :now else a.began_at end,
          count = case when a.began_at <= :since then 1 else a.count + 1 end
        returning began_at, count
        """
    )
)
_FORGET = statement(update(_A).where(*_THIS).values(count=literal_column("0")))


class TooManyAttempts(TooMany):
    """尝试的次数太多了，请过一会儿再试；着急办理的，请联系所在工会。"""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many attempts of a kind are taken within a time that begins with the first."""

    kind: str
    most: int
    within: timedelta


REFUSED_CODES: Final = Limit("refused_code", 100, timedelta(minutes=15))
"""Sign-in codes that WeChat refused, by address: the next that is refused is told to wait. One that is right always
signs in, so that nobody behind the same address is kept out."""
SIGN_INS: Final = Limit("sign_in", 30, timedelta(minutes=15))
"""By WeChat identity."""
PHONE_CODES: Final = Limit("phone_code", 10, timedelta(minutes=15))
"""Codes for a phone number, by account."""
NUMBERS: Final = Limit("number", 5, timedelta(hours=24))
"""Identity numbers that turned out to be somebody else's, and claims of somebody's file, by account."""
CLAIM_CODES: Final = Limit("claim_code", 5, timedelta(hours=24))
"""Codes that staff typed wrongly, by claim."""


async def require_room(work: Work, limit: Limit, subject: str) -> None:
    """Raises TooManyAttempts once all attempts are used up."""
    found = await work.transaction.row(_FOUND, **_of(work, limit, subject))
    if found is not None and found["count"] >= limit.most and found["began_at"] > work.now - limit.within:
        raise _wait(work, limit, found["began_at"])


async def count(work: Work, limit: Limit, subject: str) -> None:
    """One attempt more, kept if the transaction is. Raises TooManyAttempts when it is one too many."""
    since = work.now - limit.within
    found = await work.transaction.row(_COUNT, now=work.now, since=since, **_of(work, limit, subject))
    assert found is not None
    if found["count"] > limit.most:
        raise _wait(work, limit, found["began_at"])


async def forget(work: Work, limit: Limit, subject: str) -> None:
    """It was no guess: what was tried before counts no more."""
    await work.transaction.run(_FORGET, **_of(work, limit, subject))


def _of(work: Work, limit: Limit, subject: str) -> dict[str, object]:
    return {"kind": limit.kind, "subject_index": work.keyring.blind_index(SUBJECT, limit.kind, subject)}


def _wait(work: Work, limit: Limit, began_at: datetime) -> TooManyAttempts:
    left = (began_at + limit.within - work.now).total_seconds()
    return TooManyAttempts(retry_after=max(1, ceil(left)))
