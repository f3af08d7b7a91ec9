"""Writing down what was asked for, and how it ended. The case's own step is taken by whoever calls this."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import bindparam, literal_column, update

from app.applications.supplements.tables import Supplement
from app.db.base import table_of
from app.db.statements import insertion, statement
from app.db.work import Work

S = table_of(Supplement)
REQUEST, ANSWER = "supplement.request", "supplement.answer"
Outcome = Literal["answered", "lapsed", "withdrawn"]
_INSERT = insertion(
    S,
    *"id created_at application_id applicant_id at_state round asked_by asked_by_role asked_by_organisation".split(),
    *"request due_at state".split(),
)
_CLOSE = statement(
    update(S)
    .where(S.c.application_id == bindparam("of_application"), S.c.state == literal_column("'open'"))
    .values(
        state=bindparam("outcome", type_=S.c.state.type),
        closed_at=bindparam("now", type_=S.c.closed_at.type),
        answer=bindparam("answer", type_=S.c.answer.type),
    )
    .returning(S.c.id)
)


async def write_down(work: Work, supplement_id: UUID, due_at: datetime, asked: Any, **columns: Any) -> None:
    await work.transaction.run(
        _INSERT,
        id=supplement_id,
        created_at=work.now,
        due_at=due_at,
        request=work.keyring.seal_document(REQUEST, supplement_id, asked),
        state="open",
        **columns,
    )


async def close(work: Work, application_id: UUID, outcome: Outcome, answer: bytes | None = None) -> UUID | None:
    """End what an application waits for; answers its id. `answer`: sealed under that id."""
    found: UUID | None = await work.transaction.value(
        _CLOSE, of_application=application_id, outcome=outcome, now=work.now, answer=answer
    )
    return found
