"""Reading what was submitted before: the last round that was returned."""

from typing import Final
from uuid import UUID

import orjson

from app.applications.commands import DECISION, FORM
from app.applications.resubmissions.rules import Changed, Submitted, compare
from app.applications.resubmissions.tables import EarlierSubmission
from app.db.base import table_of
from app.db.sealing import Keyring
from app.db.transaction import Record

E = table_of(EarlierSubmission)
SUBMITTED: Final = ("form", "decision", "amount_fen")
"""What is kept of a submission that is returned."""


def what_changed(keyring: Keyring, row: Record) -> Changed | None:
    """What differs from what was submitted before the last return; `row` is a case, whole, with that beside it as
    `earlier_…`. None for what was never returned, and while it is with its applicant: what they are editing is their
    own."""
    if row["earlier_round"] is None:
        return None
    earlier = {name: row[f"earlier_{name}"] for name in SUBMITTED}
    return compare(
        row["earlier_round"],
        row["earlier_created_at"],
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
