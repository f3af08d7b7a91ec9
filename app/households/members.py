"""Who belongs to which living household: one identity number, one living membership in the whole database."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import LargeBinary, bindparam, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.db.base import table_of
from app.db.statements import statement
from app.db.work import Work
from app.households.tables import HouseholdMember
from app.kernel.errors import Conflict, FieldError, Invalid
from app.kernel.identifiers import InvalidIdentifier, resident_id
from app.kernel.ids import new_id

ID_NUMBER = "person.id_number"
M = table_of(HouseholdMember)
_COLUMNS = "id created_at household_id id_number_index relation living".split()
# Whoever is second waits here for the first, and then knows that there is one.
_HOLD = statement(
    insert(M)
    .values({column: bindparam(column, type_=M.c[column].type) for column in _COLUMNS})
    .on_conflict_do_nothing(index_elements=["id_number_index"], index_where=text("living"))
)
_RELEASE = statement(
    update(M).where(M.c.household_id == bindparam("row_id"), M.c.living).values(living=literal_column("false"))
)
_RELEASE_ONE = statement(
    update(M)
    .where(M.c.household_id == bindparam("row_id"), M.c.id_number_index == bindparam("index"), M.c.living)
    .values(living=literal_column("false"))
)
_UNION = statement(select(func.union_of_member(bindparam("index", type_=LargeBinary()))))
_PERSON = statement(select(func.person_of_number(bindparam("index", type_=LargeBinary()))))


class MemberElsewhere(Conflict):
    """家庭成员中有人已在另一份家庭档案中，请联系该档案所在的工会核对。"""


class Belonging(NamedTuple):
    """An identity number in a form: as what, and where it stands there."""

    relation: str
    pointer: str
    id_number: str


def belongings(form: Mapping[str, Any]) -> list[Belonging]:
    """The head and the members of a whole form."""
    members = enumerate(form["members"])
    return [
        Belonging("self", "/head", form["head"]["id_number"]),
        *(Belonging(member["relation"], f"/members/{n}", member["id_number"]) for n, member in members),
    ]


async def hold(work: Work, household_id: UUID, wanted: Iterable[Belonging]) -> None:
    """Make these, and nobody else, the living members of the household.

    Raises Invalid, and MemberElsewhere with the name of the union that keeps the other file, and nothing else of it.
    """
    wanted = list(wanted)
    if len({each.id_number for each in wanted}) != len(wanted):
        raise Invalid(FieldError("/members", "member_repeated", "家庭成员的证件号码有重复，请检查。"))
    for each in wanted:
        check_number(each.id_number, each.pointer, work)
    await release(work, household_id)
    indexed = [(work.keyring.blind_index(ID_NUMBER, each.id_number), each.relation) for each in wanted]
    await hold_indexes(work, household_id, indexed)


async def hold_indexes(work: Work, household_id: UUID, wanted: Iterable[tuple[bytes, str]]) -> None:
    """Add these numbers (blind index, relation). In one order, so that two that want the same never wait in a ring."""
    for index, relation in sorted(wanted):
        held = await work.transaction.run(
            _HOLD, id=new_id(), created_at=work.now, household_id=household_id, id_number_index=index,
            relation=relation, living=True,
        )  # fmt: skip
        if not held:
            union = await work.transaction.value(_UNION, index=index)
            raise MemberElsewhere(**({"organisation": union} if union else {}))


async def release(work: Work, household_id: UUID) -> None:
    """All memberships of the household end."""
    await work.transaction.run(_RELEASE, row_id=household_id)


async def release_one(work: Work, household_id: UUID, index: bytes) -> bool:
    """One membership ends; False when there was none."""
    return await work.transaction.run(_RELEASE_ONE, row_id=household_id, index=index) == 1


async def person_of(work: Work, index: bytes) -> UUID | None:
    """The verified person of an identity number, wherever they are."""
    found: UUID | None = await work.transaction.value(_PERSON, index=index)
    return found


def check_number(number: str, pointer: str, work: Work) -> None:
    """Raises Invalid for an identity number that nobody can have today."""
    try:
        resident_id(number, work.today)
    except InvalidIdentifier as wrong:
        raise Invalid(FieldError(f"{pointer}/id_number", wrong.code, wrong.message)) from None
