"""The one scope builder: the WHERE of every list, count, search and look-up of cases.

A reach of no nodes sees nothing. Statements are cached by the shape of a reach (its tiers), not by its ids.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, Table, bindparam, false, or_

from app.kernel.actor import Reach, Tier

Shape = tuple[Tier, ...]


def shape(reach: Reach) -> Shape:
    return tuple(node.tier for node in reach)


def within(table: Table, tiers: Shape) -> ColumnElement[bool]:
    """The rows under any node of a reach of this shape."""
    return or_(false(), *(table.c[f"{tier}_id"] == bindparam(f"node_{n}") for n, tier in enumerate(tiers)))


def nodes(reach: Reach) -> dict[str, UUID]:
    """The parameters that go with `within`."""
    return {f"node_{n}": node.organisation_id for n, node in enumerate(reach)}
