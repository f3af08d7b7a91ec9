"""A day of messages with whatever can go wrong: each event ends in exactly one state, and nothing is sent twice.

Time is simulated, for us and for WeChat. Longer: AID_DAY_EVENTS=3000 (and AID_DAY_SEED=… to have one again).
"""

import asyncio
import logging
import os
import random
from asyncio import to_thread
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.gateways.wechat import account as calls
from app.gateways.wechat.account import ISSUER
from app.gateways.wechat.breaker import Breaker
from app.gateways.wechat.subscribing import SEND
from app.jobs.running import Jobs
from app.jobs.wechat.sending import send_waiting, settle_old
from app.kernel.ids import new_id
from app.messaging.commands import Told, tell
from app.simulator.codes import openid
from app.wechat.accounts import Accounts
from tests.gateways.steering import APPID, Steering
from tests.make import World, unique
from tests.wechat.test_pushes_handled import handle_all, set_up

EVENTS = int(os.environ.get("AID_DAY_EVENTS", "90"))
SEED = int(os.environ.get("AID_DAY_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
STEPS = 36
STEP = timedelta(hours=24) / STEPS
TERMINAL = {"delivered", "refused", "no_credit", "in_app", "failed", "timed_out"}
NOT_SENT = TERMINAL - {"delivered", "timed_out"}
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    (SEND, {"errcode": -1}),
    (SEND, {"errcode": 45011}),
    (SEND, {"errcode": 43101}),
    (SEND, {"errcode": 47003}),
    (SEND, {"errcode": 43107}),
    (SEND, {"reset": True}),
    (SEND, {"garbage": True}),
    (SEND, {"status": 502}),
    (SEND, {"delay_s": 0.02}),
    (ISSUER, {"status": 503}),
    (ISSUER, {"errcode": 40164}),
)
"""`errcode`, `garbage` and `status` are answered instead of sending; `reset` and `delay_s` spoil the answer of what was
sent."""
log = logging.getLogger(__name__)


@dataclass
class Day:
    """The service, WeChat, and the people of the day."""

    background: Jobs
    accounts: Accounts
    owner: asyncpg.Connection
    steering: Steering
    people: dict[str, Any]
    lot: random.Random
    ahead: timedelta = timedelta()
    titles: dict[str, str] = field(default_factory=dict)
    """Of each event, and to whom it was told."""
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        given = self.background
        self.jobs = Jobs(
            given.database, given.keyring, given.calendar, given.policies, given.files,
            clock=lambda: datetime.now(UTC) + self.ahead,
        )  # fmt: skip
        self.accounts.miniprogram.breaker = Breaker(clock=lambda: self.ahead.total_seconds())

    async def goes_on(self, by: timedelta) -> None:
        self.ahead += by
        await to_thread(self.steering.post, "clock", {"advance_s": by.total_seconds()})

    async def pushes_go(self, **faults: Any) -> None:
        """Pushes are signed with the time of the callbacks' clock, which stands in the real day."""
        skew = {"skew_s": -int(self.ahead.total_seconds())}
        await to_thread(self.steering.post, "pushes/faults", skew | faults)

    async def choose(self, name: str, choice: str) -> None:
        wish = {"appid": APPID, "name": name, "templates": {"sim-progress": choice}}
        await to_thread(self.steering.post, "choices", wish)

    async def happens(self) -> None:
        """Something to tell somebody, in a transaction of its own."""
        title, name = f"第{len(self.titles) + 1}件", self.lot.choice(list(self.people))
        self.titles[title] = name
        told = Told(self.people[name], unique(), "application", title, "x。", "application", new_id())
        async with self.jobs.work() as work:
            await tell(work, [told])

    async def something_breaks(self) -> None:
        if self.lot.random() < 0.45:
            path, fault = self.lot.choice(FAULTS)
            self.faults[f"{path.rsplit('/', 1)[-1]} {fault}"] += 1
            await to_thread(self.steering.post, "faults", {path: fault | {"times": self.lot.randint(1, 4)}})
        if self.lot.random() < 0.1:
            await to_thread(self.steering.post, self.lot.choice(("tokens/revoke", "tokens/expire")))
        if self.lot.random() < 0.02:
            self.faults["quota"] += 1
            await to_thread(self.steering.post, "faults", {SEND: {"errcode": 45009, "times": 1}})
        await self.pushes_go(copies=self.lot.choice((1, 1, 1, 2)), hold=self.lot.random() < 0.15)

    async def workers_run(self) -> None:
        """Two of them; now and then one dies, wherever it just is."""
        running = [asyncio.create_task(self._worker()) for _ in range(2)]
        if self.lot.random() < 0.4:
            self.kills += 1
            await asyncio.sleep(self.lot.random() * 0.04)
            running[0].cancel()
        ended = await asyncio.gather(*running, return_exceptions=True)
        broken = [each for each in ended if isinstance(each, Exception)]
        assert not broken, broken
        await settle_old(self.jobs)

    async def _worker(self) -> None:
        while await send_waiting(self.jobs, self.accounts, most=8):
            pass

    async def wechat_is_heard(self) -> None:
        await to_thread(self.steering.http.get, "/_sim/pushes")
        await handle_all(self.jobs, self.owner)

    async def over(self) -> None:
        """Nothing breaks any more, and four days pass."""
        await to_thread(self.steering.post, "faults", dict.fromkeys((SEND, ISSUER)))
        await self.pushes_go()
        await to_thread(self.steering.post, "pushes/release")
        for hours in (0, 2, 12, 12, 24, 24, 1):
            await self.goes_on(timedelta(hours=hours))
            await self.pushes_go()
            await self.workers_run()
            await self.wechat_is_heard()

    async def states(self) -> dict[str, str]:
        rows = await self.owner.fetch(
            "select m.title, s.state from message m join message_sending s on s.message_id = m.id "
            "where m.person_id = any($1)",
            list(self.people.values()),
        )
        assert len(rows) == len({row["title"] for row in rows})
        return {row["title"]: row["state"] for row in rows}

    async def received(self) -> Counter[str]:
        """As WeChat has it: how often each was sent."""
        answer = await to_thread(self.steering.http.get, "/_sim/sent")
        return Counter(item["data"]["thing1"] for item in answer.json()["items"])


@pytest.fixture
async def day(
    background: Jobs,
    accounts: Accounts,
    owner: asyncpg.Connection,
    steering: Steering,
    world: World,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Day:
    await owner.execute(
        "update message_sending set state = 'in_app' where state in ('queued','sending','sent','unknown')"
    )
    await owner.execute("update wechat_push set handled_at = now() where handled_at is null")
    await owner.execute("update wechat_pause set ended_at = now() where ended_at is null")
    await owner.execute("delete from wechat_token")
    monkeypatch.setattr(calls, "_PAUSES_S", (0.001, 0.002))
    people = {}
    for _ in range(max(8, EVENTS // 25)):
        name, person = unique("d-"), await world.person()
        sealed = world.keyring.seal_text("person.openid", person.id, openid(APPID, name))
        index = world.keyring.blind_index("person.openid", openid(APPID, name))
        await owner.execute("update person set openid = $2, openid_index = $3 where id = $1", person.id, sealed, index)
        people[name] = person.id
    await set_up(steering, address)
    return Day(background, accounts, owner, steering, people, random.Random(SEED))


async def test_of_a_day_of_faults_each_event_ends_once_and_nothing_is_sent_twice(day: Day) -> None:
    for step in range(STEPS):
        await day.goes_on(STEP)
        await day.something_breaks()
        for name in day.people:
            if day.lot.random() < 0.25:
                await day.choose(name, "settings_reject" if day.lot.random() < 0.08 else "accept")
        await day.wechat_is_heard()
        while len(day.titles) < EVENTS * (step + 1) / STEPS:
            await day.happens()
        await day.workers_run()
        await day.wechat_is_heard()
        if day.lot.random() < 0.3:
            await to_thread(day.steering.post, "pushes/release")
    await day.over()

    states, received = await day.states(), await day.received()
    said = f"seed {SEED}: {len(states)} events, {day.kills} kills, {sum(day.faults.values())} faults, "
    log.warning("%s%s", said, dict(Counter(states.values())))
    assert set(states) == set(day.titles), f"{said} none is lost"
    assert set(states.values()) <= TERMINAL, f"{said} {Counter(states.values())}"
    assert all(count == 1 for count in received.values()), f"{said} none goes twice"
    unsent = {title for title, state in states.items() if state in NOT_SENT}
    assert not unsent & set(received), f"{said} what is said not to have gone has not"
    for name in day.people:
        titles = {title for title, whose in day.titles.items() if whose == name}
        delivered = sum(states[title] == "delivered" for title in titles)
        assert delivered <= len(titles & set(received)), f"{said} nothing is said to have come that was not sent"
    assert received, said
