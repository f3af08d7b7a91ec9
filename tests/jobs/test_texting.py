"""Text messages: off without a gateway, once for a message, only of the kinds that policy names, and never twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from pydantic import ValidationError

from app.gateways.sms import TextBusy, TextGateway, TextLost, TextRefused
from app.jobs.running import Jobs
from app.jobs.texting import text_people
from app.kernel.ids import new_id
from app.messaging.commands import Told, tell
from app.people.commands import PHONE
from app.programmes import shipped
from app.reaching.policy import TextMessages
from app.settings import Settings
from app.simulator.texts import REFUSED
from tests.gateways.steering import Steering, told
from tests.make import Someone, World, unique

PATH = "/sms/send"
(*_, POLICY) = shipped().of("text_messages", TextMessages)
LATER = timedelta(hours=POLICY.after_hours, minutes=1)
NUMBER = "13800001234"
GOES_ON = asyncio.Event()


@pytest.fixture
async def gateway(simulator: str) -> AsyncIterator[TextGateway]:
    found = TextGateway(f"{simulator}{PATH}", "a-key", total_s=1.0)
    yield found
    await found.aclose()


class Late:
    """The jobs so much later than now."""

    def __init__(self, jobs: Jobs) -> None:
        self.ahead = LATER
        self.jobs = Jobs(
            jobs.database, jobs.keyring, jobs.calendar, jobs.policies, jobs.files,
            clock=lambda: datetime.now(UTC) + self.ahead,
        )  # fmt: skip


@pytest.fixture
async def late(background: Jobs, owner: asyncpg.Connection) -> Late:
    await owner.execute("update message_sending set told_at = now() where told_at is null")
    await owner.execute("update text_message set state = 'lapsed' where state in ('queued', 'sending')")
    return Late(background)


async def unreached(
    background: Jobs,
    owner: asyncpg.Connection,
    world: World,
    *,
    state: str = "no_credit",
    kind: str = "supplement_asked",
    number: str | None = NUMBER,
) -> Someone:
    person = await world.person()
    if number is not None:
        sealed = world.keyring.seal_text(PHONE, person.id, number)
        await owner.execute("update person set phone = $2 where id = $1", person.id, sealed)
    message = Told(person.id, unique(), kind, "需要补充材料", "请补充材料。", "application", new_id())
    async with background.work() as work:
        await tell(work, [message])
    await owner.execute("update message_sending set state = $2 where person_id = $1", person.id, state)
    return person


def texts(steering: Steering) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = steering.http.get("/_sim/texts").json()["items"]
    return items


async def state_of(owner: asyncpg.Connection, person: Someone) -> str | None:
    state: str | None = await owner.fetchval("select state from text_message where person_id = $1", person.id)
    return state


async def test_who_was_not_reached_and_has_not_looked_gets_one_text_that_says_nothing_of_the_case(
    background: Jobs, late: Late, gateway: TextGateway, owner: asyncpg.Connection, world: World, steering: Steering
) -> None:
    person = await unreached(background, owner, world)
    late.ahead = LATER - timedelta(minutes=2)
    assert await text_people(late.jobs, gateway, GOES_ON) == 0, "not before its time"
    late.ahead = LATER

    await asyncio.gather(*(text_people(late.jobs, gateway, GOES_ON) for _ in range(3)))
    await text_people(late.jobs, gateway, GOES_ON)

    (text,) = texts(steering)
    assert (text["phone"], text["text"]) == (NUMBER, POLICY.text)
    assert not any(word in text["text"] for word in ("补充", "陈", "元", "病"))
    assert await state_of(owner, person) == "sent"


@pytest.mark.parametrize("state", ["queued", "sending", "sent", "delivered", "unknown"])
async def test_what_may_have_arrived_is_not_said_twice(
    background: Jobs,
    late: Late,
    gateway: TextGateway,
    owner: asyncpg.Connection,
    world: World,
    steering: Steering,
    state: str,
) -> None:
    await unreached(background, owner, world, state=state)
    await text_people(late.jobs, gateway, GOES_ON)
    assert texts(steering) == []


async def test_other_kinds_people_without_a_number_readers_and_what_is_old_get_none(
    background: Jobs, late: Late, gateway: TextGateway, owner: asyncpg.Connection, world: World, steering: Steering
) -> None:
    await unreached(background, owner, world, kind="application")
    await unreached(background, owner, world, number=None)
    reader = await unreached(background, owner, world)
    await owner.execute("update message set read_at = now() where person_id = $1", reader.id)
    by_phone = await unreached(background, owner, world)
    await owner.execute("update message_sending set told_at = now() where person_id = $1", by_phone.id)
    gone = await unreached(background, owner, world)
    await owner.execute("update person set closed_at = now() where id = $1", gone.id)

    await text_people(late.jobs, gateway, GOES_ON)
    late.ahead = timedelta(hours=73)
    await unreached(background, owner, world)
    await text_people(late.jobs, gateway, GOES_ON)

    assert texts(steering) == []


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ({"reset": True}, "unknown"),
        ({"garbage": True}, "unknown"),
        ({"status": 502}, "unknown"),
        ({"delay_s": 3}, "unknown"),
        ({"garbage": '{"accepted": "yes"}'}, "unknown"),
        ({"garbage": '{"accepted": false}'}, "refused"),
        ({"status": 429}, "queued"),
    ],
)
async def test_a_lost_answer_is_never_asked_again_and_a_busy_gateway_is(
    background: Jobs,
    late: Late,
    gateway: TextGateway,
    owner: asyncpg.Connection,
    world: World,
    steering: Steering,
    fault: dict[str, Any],
    state: str,
) -> None:
    person = await unreached(background, owner, world)
    steering.spoil(PATH, **fault, times=1)

    await text_people(late.jobs, gateway, GOES_ON)
    assert await state_of(owner, person) == state
    late.ahead += timedelta(minutes=5)
    await text_people(late.jobs, gateway, GOES_ON)

    assert steering.calls(PATH) == (2 if state == "queued" else 1)
    assert await state_of(owner, person) == ("sent" if state == "queued" else state)


async def test_what_a_dead_process_was_sending_is_unknown(
    background: Jobs, late: Late, gateway: TextGateway, owner: asyncpg.Connection, world: World, steering: Steering
) -> None:
    person = await unreached(background, owner, world)
    steering.spoil(PATH, delay_s=1.5)
    dying = asyncio.create_task(text_people(late.jobs, gateway, GOES_ON))
    await asyncio.sleep(0.5)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await state_of(owner, person) == "sending"
    steering.post("faults", {PATH: None})

    late.ahead += timedelta(minutes=5)
    await text_people(late.jobs, gateway, GOES_ON)

    assert await state_of(owner, person) == "unknown"
    assert steering.calls(PATH) == 1


async def test_a_gateway_that_is_away_or_refuses_says_so_without_the_number(
    simulator: str, gateway: TextGateway, steering: Steering
) -> None:
    away = TextGateway("http://127.0.0.1:9/sms/send", "a-key")
    try:
        with pytest.raises(TextBusy) as lost:
            await away.send(NUMBER, "x", "1")
    finally:
        await away.aclose()
    assert NUMBER not in told(lost.value)
    with pytest.raises(TextRefused):
        await gateway.send(REFUSED, "x", "2")
    steering.spoil(PATH, garbage="x" * 20_000)
    with pytest.raises(TextLost) as long:
        await gateway.send(NUMBER, "x", "3")
    assert NUMBER not in told(long.value)


def test_without_a_setting_there_is_none_and_it_goes_by_tls() -> None:
    assert Settings(env="test").sms_url == ""
    assert Settings(env="test", sms_url="https://sms.example/send").sms_url
    for wrong in ("http://sms.example/send", "ftp://x", "http://127.0.0.1.example/x"):
        with pytest.raises(ValidationError, match="AID_SMS_URL"):
            Settings(env="test", sms_url=wrong)
