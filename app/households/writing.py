"""Putting another form into a file: the one place where staff's hands reach what it says."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, literal_column, update

from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.households.queries import FORM, H

_REPLACE = statement(
    update(H)
    .where(H.c.id == bindparam("row_id"))
    .values(
        form=bindparam("form", type_=H.c.form.type),
        updated_at=bindparam("now", type_=H.c.updated_at.type),
        version=H.c.version + literal_column("1"),
    )
)


async def put_form(work: Work, row: Record, after: Mapping[str, Any]) -> None:
    """The locked file says this from now on; its version grows."""
    sealed = work.keyring.seal_document(FORM, row["id"], dict(after))
    await work.transaction.run(_REPLACE, row_id=row["id"], form=sealed, now=work.now)
