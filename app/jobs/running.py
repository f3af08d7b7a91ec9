"""What the jobs of one process work with."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from app.calendars.queries import KeptCalendar
from app.db.database import Database
from app.db.sealing import Keyring
from app.db.transaction import Sight
from app.db.work import Work
from app.files.store import FileStore
from app.policies.queries import KeptPolicies


def the_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Jobs:
    """The database under the jobs' role, the keys, the files, and what is kept of calendar and policies."""

    database: Database
    keyring: Keyring
    calendar: KeptCalendar
    policies: KeptPolicies
    files: FileStore
    clock: Callable[[], datetime] = the_clock
    """What time it is; a rehearsal of many hours has one of its own."""

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """One transaction of a job, with what a use case works with."""
        days, policies = await self.calendar.get(), await self.policies.get()
        async with self.database.begin(Sight("job")) as transaction:
            yield Work(transaction, self.keyring, days, self.clock(), policies)
