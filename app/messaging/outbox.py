"""Facts leave through a table: a row in the transaction that made the fact true."""

from dataclasses import dataclass, fields

from app.db.base import table_of
from app.db.statements import insertion
from app.db.work import Work
from app.kernel.ids import new_id
from app.messaging.tables import OutMessage

_INSERT = insertion(table_of(OutMessage), "id", "created_at", "name", "body")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened. Subclasses name it; their fields are ids and codes, never personal data."""


def spelt(fact: Fact) -> dict[str, str]:
    return {each.name: str(getattr(fact, each.name)) for each in fields(fact)}


async def emit(work: Work, fact: Fact) -> None:
    """Say it to whoever handles it (app/jobs/handlers.py), if and only if this transaction commits."""
    await work.transaction.run(_INSERT, id=new_id(), created_at=work.now, name=type(fact).__name__, body=spelt(fact))
