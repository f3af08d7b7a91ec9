"""One step of an article: its state, the trace that stays, the audit entry and the fact, in one transaction."""

from functools import cache
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, update

from app.articles.events import ArticleMoved
from app.articles.queries import ARTICLE, STEP
from app.audit.commands import record
from app.db.statements import Statement, insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Post
from app.kernel.errors import NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.workflow.path import Step

NOTE: Final = "article_step.note"
_TRACE = insertion(
    STEP,
    *"id created_at article_id revision person_id post_role organisation_name action from_state to_state note".split(),
)


class OwnArticle(NotAllowed):
    """写过这篇文章的人不能审核，请由另一位审核人办理。"""


@cache
def _moving(columns: tuple[str, ...]) -> Statement:
    values: dict[str, Any] = {name: bindparam(name, type_=ARTICLE.c[name].type) for name in columns}
    values |= {
        "state": bindparam("to_state", type_=ARTICLE.c.state.type),
        "updated_at": bindparam("now", type_=ARTICLE.c.updated_at.type),
        "version": ARTICLE.c.version + literal_column("1"),
    }
    return statement(
        update(ARTICLE)
        .where(ARTICLE.c.id == bindparam("row_id"), ARTICLE.c.version == bindparam("seen"))
        .values(values)
        .returning(ARTICLE)
    )


async def take(
    work: Work,
    row: Record,
    step: Step,
    *,
    person_id: UUID | None = None,
    post: Post | None = None,
    note: str | None = None,
    **columns: Any,
) -> Record:
    """The article as it is then. Raises StaleVersion when somebody was quicker, OwnArticle for who wrote of it."""
    moving = _moving(tuple(columns))
    seen = {"row_id": row["id"], "seen": row["version"], "to_state": step.to, "now": work.now}
    try:
        moved = await work.transaction.row(moving, **seen, **columns)
    except asyncpg.CheckViolationError as refused:
        if refused.constraint_name != "ck_article_second_person":
            raise
        raise OwnArticle from refused
    if moved is None:
        raise StaleVersion
    step_id = new_id()
    await work.transaction.run(
        _TRACE,
        id=step_id,
        created_at=work.now,
        article_id=row["id"],
        revision=row["revision"],
        person_id=person_id,
        post_role=post.role.value if post else None,
        organisation_name=post.place.name if post else None,
        action=step.action,
        from_state=step.at,
        to_state=step.to,
        note=work.keyring.seal_text(NOTE, step_id, note) if note else None,
    )
    await audit(work, person_id, step.action, row["id"])
    await emit(work, ArticleMoved(row["id"], step.action, step.to, row["version"] + 1))
    return moved


async def audit(work: Work, person_id: UUID | None, done: str, article_id: UUID, **details: str) -> None:
    await record(
        work,
        person_id=person_id,
        action=f"article.{done}",
        subject_kind="article",
        subject_id=article_id,
        subject_person_id=None,
        **details,
    )
