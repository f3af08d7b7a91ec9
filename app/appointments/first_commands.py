"""The first two administrators, whom nobody is there to appoint: whoever runs the service does, once."""

from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select

from app.appointments.rules import is_apart
from app.audit.commands import record
from app.db.statements import insertion, statement
from app.db.work import Work
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.organisations.queries import POST, held_at, organisation_of_code
from app.people.commands import ID_NUMBER, NAME
from app.people.queries import PERSON

FIRST = (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN)
_KNOWN = statement(
    select(PERSON.c.id, PERSON.c.name).where(
        PERSON.c.id_number_index == bindparam("index"), PERSON.c.closed_at.is_(None), PERSON.c.openid_index.is_not(None)
    )
)
_HELD = statement(select(POST.c.role).where(POST.c.person_id == bindparam("person_id"), POST.c.ended_at.is_(None)))
_INSERT = insertion(POST, "id", "created_at", "person_id", "organisation_id", "role", "from_date")


NOT_A_CITY: Final = "最初的系统管理员和安全管理员由市总工会设立，请填写市总工会的编码。"
THERE_ALREADY: Final = "这个岗位已经有人担任，请由管理员在小程序里任免。"
UNKNOWN: Final = "没有找到这个人：请本人先登录小程序并完成实名认证，再核对姓名和证件号码。"
HOLDS_ANOTHER: Final = "这个人已有其他岗位；系统管理员和安全管理员不能由一人兼任，也不能兼任其他岗位。"


class NotAppointed(Exception):
    """Why not, in a sentence for whoever types the command."""


async def appoint_first(work: Work, name: str, number: str, role: Role, code: str) -> UUID:
    """Give the city its first administrator of one kind; answers the post.

    Raises OrganisationNotFound, NotAppointed.
    """
    union = await organisation_of_code(work.transaction, code)
    if union["level"] != "city":
        raise NotAppointed(NOT_A_CITY)
    if any(post.role is role for _, post in await held_at(work.transaction, union, work.today)):
        raise NotAppointed(THERE_ALREADY)
    someone = await work.transaction.row(_KNOWN, index=work.keyring.blind_index(ID_NUMBER, number))
    if someone is None or work.keyring.open_text(NAME, someone["id"], someone["name"]) != name:
        raise NotAppointed(UNKNOWN)
    held = await work.transaction.rows(_HELD, person_id=someone["id"])
    if not is_apart(role, [row["role"] for row in held]):
        raise NotAppointed(HOLDS_ANOTHER)
    post_id = new_id()
    await work.transaction.run(
        _INSERT,
        id=post_id,
        created_at=work.now,
        person_id=someone["id"],
        organisation_id=union["id"],
        role=role.value,
        from_date=work.today,
    )
    await record(
        work,
        person_id=None,
        action="post.first_appointed",
        subject_kind="post",
        subject_id=post_id,
        subject_person_id=someone["id"],
        role=role.value,
    )
    return post_id
