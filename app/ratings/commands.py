"""Rating how an application was handled, once it was paid."""

from uuid import UUID

import asyncpg

from app.applications.path import State
from app.applications.queries import own_locked
from app.audit.commands import record
from app.db.statements import insertion
from app.db.work import Work
from app.kernel.actor import Actor
from app.kernel.errors import Conflict
from app.kernel.ids import new_id
from app.ratings.queries import R
from app.workflow.path import NotAllowedNow

WORDS = "rating.words"
TIERS = ("city_id", "district_id", "street_id", "unit_id")
_INSERT = insertion(R, "id", "created_at", "application_id", *TIERS, "score", "words")


class AlreadyRated(Conflict):
    """这份申请您已经评价过了，评价提交后不能修改。"""


async def rate(work: Work, actor: Actor, application_id: UUID, score: int, words: str | None) -> None:
    """Once for each application, and for good. Raises ApplicationNotFound, NotAllowedNow, AlreadyRated."""
    row = await own_locked(work.transaction, actor, application_id)
    if row["paid_at"] is None or row["state"] != State.PAID:
        raise NotAllowedNow(state=row["state"])
    rating_id = new_id()
    try:
        await work.transaction.run(
            _INSERT,
            id=rating_id,
            created_at=work.now,
            application_id=application_id,
            score=score,
            words=work.keyring.seal_text(WORDS, rating_id, words) if words else None,
            **{tier: row[tier] for tier in TIERS},
        )
    except asyncpg.UniqueViolationError as rated:
        raise AlreadyRated from rated
    await record(
        work,
        person_id=actor.person_id,
        action="application.rated",
        subject_kind="application",
        subject_id=application_id,
        subject_person_id=actor.person_id,
    )
