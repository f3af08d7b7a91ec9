"""Keeping the keyed hashes of names in step with accounts and household files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.db.statements import Statement, statement
from app.db.transaction import Record
from app.db.work import Work

SIZE: Final = 500
NOTHING: Final = b"\x00"
"""Kept for a file that names nobody yet, so that it is not looked at again before it changes."""


def _unnoted(table: str, columns: str, condition: str) -> Statement:
    return statement(
        text(
            f"select {columns} from {table} s where {condition} and not exists ("  # noqa: S608 - names of our own
            "select 1 from known_name k where k.subject_id = s.id and k.of_version = s.version) "
            f"limit {SIZE} for update skip locked"
        )
    )


_PEOPLE = _unnoted("person", "s.id, s.version, s.name", "s.name is not null")
_HOUSEHOLDS = _unnoted("household", "s.id, s.version, s.form", "true")
_FORGET = statement(text("delete from known_name where subject_id = any(cast(:subjects as uuid[]))"))
_KEEP = statement(
    text(
        "insert into known_name (subject_id, of_version, name_index) select * from "
        "unnest(cast(:subjects as uuid[]), cast(:versions as int[]), cast(:names as bytea[])) on conflict do nothing"
    )
)


@dataclass(frozen=True, slots=True)
class Noted:
    """Whom an account or a file names, as of one of its versions."""

    subject_id: UUID
    version: int
    names: list[bytes]


async def unnoted_people(work: Work) -> list[Record]:
    """Accounts whose name was not noted, or that have changed since."""
    return await work.transaction.rows(_PEOPLE)


async def unnoted_households(work: Work) -> list[Record]:
    """Household files, the same."""
    return await work.transaction.rows(_HOUSEHOLDS)


async def keep_names(work: Work, noted: Sequence[Noted]) -> None:
    """Instead of what was noted before of the same."""
    await work.transaction.run(_FORGET, subjects=[each.subject_id for each in noted])
    rows = [(each.subject_id, each.version, name) for each in noted for name in each.names or [NOTHING]]
    subjects, versions, names = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    await work.transaction.run(_KEEP, subjects=subjects, versions=versions, names=names)
