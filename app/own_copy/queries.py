"""Reading all that is somebody's, for the copy of their data: bounded, newest first."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Table, bindparam, literal_column, or_, select

from app.applications.tables import Application
from app.db.base import table_of
from app.db.sealing import Keyring
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.tables import Household
from app.kernel.business_time import answered
from app.own_copy.parts import PARTS, Part
from app.people.tables import Person

AT_MOST: Final = 1_000
"""Rows of each part. Nobody has more but for the access log, which has pages of its own."""
_A, _H, _P = table_of(Application), table_of(Household), table_of(Person)
_ME = bindparam("person_id", type_=_P.c.id.type)
_OWN_HOUSEHOLDS = select(_H.c.id).where(_H.c.person_id == _ME)
_OWN_APPLICATIONS = select(_A.c.id).where(_A.c.applicant_id == _ME)
_OWN_NUMBER = select(_P.c.id_number_index).where(_P.c.id == _ME).scalar_subquery()


def _is_mine(table: Table, part: Part) -> ColumnElement[bool]:
    match part.whose:
        case "household_id":
            return table.c.household_id.in_(_OWN_HOUSEHOLDS)
        case "application_id":
            return table.c.application_id.in_(_OWN_APPLICATIONS)
        case "id_number_index":
            return table.c.id_number_index == _OWN_NUMBER
        case "claimant_or_person":
            return or_(table.c.claimant_id == _ME, table.c.person_id == _ME)
        case _:
            return table.c[part.whose] == _ME


def _newest(part: Part) -> Statement:
    table = table_of(part.model)
    columns = [table.c[name] for name in (*part.plain, *part.texts, *part.documents)]
    query = select(*columns).where(_is_mine(table, part)).order_by(table.c.created_at.desc(), table.c.id.desc())
    return statement(query.limit(literal_column(str(AT_MOST + 1))))


_STATEMENTS: Final = {name: _newest(part) for name, part in PARTS.items()}


async def parts_of(
    transaction: Transaction, keyring: Keyring, person_id: UUID
) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Every part of somebody's data, opened; and the names of those that have more rows than a copy takes."""
    parts: dict[str, list[dict[str, Any]]] = {}
    cut = []
    for name, part in PARTS.items():
        rows = await transaction.rows(_STATEMENTS[name], person_id=person_id)
        cut += [name] if len(rows) > AT_MOST else []
        parts[name] = [_opened(row, part, keyring) for row in rows[:AT_MOST]]
    return parts, cut


def _opened(row: Record, part: Part, keyring: Keyring) -> dict[str, Any]:
    table, by = part.sealed_as or (str(part.model.__tablename__), "id")
    shown = {name: _plain(row[name]) for name in part.plain}
    for name in part.texts:
        shown[name] = keyring.open_text(f"{table}.{name}", row[by], row[name]) if row[name] else None
    for name in part.documents:
        sealed = row[name]
        shown[name] = orjson.Fragment(keyring.open(f"{table}.{name}", row[by], sealed)) if sealed else None
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return answered(value)
    return str(value) if isinstance(value, UUID) else value
