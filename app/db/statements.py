"""SQLAlchemy Core writes the statements, asyncpg runs them.

A `Statement` is compiled once, when its module is imported; running it costs one round trip and no
further Python. That is what keeps the service at a few hundred microseconds a request
(docs/decisions/0002-core-statements-on-asyncpg.md).
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Dialect, Table, bindparam, insert
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement
from sqlalchemy.sql.schema import ScalarElementColumnDefault

_DIALECT: Dialect = dialect.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with the names of its parameters in order, and the values fixed when it was written."""

    sql: str
    names: tuple[str, ...]
    fixed: dict[str, Any]

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        """The values in the order of the parameters. Raises KeyError for one that is missing or unknown."""
        given = self.fixed | values if self.fixed else values
        if len(given) != len(self.names):
            raise KeyError(f"parameters {sorted(set(given) ^ set(self.names))} do not match the statement")
        return [given[name] for name in self.names]


def statement(query: ClauseElement) -> Statement:
    """Compile a Core query once. Every `bindparam` is given by name when it runs."""
    compiled = query.compile(dialect=_DIALECT)
    assert isinstance(compiled, SQLCompiler)
    names = tuple(compiled.positiontup or ())
    required = {name for name, bind in compiled.binds.items() if bind.required}
    fixed = {name: compiled.params[name] for name in names if name not in required}
    # A column left out of an INSERT gets the default of its model, which has to be a plain value.
    fixed |= {column.key: _scalar_default(column) for column in compiled.insert_prefetch}
    return Statement(str(compiled), names, fixed)


def _scalar_default(column: Column[Any]) -> Any:
    default = column.default
    if not isinstance(default, ScalarElementColumnDefault):
        raise TypeError(f"{column} has no plain default: give it by name")
    return default.arg


def insertion(table: Table, *columns: str) -> Statement:
    """INSERT of these columns, each given by its name."""
    return statement(
        insert(table).values({column: bindparam(column, type_=table.c[column].type) for column in columns})
    )
