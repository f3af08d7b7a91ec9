"""The one scope builder: the WHERE of every list, count, search and look-up of cases.

A reach of no nodes sees nothing. Statements are cached by the shape of a reach (its tiers), not by its ids.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, bindparam, false, or_

from app.db.transaction import Record
from app.kernel.actor import Actor, Permission, Post, Reach, Tier

Shape = tuple[Tier, ...]


def shape(reach: Reach) -> Shape:
    return tuple(node.tier for node in reach)


def under(table: FromClause, tier: Tier, n: int) -> ColumnElement[bool]:
    """The rows under the n-th node of a reach, which stands on this tier."""
    return table.c[f"{tier}_id"] == bindparam(f"node_{n}")


def within(table: FromClause, tiers: Shape, first: int = 0) -> ColumnElement[bool]:
    """The rows under any node of a reach of this shape, whose nodes are numbered from `first`."""
    return or_(false(), *(under(table, tier, n) for n, tier in enumerate(tiers, first)))


def nodes(reach: Reach) -> dict[str, UUID]:
    """The parameters that go with `within`."""
    return {f"node_{n}": node.organisation_id for n, node in enumerate(reach)}


def post_over(actor: Actor, permission: Permission, row: Record) -> Post | None:
    """The actor's post, if any, that has this permission and reaches this row."""
    held = actor.posts_with(permission)
    return next((post for post in held if row[f"{post.place.tier}_id"] == post.place.id), None)


def permissions_over(actor: Actor, row: Record) -> list[Permission]:
    """All that the actor's posts allow on this row."""
    return [permission for permission in Permission if post_over(actor, permission, row)]


def posts_over(actor: Actor, row: Record) -> tuple[Post, ...]:
    """The actor's posts that reach this row."""
    return tuple(post for post in actor.posts if row[f"{post.place.tier}_id"] == post.place.id)
