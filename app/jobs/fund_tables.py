"""Drawing the fund table that somebody asked for as an export, with what they may see at that moment."""

import asyncio
from pathlib import Path
from typing import Final
from uuid import UUID

import app.documents as documents
from app.applications.path import Kind
from app.bulk import job_commands as commands
from app.db.scope import post_over
from app.db.transaction import Record, Sight
from app.documents.printing import Press
from app.jobs.imports import sheets
from app.jobs.running import Jobs
from app.kernel.actor import Actor, Permission, nodes_of
from app.organisations.queries import organisation
from app.supervision.disclosure import disclosure_on
from app.supervision.figures_queries import Asked, figures
from app.supervision.fund_table import fund_table, period_of

FORM: Final = "fund_table"
DRAWING_SECONDS: Final = 120.0
READ_PERCENT: Final = 40
PAPER: Final = Path(documents.__file__).with_name("paper.typ")


async def draw(jobs: Jobs, row: Record, actor: Actor, banner: str) -> int:
    """Into the store; answers how many rows. Whose post over the union has ended gets nothing. Raises NotPrinted."""
    wanted = row["wanted"]
    period = period_of(wanted["year"], wanted["quarter"])
    async with jobs.work() as work:
        union = await organisation(work.transaction, UUID(wanted["organisation_id"]))
        if post_over(actor, Permission.READ_FUNDS, union) is None:
            return 0
        kind = Kind(wanted["kind"]) if wanted["kind"] else None
        asked = Asked(union["id"], period.first, period.before, wanted["source"], kind)
        seen = tuple(node.organisation_id for node in nodes_of(post.place for post in actor.posts if post.reaches))
        async with work.transaction.seen_by(Sight("staff", actor.person_id, seen)):
            found = await figures(work, asked)
        await commands.advance_export(work, row["id"], READ_PERCENT)
        now, today = work.now, work.today
    paper = await asyncio.to_thread(fund_table, union["name"], period, found, disclosure_on(today), today)
    paper["foot"] = f"{paper['foot']}　　{banner}"
    press = Press(DRAWING_SECONDS)
    try:
        drawn = await (press.pdf(PAPER, paper, now) if wanted["format"] == "pdf" else press.xlsx(paper, now))
    finally:
        await press.close()
    await sheets(jobs.files).put(row["id"], drawn)
    return len(found.rows)
