"""The names that an article must not hold, as keyed hashes: of every account and every household file, as they are now.
The keys are no migration's to use, and names are sealed: so they are gathered here."""

from typing import Any

from app.articles.canaries import plain_name
from app.articles.gate import KNOWN
from app.articles.name_commands import SIZE, Noted, keep_names, unnoted_households, unnoted_people
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.db.work import Work
from app.households.queries import FORM
from app.jobs.running import Jobs
from app.people.commands import NAME


async def note_all_names(jobs: Jobs) -> int:
    """All that are new or have changed, batch by batch, each in a transaction of its own; how many files and accounts.

    Safe to run twice, at once, or to be stopped.
    """
    count = 0
    for batch in (_note_people, _note_households):
        noted = SIZE
        while noted == SIZE:
            async with jobs.work() as work:
                noted = await batch(work)
            count += noted
    return count


async def _note_people(work: Work) -> int:
    rows = await unnoted_people(work)
    names = [[work.keyring.open_text(NAME, row["id"], row["name"])] for row in rows]
    return await _keep(work, rows, names)


async def _note_households(work: Work) -> int:
    rows = await unnoted_households(work)
    return await _keep(work, rows, [names_in(work.keyring, row) for row in rows])


async def _keep(work: Work, rows: list[Record], names: list[list[str]]) -> int:
    noted = [
        Noted(row["id"], row["version"], [work.keyring.blind_index(KNOWN, each) for each in sorted(_plain(named))])
        for row, named in zip(rows, names, strict=True)
    ]
    await keep_names(work, noted)
    return len(rows)


def _plain(names: list[str]) -> set[str]:
    return {plain for name in names if (plain := plain_name(name))}


def names_in(keyring: Keyring, row: Record) -> list[str]:
    """Everybody whom a household file names."""
    form: dict[str, Any] = keyring.open_document(FORM, row["id"], row["form"])
    people = [form.get("head") or {}, *(form.get("members") or [])]
    return [name for person in people if isinstance(name := person.get("name"), str) and name]
