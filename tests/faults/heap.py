"""Thousands of people with drafts, written in one go: what the other tests make row by row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from app.applications.path import Kind, State
from app.db.base import table_of
from app.people.consents import Purpose
from tests import make
from tests.make import Case, Guild, World

CONSENTS = (Purpose.PRIVACY_POLICY, Purpose.SENSITIVE_FINANCE, Purpose.PUBLIC_NOTICE, Purpose.DATA_MATCHING)


@dataclass(frozen=True)
class Heap(World):
    """A World whose rows wait in memory until `pour`."""

    rows: dict[Any, list[dict[str, Any]]] = field(default_factory=dict)

    async def insert(self, model: Any, **values: Any) -> None:
        self.rows.setdefault(model, []).append(values)

    async def pour(self, owner: asyncpg.Connection) -> None:
        """Copy the rows into their tables, in the order in which the tables were first used."""
        await owner.set_type_codec(
            "jsonb", schema="pg_catalog", format="binary", encoder=lambda value: b"\x01" + orjson.dumps(value),
            decoder=lambda data: orjson.loads(data[1:]),
        )  # fmt: skip
        for model, rows in self.rows.items():
            table = table_of(model)
            columns = [column for column in table.columns if column.name in rows[0] or column.default is not None]
            records = [tuple(row.get(column.name, _default(column)) for column in columns) for row in rows]
            await owner.copy_records_to_table(table.name, records=records, columns=[column.name for column in columns])
        self.rows.clear()


def _default(column: Any) -> Any:
    return column.default.arg if isinstance(column.default, ScalarElementColumnDefault) else None


async def drafts(heap: Heap, owner: asyncpg.Connection, home: Guild, count: int) -> Sequence[Case]:
    """As many drafts of hardship aid, each of a person of its own, ready to be submitted and eligible."""
    cases = []
    for _ in range(count):
        someone = await heap.person(home=home, consents=CONSENTS)
        household_id = await heap.household(someone, home, members=[])
        cases.append(
            await heap.application(
                someone,
                home,
                kind=Kind.HARDSHIP_AID,
                state=State.DRAFT,
                form=make.living_aid(),
                household_id=household_id,
            )
        )
    await heap.pour(owner)
    return cases
