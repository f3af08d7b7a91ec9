"""Reading the tree of unions and who holds which post in it."""

from collections.abc import Iterable
from datetime import date
from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, literal_column, or_, select

from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import PERMISSIONS, Permission, Place, Post, Reach, Role, Tier
from app.kernel.errors import NobodyToAccept, NotFound
from app.organisations.tables import Organisation
from app.organisations.tables import Post as PostRow

UNION, POST = table_of(Organisation), table_of(PostRow)

_POSTS = statement(
    select(POST.c.role, UNION.c.id, UNION.c.code, UNION.c.name, UNION.c.level, UNION.c.tier)
    .join(UNION, UNION.c.id == POST.c.organisation_id)
    .where(
        POST.c.person_id == bindparam("person_id"), POST.c.ended_at.is_(None), POST.c.from_date <= bindparam("today")
    )
    .order_by(POST.c.id)
)
_HELD_AT = statement(
    select(POST.c.person_id, POST.c.role)
    .where(
        POST.c.organisation_id == bindparam("organisation_id"),
        POST.c.ended_at.is_(None),
        POST.c.from_date <= bindparam("today"),
    )
    .order_by(POST.c.id)
)
_BY_ID = statement(select(UNION).where(UNION.c.id == bindparam("id")))
_BY_CODE = statement(select(UNION).where(UNION.c.code == bindparam("code")))
_NAMES = Statement("select id, name from organisation where id = any($1::uuid[])", ("ids",), {})
_UNATTACHED = statement(
    select(UNION).where(UNION.c.receives_unattached).order_by(UNION.c.code).limit(literal_column("1"))
)


def _named() -> ColumnElement[bool]:
    """Whose name has these words in it; of no words every one."""
    none = bindparam("words", type_=UNION.c.name.type) == literal_column("''")
    return or_(none, UNION.c.name.contains(bindparam("words"), autoescape=False))


_CHOICE = statement(
    select(UNION.c.id, UNION.c.code, UNION.c.name, UNION.c.level)
    .where(
        UNION.c.level.in_([literal_column("'unit'"), literal_column("'street'")]),
        _named(),
        UNION.c.code > bindparam("after"),
    )
    .order_by(UNION.c.code)
    .limit(bindparam("size"))
)


_SUBTREE = {
    tier: statement(select(UNION).where(UNION.c[f"{tier}_id"] == bindparam("id")).order_by(UNION.c.code))
    for tier in Tier
}
_ABOVE = UNION.alias("above")
_WHOLE = select(UNION, _ABOVE.c.code.label("parent_code")).join(_ABOVE, _ABOVE.c.id == UNION.c.parent_id, isouter=True)
_ALL = statement(_WHOLE)


@cache
def _kept(tiers: Shape, under: bool) -> Statement:
    query = _WHOLE.where(within(UNION, tiers), UNION.c.code > bindparam("after"), _named())
    if under:
        query = query.where(_ABOVE.c.code == bindparam("parent_code"))
    return statement(query.order_by(UNION.c.code).limit(bindparam("size")))


@cache
def _one_kept(tiers: Shape, by: str) -> Statement:
    return statement(_WHOLE.where(within(UNION, tiers), UNION.c[by] == bindparam(by)))


class OrganisationNotFound(NotFound):
    """没有找到这个工会组织。"""


async def posts(transaction: Transaction, person_id: UUID, today: date) -> tuple[Post, ...]:
    """The posts a person holds on a day."""
    rows = await transaction.rows(_POSTS, person_id=person_id, today=today)
    return tuple(Post(Role(row["role"]), place(row)) for row in rows)


async def held_at(transaction: Transaction, union: Record, today: date) -> list[tuple[UUID, Post]]:
    """Who holds which post at a union itself on a day."""
    rows = await transaction.rows(_HELD_AT, organisation_id=union["id"], today=today)
    return [(row["person_id"], Post(Role(row["role"]), place(union))) for row in rows]


def place(row: Record) -> Place:
    return Place(row["id"], row["code"], row["name"], row["level"], Tier(row["tier"]))


async def organisation(transaction: Transaction, organisation_id: UUID) -> Record:
    """Raises OrganisationNotFound."""
    return _found(await transaction.row(_BY_ID, id=organisation_id))


async def organisation_of_code(transaction: Transaction, code: str) -> Record:
    """Raises OrganisationNotFound."""
    return _found(await transaction.row(_BY_CODE, code=code))


async def names(transaction: Transaction, ids: Iterable[UUID]) -> dict[UUID, str]:
    """The names of these unions."""
    return {row["id"]: row["name"] for row in await transaction.rows(_NAMES, ids=list(ids))}


async def subtree(transaction: Transaction, scoped: Record) -> list[Record]:
    """The union that a row stands under most closely (`city_id … unit_id`), and everything below it."""
    tier = next(tier for tier in reversed(Tier) if scoped[f"{tier}_id"] is not None)
    return await transaction.rows(_SUBTREE[tier], id=scoped[f"{tier}_id"])


async def for_unattached(transaction: Transaction) -> Record:
    """The service centre that receives workers without a union. Raises OrganisationNotFound."""
    return _found(await transaction.row(_UNATTACHED))


async def choice(transaction: Transaction, words: str, after: str, size: int) -> list[Record]:
    """Unions that a worker may belong to, by part of the name, in the order of their codes."""
    return await transaction.rows(_CHOICE, words=_pattern(words), after=after, size=size)


async def every_union(transaction: Transaction) -> dict[str, Record]:
    """All unions by their codes, each with the code of its parent."""
    return {row["code"]: row for row in await transaction.rows(_ALL)}


async def kept_unions(
    transaction: Transaction, reach: Reach, size: int, *, words: str, parent_code: str | None, after: str
) -> list[Record]:
    """Unions within a reach by part of the name, and directly under one if it is named, in the order of their codes."""
    under = {} if parent_code is None else {"parent_code": parent_code}
    asked = _kept(shape(reach), bool(under))
    return await transaction.rows(asked, words=_pattern(words), after=after, size=size, **under, **nodes(reach))


async def kept_union(transaction: Transaction, reach: Reach, organisation_id: UUID) -> Record:
    """One of them. Raises OrganisationNotFound."""
    return _found(await transaction.row(_one_kept(shape(reach), "id"), id=organisation_id, **nodes(reach)))


async def kept_union_of_code(transaction: Transaction, reach: Reach, code: str) -> Record:
    """The same by its code. Raises OrganisationNotFound."""
    return _found(await transaction.row(_one_kept(shape(reach), "code"), code=code, **nodes(reach)))


def _pattern(words: str) -> str:
    """These words, and nothing of them a sign of LIKE."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_ANYBODY_LEFT = Statement("select is_anybody_left($1, $2, $3, $4)", ("unions", "roles", "beside", "today"), {})
_ACCEPTING = [role.value for role, held in PERMISSIONS.items() if Permission.ACCEPT_CASE in held]


async def expect_acceptor(transaction: Transaction, scoped: Record, today: date, *beside: UUID) -> None:
    """That somebody beside these people, and not near to them, can accept what is handed in under the union that a row
    stands under. Raises NobodyToAccept."""
    unions = [scoped[f"{tier}_id"] for tier in Tier if scoped[f"{tier}_id"] is not None]
    values = {"unions": unions, "roles": _ACCEPTING, "beside": list(beside), "today": today}
    if not await transaction.value(_ANYBODY_LEFT, **values):
        raise NobodyToAccept


def _found(row: Record | None) -> Record:
    if row is None:
        raise OrganisationNotFound
    return row
