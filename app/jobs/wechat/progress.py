"""How many messages were sent and how many wait, said in the log every ten seconds as long as there is something."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog
from prometheus_client import Gauge

from app.jobs.running import Jobs
from app.wechat.sending_commands import on_their_way

log = structlog.get_logger("aid.wechat")
WAITING: Final = Gauge("aid_wechat_waiting", "Messages that are not settled, by state", ["state"])
SAID_EVERY_S: Final = 10.0


@dataclass(slots=True)
class Progress:
    """What the lanes of one process have sent since it was last said."""

    clock: Callable[[], float] = time.monotonic
    since: float = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        self.since = self.clock()

    async def note(self, jobs: Jobs, count: int) -> None:
        """So many more were looked at."""
        now = self.clock()
        if self.count == 0:
            self.since = max(self.since, now - SAID_EVERY_S) if count else now
        self.count += count
        if self.count == 0 or now - self.since < SAID_EVERY_S:
            return
        seconds, count, self.since, self.count = now - self.since, self.count, now, 0
        async with jobs.work() as work:
            rows = await on_their_way(work.transaction)
        waiting = {row["state"]: row["count"] for row in rows}
        for state in ("queued", "sending", "sent", "unknown"):
            WAITING.labels(state).set(waiting.get(state, 0))
        log.info("wechat_messages", count=count, per_s=round(count / seconds), waiting=waiting.get("queued", 0))
