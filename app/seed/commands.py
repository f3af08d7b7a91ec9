"""`aid seed --demo`: the demo world, written once."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from app.audit.commands import record
from app.calendars.queries import calendar
from app.db.base import table_of
from app.db.database import Database
from app.db.sealing import Keyring
from app.db.statements import statement
from app.db.transaction import Sight, Transaction
from app.db.work import Work
from app.kernel.errors import Conflict
from app.organisations.tables import Organisation
from app.people.commands import OPENID
from app.people.queries import person_of_openid
from app.policies.queries import book
from app.programmes import MODELS
from app.seed.households import synthetic_households
from app.seed.invented import Invented
from app.seed.personas import personas
from app.seed.write import write_consents, write_people, write_unions
from app.seed.write_files import write_files
from app.seed.write_funds import write_funds
from app.simulator.codes import openid

SEED = 20161031
HOUSEHOLDS = 300

_ALONE = statement(text("select pg_advisory_xact_lock(hashtext('aid.seed'))"))
_UNION = table_of(Organisation)
_PARENT = _UNION.alias("parent")
_UNIONS = statement(
    select(_UNION.c.id, _UNION.c.code, _UNION.c.name, _UNION.c.level, _PARENT.c.code.label("parent_code"))
    .join(_PARENT, _PARENT.c.id == _UNION.c.parent_id, isouter=True)
    .order_by(_UNION.c.code)
)


class DatabaseInUse(Conflict):
    """数据库里已有其他工会组织的数据，不能写入演示数据。"""


async def seed_demo(
    database: Database,
    keyring: Keyring,
    *,
    appid: str,
    seed: int = SEED,
    households: int = HOUSEHOLDS,
    now: datetime,
) -> dict[str, Any]:
    """Write the demo world unless it is there, and say what is in it (api: The command line).

    `database` is the jobs' (role aid_jobs); `appid` the mini-program's, from which the simulator derives openids;
    `households` how many invented ones (at most 8,999) are added to the personas' own.
    Raises DatabaseInUse when there are unions that are not the demo's, or the demo's under another appid.
    """
    async with database.begin(Sight("job")) as transaction:
        await transaction.value(_ALONE)
        if not await _is_there(transaction, keyring, appid):
            days, policies = await calendar(transaction), await book(transaction, MODELS)
            work = Work(transaction, keyring, days, now, policies)
            await _write(work, appid, (*personas(), *synthetic_households(households, seed)))
        unions = await transaction.rows(_UNIONS)
    return {
        "organisations": [{**union, "id": str(union["id"])} for union in unions],
        "personas": [_told(persona) for persona in personas()],
    }


async def _is_there(transaction: Transaction, keyring: Keyring, appid: str) -> bool:
    first = keyring.blind_index(OPENID, openid(appid, personas()[0].sim_name))
    if await person_of_openid(transaction, first) is not None:
        return True
    if await transaction.rows(_UNIONS):
        raise DatabaseInUse
    return False


async def _write(work: Work, appid: str, people: tuple[Invented, ...]) -> None:
    unions = await write_unions(work)
    placed = await write_people(work, appid, people, unions)
    await write_funds(work, unions)
    await write_files(work, placed, unions, await write_consents(work, placed))
    await record(
        work,
        person_id=None,
        action="demo.seeded",
        subject_kind="organisation",
        subject_id=next(iter(unions.values())),
        subject_person_id=None,
        people=str(len(placed)),
    )


def _told(persona: Invented) -> dict[str, Any]:
    return {
        "name": persona.sim_name,
        "sim_code": f"sim:{persona.sim_name}",
        "person": persona.name,
        "note": persona.note,
        "roles": [{"role": role.value, "organisation_code": persona.union.code} for role in persona.roles],
    }
