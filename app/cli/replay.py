"""`aid replay`: making stored decisions again."""

import asyncio
import json
import sys
from contextlib import aclosing
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.applications.path import Kind
from app.cli.database import console, database
from app.db.database import open_database
from app.db.sealing import keyring_of
from app.jobs.queries import Wanted
from app.jobs.replay import WORDS, Tally
from app.jobs.replay import replay as replayed
from app.programmes import MODELS, REPLAYERS
from app.settings import settings

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="提交日期（含当天）")]


def replay(
    kind: Annotated[Kind | None, typer.Option(help="只看一种帮扶")] = None,
    since: Day = None,
    until: Day = None,
    limit: Annotated[int | None, typer.Option(min=1, help="最多多少份")] = None,
) -> None:
    """Make stored decisions again by the versions that they cite, and name every one that comes out otherwise.

    A line for each difference, then the counts as JSON; exit code 1 if anything differs.
    """
    wanted = Wanted(kind, since.date() if since else None, until.date() if until else None, limit)
    with database() as url:
        tally = asyncio.run(_replay(url, wanted))
    sys.stdout.write(json.dumps(asdict(tally)) + "\n")
    raise typer.Exit(1 if tally.different else 0)


async def _replay(url: str, wanted: Wanted) -> Tally:
    tally, pool = Tally(), await open_database(url, "aid_jobs", size=1)
    columns = (TextColumn("重新计算"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=None)
            async with aclosing(replayed(pool, keyring_of(settings()), MODELS, REPLAYERS, wanted)) as pages:
                async for page in pages:
                    progress.update(task, total=page.total, advance=len(page.found))
                    for found in page.found:
                        tally.add(found)
                        if found.differs:
                            what = "、".join(f"{WORDS[code]}（{code}）" for code in found.differs)
                            by = "（当时的程序是另一版）" if found.other_code else ""
                            sys.stdout.write(f"{found.application_id} {found.kind}: {what}{by}\n")
    finally:
        await pool.close()
    return tally
