"""Staff who are members of a household themselves (回避): its file is not theirs to deal with."""

from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Uuid, bindparam, column, select, table

from app.db.base import table_of
from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.households.tables import HouseholdMember
from app.kernel.actor import Actor
from app.kernel.errors import NotAllowed

_M = table_of(HouseholdMember)
_P = table("person", column("id", Uuid()), column("id_number_index", LargeBinary()))
"""Of people this floor knows no more than who they are."""


class MemberOfHousehold(NotAllowed):
    """您是这户的家庭成员，应当回避，请由其他人办理。"""


class RelatedToHousehold(NotAllowed):
    """您与这户有申报的亲属关系，应当回避，请由其他人办理。"""


def household_of(actor_id: Any) -> Any:
    """The living household that a person is a member of, as a subquery of one row at most."""
    number = select(_P.c.id_number_index).where(_P.c.id == actor_id).scalar_subquery()
    return select(_M.c.household_id).where(_M.c.id_number_index == number, _M.c.living).scalar_subquery()


_THEIRS = statement(select(household_of(bindparam("actor_id", type_=_P.c.id.type))))


async def not_related(work: Work, actor: Actor, *rows: Record) -> None:
    """Raises MemberOfHousehold when one of these files is the actor's own household's, RelatedToHousehold when it is a
    declared relative's, or a relative lives there."""
    theirs: UUID | None = await work.transaction.value(_THEIRS, actor_id=actor.person_id)
    if theirs is not None and any(row["id"] == theirs for row in rows):
        raise MemberOfHousehold
    apart = actor.apart
    if any(row["id"] in apart.homes or row["person_id"] in apart.near for row in rows):
        raise RelatedToHousehold
