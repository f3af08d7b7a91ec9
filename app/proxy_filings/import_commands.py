"""Opening filings for many workers at once, from an import. Each waits until somebody confirms it.

No history is kept yet: what a filing says is a mere draft.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from app.db.base import table_of
from app.db.statements import insertion, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.kernel.ids import new_id
from app.kernel.masking import mask_name, mask_phone
from app.proxy_filings.tables import ProxyFiling

ID_INDEX = "person.id_number"
_TIERS = ("city_id", "district_id", "street_id", "unit_id")
_INSERT = insertion(
    table_of(ProxyFiling),
    *"id created_at id_number_index id_number name name_masked phone phone_masked division_code form state".split(),
    *_TIERS, "version", "assisted_by", "post_role", "organisation_name", "bank_card",
)  # fmt: skip
_OPEN = statement(
    text(
        "select id_number_index from proxy_filing where state = 'open' and id_number_index = any(:indexes)"
    ).bindparams(bindparam("indexes", type_=ARRAY(BYTEA())))
)


@dataclass(frozen=True, slots=True)
class Filled:
    """A form that was filled in for somebody, and the union that it goes to."""

    form: Mapping[str, Any]
    phone: str
    union: Record
    card: Mapping[str, str] | None = None
    """Holder, number, bank and branch of the card that they want to be paid to."""


async def waiting(transaction: Transaction, indexes: Iterable[bytes]) -> frozenset[bytes]:
    """Which of these numbers have a filing that waits to be confirmed."""
    rows = await transaction.rows(_OPEN, indexes=list(indexes))
    return frozenset(row["id_number_index"] for row in rows)


async def open_many(work: Work, filled: Sequence[Filled], *, assisted_by: UUID, post_role: str) -> list[UUID]:
    """Open a filing for each; answers their ids in order. Raises asyncpg.UniqueViolationError where one waits."""
    rows = [_row(work, each) | {"assisted_by": assisted_by, "post_role": post_role} for each in filled]
    await work.transaction.many(_INSERT, rows)
    return [row["id"] for row in rows]


def _row(work: Work, filled: Filled) -> dict[str, Any]:
    row_id, keyring, head = new_id(), work.keyring, filled.form["head"]
    return {
        "id": row_id,
        "created_at": work.now,
        "id_number_index": keyring.blind_index(ID_INDEX, head["id_number"]),
        "id_number": keyring.seal_text("proxy_filing.id_number", row_id, head["id_number"]),
        "name": keyring.seal_text("proxy_filing.name", row_id, head["name"]),
        "name_masked": mask_name(head["name"]),
        "phone": keyring.seal_text("proxy_filing.phone", row_id, filled.phone),
        "phone_masked": mask_phone(filled.phone),
        "division_code": filled.union["division_code"],
        "form": keyring.seal_document("proxy_filing.form", row_id, filled.form),
        "bank_card": keyring.seal_document("proxy_filing.bank_card", row_id, filled.card) if filled.card else None,
        "state": "open",
        "version": 1,
        "organisation_name": filled.union["name"],
        **{tier: filled.union[tier] for tier in _TIERS},
    }
