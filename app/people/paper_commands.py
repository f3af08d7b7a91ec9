"""Accounts without WeChat, of those for whom staff file and who sign on paper. Nobody commits here; the edge does."""

from uuid import UUID

import asyncpg

from app.audit.commands import record
from app.db.statements import insertion
from app.db.work import Work
from app.kernel.errors import Conflict
from app.kernel.ids import new_id
from app.people.commands import ID_NUMBER, NAME, identity_values, phone_values
from app.people.queries import PERSON, on_paper

_ENTER = insertion(
    PERSON,
    *"id created_at name name_masked id_number id_number_index verified_at organisation_id".split(),
    *("phone", "phone_index", "phone_masked"),
)


class HasAccount(Conflict):
    """这名职工已有微信账户，请让本人在小程序里办理。"""


class NameOnFileDiffers(Conflict):
    """这个证件号码登记的是另一个姓名，请核对后再办。"""


async def worker_on_paper(work: Work, name: str, number: str, organisation_id: UUID, phone: str, *, by: UUID) -> UUID:
    """Somebody without WeChat who signed on paper: known already (held until commit), or entered now.

    Raises HasAccount, NameOnFileDiffers.
    """
    known = await on_paper(work.transaction, work.keyring.blind_index(ID_NUMBER, number))
    if known is None:
        return await _enter(work, name, number, organisation_id, phone, by=by)
    if work.keyring.open_text(NAME, known["id"], known["name"]) != name:
        raise NameOnFileDiffers
    found: UUID = known["id"]
    return found


async def _enter(work: Work, name: str, number: str, organisation_id: UUID, phone: str, *, by: UUID) -> UUID:
    row_id = new_id()
    values = identity_values(work, row_id, name, number) | {"verified_at": work.now, "organisation_id": organisation_id}
    values |= phone_values(work, row_id, phone)
    try:
        await work.transaction.run(_ENTER, id=row_id, created_at=work.now, **values)
    except asyncpg.UniqueViolationError as taken:
        raise HasAccount from taken
    await record(
        work,
        person_id=by,
        action="person.entered",
        subject_kind="person",
        subject_id=row_id,
        subject_person_id=row_id,
    )
    return row_id
