"""The database of a command, and where commands say what they do."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import typer
from rich.console import Console

from app.db import embedded, migrations
from app.policy.versions import InvalidPolicy
from app.seed.reference import write_reference
from app.settings import settings

console = Console(stderr=True)
"""Words for people; what a program may read goes to standard output."""


@contextmanager
def database(*, migrating: bool = False) -> Iterator[str]:
    """The address of the database: the one that is named, else the embedded one, always migrated.

    A real server is only migrated when asked (`aid migrate`, `aid seed`): several processes start on it at once. The
    embedded one is joined where it runs; a command that had to start it stops it again. The address goes into the
    environment too, for the processes started from here.
    """
    configured = settings()
    folder = configured.data_folder.absolute()
    starting = configured.database_url is None and embedded.running(folder) is None
    url = configured.database_url.get_secret_value() if configured.database_url else embedded.start(folder).dsn()
    try:
        if migrating or configured.database_url is None:
            migrations.upgrade(url)
            _load(url)
        os.environ["AID_DATABASE_URL"] = url
        settings.cache_clear()
        yield url
    finally:
        if starting:
            embedded.stop(folder)


def _load(url: str) -> None:
    """What every database holds. A shipped policy that was edited ends the command, with its name."""
    try:
        asyncio.run(write_reference(url, datetime.now(UTC)))
    except InvalidPolicy as edited:
        console.print(str(edited))
        raise typer.Exit(1) from None
