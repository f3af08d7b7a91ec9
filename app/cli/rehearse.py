"""`aid policy rehearse`: what a version in a file would change for the files that live now."""

import asyncio
import json
import sys
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from app.cli.database import console, database
from app.cli.policy import app as policy_app
from app.cli.policy import refuse, versions_in
from app.db.database import open_database
from app.db.sealing import keyring_of
from app.jobs.rehearsal import Proposed, rehearse
from app.kernel.business_time import business_date
from app.policy.book import PolicyKind
from app.programmes import MODELS
from app.rehearsals.rules import Compared, Tally
from app.settings import settings


@policy_app.command("rehearse")
def rehearse_file(
    kind: Annotated[PolicyKind, typer.Option(help="哪一种政策")],
    policy: Annotated[Path, typer.Option(help="政策文件（YAML）；有多个版本时取最后一个")],
) -> None:
    """Ask every living file by the versions in force and by this one. Reads only; nothing is written anywhere.

    A line for every household or claim whose answer would change or cannot be worked out, then all counts as JSON.
    Exit code 2 for a file that cannot be used, and for a version that has begun: it is asked on its first day.
    """
    proposed = Proposed(kind, versions_in(MODELS[kind], policy)[-1])
    if proposed.version.in_force_from <= business_date(datetime.now(UTC)):
        refuse(f"{policy}: /in_force_from: 只有还没有生效的版本可以预演，生效日期必须晚于今天。")
    with database() as url:
        tally = asyncio.run(_rehearse(url, proposed))
    sys.stdout.write(json.dumps(tally.counts() | {"seen": tally.seen, "money": tally.money()}) + "\n")


async def _rehearse(url: str, proposed: Proposed) -> Tally:
    pool, tally = await open_database(url, "aid_jobs", size=1), Tally()
    columns = (TextColumn("预演"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=None)
            async with aclosing(rehearse(pool, keyring_of(settings()), MODELS, proposed, datetime.now(UTC))) as pages:
                async for page in pages:
                    tally = page.tally
                    progress.update(task, total=tally.total, completed=tally.seen)
                    sys.stdout.writelines(f"{json.dumps(_line(found))}\n" for found in page.found)
    finally:
        await pool.close()
    return tally


def _line(found: Compared) -> dict[str, Any]:
    named = found._asdict()
    ids = {name: str(named[name]) for name in ("household_id", "application_id") if named[name]}
    amounts = {"before_fen": found.before.amount_fen, "after_fen": found.after.amount_fen}
    rule = found.before.rule or found.after.rule
    return {"effect": found.effect, "kind": found.kind, "item": found.item, **ids, **amounts, "rule": rule}
