"""Whether everybody at the stage of a case must stand aside, so that the level above takes the step."""

from datetime import date
from uuid import UUID

from app.applications.recusal import (
    levels_above,
    levels_between,
    permission_at,
    permissions_for,
    roles_with,
    stands_aside,
)
from app.db.statements import Statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.kernel.actor import Actor, Permission, Post

_STUCK = Statement("select stage_is_stuck($1, $2, $3)", ("asked", "wanted", "today"), {})


async def is_stuck(transaction: Transaction, application_id: UUID, permission: Permission, today: date) -> bool:
    """Whether nobody with this permission over a case is free, and one of them is related to its applicant, or has
    helped them with it, or is near somebody who has."""
    stuck: bool = await transaction.value(_STUCK, asked=application_id, wanted=roles_with(permission), today=today)
    return stuck


async def post_above(work: Work, actor: Actor, permission: Permission, row: Record) -> Post | None:
    """The actor's own post on a level above the stage of a case, where all up to that level must stand aside."""
    for level in levels_above(row["kind"], permission):
        held = (post for post in actor.posts_with(level) if post.lent is None)
        post = next((each for each in held if row[f"{each.place.tier}_id"] == each.place.id), None)
        if post is not None:
            below = levels_between(row["kind"], permission, level)
            stuck = [await is_stuck(work.transaction, row["id"], each, work.today) for each in below]
            return post if all(stuck) else None
    return None


async def permissions_now(work: Work, actor: Actor, row: Record) -> list[Permission]:
    """All that the actor may do with a case, whose timeline is in the row: also what was lifted to their level."""
    permissions = permissions_for(actor, row)
    if row["id"] in actor.apart.lifted and not stands_aside(actor, row):
        at_stage = permission_at(row["kind"], row["state"])
        if at_stage is not None and await post_above(work, actor, at_stage, row):
            permissions.append(at_stage)
    return permissions
