"""Reading what was submitted before: the last round that was returned."""

from uuid import UUID

import orjson
from sqlalchemy import bindparam, literal_column, select

from app.applications.commands import DECISION, FORM
from app.applications.path import Action
from app.applications.resubmissions.rules import Changed, Submitted, compare
from app.applications.resubmissions.tables import EarlierSubmission
from app.db.base import table_of
from app.db.sealing import Keyring
from app.db.statements import statement
from app.db.transaction import Record, Transaction

E = table_of(EarlierSubmission)
_LAST = statement(
    select(E.c.round, E.c.created_at, E.c.form, E.c.decision, E.c.amount_fen)
    .where(E.c.application_id == bindparam("application_id"), E.c.round < bindparam("before", type_=E.c.round.type))
    .order_by(E.c.round.desc())
    .limit(literal_column("1"))
)


async def what_changed(transaction: Transaction, keyring: Keyring, row: Record) -> Changed | None:
    """What differs from what was submitted before the last return; `row` is a case, whole. None for what was never
    returned, and while it is with its applicant: what they are editing is their own."""
    returned = any(step["action"] == Action.RETURN and step["round"] < row["round"] for step in row["timeline"])
    if not returned:
        return None
    earlier = await transaction.row(_LAST, application_id=row["id"], before=row["round"])
    if earlier is None:  # returned before anything was kept
        return None
    return compare(
        earlier["round"],
        earlier["created_at"],
        _submitted(keyring, row["id"], earlier),
        _submitted(keyring, row["id"], row),
    )


def _submitted(keyring: Keyring, application_id: UUID, row: Record) -> Submitted:
    decision = row["decision"]
    return Submitted(
        orjson.loads(keyring.open(FORM, application_id, row["form"])),
        orjson.loads(keyring.open(DECISION, application_id, decision)) if decision else None,
        row["amount_fen"],
    )
