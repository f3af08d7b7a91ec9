"""Who deals with a case: whoever has the post for it, or was lent it (委托代办), unless they must stand aside (回避).

Of whom somebody is kept apart was found when they came in (`Apart`), so nothing is asked of the database here; it looks
once more when somebody signs (the trigger `keep_apart`).
"""

from collections.abc import Iterator
from itertools import takewhile
from typing import Any, Final

from app.applications.path import PATHS, Action, Kind, State
from app.applications.queries import signed_by
from app.db.transaction import Record
from app.kernel.actor import PERMISSIONS, Actor, Permission, Post, Role
from app.kernel.errors import NotAllowed, Recused

INSTEAD: Final = "应当办理的一级均须回避，由上级工会代为办理"
"""What the timeline says where the level above took a step."""


def levels_above(kind: str, permission: Permission) -> tuple[Permission, ...]:
    """Whose permission decides on the levels above the one of this permission, the nearest first."""
    city = PATHS[Kind(kind)].step(State.CITY_APPROVAL, Action.APPROVE).by
    levels = (Permission.REVIEW_AT_DISTRICT, city)
    if permission in (Permission.ACCEPT_CASE, Permission.REVIEW_AT_UNIT):
        return levels
    return levels[1:] if permission is Permission.REVIEW_AT_DISTRICT else ()


def levels_between(kind: str, permission: Permission, level: Permission) -> tuple[Permission, ...]:
    """The level of this permission and those below another: whose people must all stand aside before that steps in."""
    return (permission, *takewhile(lambda each: each is not level, levels_above(kind, permission)))


def permission_at(kind: str, state: str) -> Permission | None:
    """Whose permission a case waits for, where there is a level above."""
    steps = (step for step in PATHS[Kind(kind)].steps if step.at == state)
    return next((step.by for step in steps if levels_above(kind, step.by)), None)


def roles_with(permission: Permission) -> list[str]:
    """The roles that have a permission."""
    return [role.value for role in Role if permission in PERMISSIONS[role]]


def stands_aside(actor: Actor, row: Record) -> bool:
    """Whether the case is none of the actor's to deal with."""
    return not {actor.person_id, *actor.apart.away}.isdisjoint((row["applicant_id"], row["household_id"]))


def post_for(actor: Actor, permission: Permission, row: Record) -> Post | None:
    """The post by which the actor may deal with a case, their own before one that they were lent. Raises Recused."""
    if stands_aside(actor, row):
        raise Recused
    return next((post for post in _over(actor, permission, row) if _may_be_used(post, row)), None)


def why_not(actor: Actor, permission: Permission, row: Record) -> NotAllowed:
    """Why somebody without such a post may not: they have none, or their lender must stand aside."""
    return Recused() if any(_over(actor, permission, row)) else NotAllowed()


def permissions_for(actor: Actor, row: Record) -> list[Permission]:
    """All that the actor may do with a case, whose timeline is in the row; nothing where they must stand aside."""
    if stands_aside(actor, row):
        return []
    return [
        permission
        for permission in Permission
        if any(_may_be_used(post, row) and not _lender_signed(post, row) for post in _over(actor, permission, row))
    ]


def _over(actor: Actor, permission: Permission, row: Record) -> Iterator[Post]:
    for post in actor.posts_with(permission):
        lent = post.lent
        if row[f"{post.place.tier}_id"] == post.place.id and (lent is None or row["kind"] in lent.kinds):
            yield post


def _may_be_used(post: Post, row: Record) -> bool:
    """What is lent is not lent for what its lender must stand aside from."""
    lent = post.lent
    return lent is None or {lent.by, *lent.apart.away}.isdisjoint((row["applicant_id"], row["household_id"]))


def _lender_signed(post: Post, row: Record) -> bool:
    return post.lent is not None and signed_by({post.lent.by, *post.lent.apart.near}, row)


def how_acting(post: Post, permission: Permission) -> dict[str, Any]:
    """What the timeline and the audit trail say of a step that was not taken by a post of one's own at its stage."""
    lent = post.lent
    if lent is not None:
        told = {"on_behalf_of": str(lent.by), "delegation": str(lent.delegation_id)}
        return {"on_behalf_of": lent.by, "said_of": lent.said, "details": told}
    if not post.allows(permission):
        return {"said_of": INSTEAD, "details": {"instead_of": permission.value}}
    return {}
