"""`aid appoint`: the first system administrator and the first security administrator of the city."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from app.appointments.first_commands import FIRST, NotAppointed, appoint_first
from app.calendars.queries import KeptCalendar
from app.cli.database import console, database
from app.db.database import open_database
from app.db.sealing import keyring_of
from app.files.store import open_store
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.business_time import business_date
from app.kernel.errors import DomainError
from app.kernel.identifiers import InvalidIdentifier, resident_id
from app.kernel.role_names import ROLE_NAMES
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.settings import settings


def appoint(
    role: Annotated[Role, typer.Argument(help="system_admin 或 security_admin")],
    organisation: Annotated[str, typer.Argument(help="市总工会的编码")],
) -> None:
    """Appoint the city's first administrator of one kind: they have signed in and proved who they are. Name and number
    are asked for, so that they stand in no list of processes. Everybody else is appointed in the app, by the two."""
    if role not in FIRST:
        console.print("这里只设立最初的系统管理员和安全管理员；其他岗位由他们在小程序里任免。")
        raise typer.Exit(2)
    name = typer.prompt("姓名", err=True).strip()
    try:
        number = resident_id(typer.prompt("证件号码", err=True), business_date(datetime.now(UTC))).number
    except InvalidIdentifier as wrong:
        console.print(wrong.message, markup=False)
        raise typer.Exit(2) from None
    with database() as url:
        asyncio.run(_appoint(url, name, number, role, organisation))
    console.print(f"已设立{ROLE_NAMES[role]}")


async def _appoint(url: str, name: str, number: str, role: Role, organisation: str) -> None:
    configured = settings()
    pool = await open_database(url, "aid_jobs", size=1)
    files = open_store(configured.files_url, configured.data_folder, keyring_of(configured), **configured.bucket())
    jobs = Jobs(pool, keyring_of(configured), KeptCalendar(pool), KeptPolicies(pool, MODELS), files)
    try:
        async with jobs.work() as work:
            await appoint_first(work, name, number, role, organisation)
    except (NotAppointed, DomainError) as refused:
        console.print(str(refused) if isinstance(refused, NotAppointed) else refused.detail, markup=False)
        raise typer.Exit(2) from None
    finally:
        await pool.close()
