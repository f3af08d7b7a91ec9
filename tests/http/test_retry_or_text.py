"""A message goes again by WeChat, or as a text message, never both: whoever has it in hand first. And texting stops."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.gateways.sms import TextGateway
from app.jobs.running import Jobs
from app.jobs.texting import text_people
from app.kernel.ids import new_id
from app.messaging.commands import Told, tell
from app.people.commands import PHONE
from app.programmes import shipped
from app.reaching.policy import TextMessages
from app.reaching.text_commands import AT_ONCE, claim_texts, queue_texts
from tests.calling import post
from tests.gateways.steering import Steering
from tests.http.refusals import refused
from tests.make import Someone, Town, World, unique

SMS = "/sms/send"
(*_, POLICY) = shipped().of("text_messages", TextMessages)
CONTESTS = 6


@pytest.fixture
async def gateway(simulator: str) -> AsyncIterator[TextGateway]:
    found = TextGateway(f"{simulator}{SMS}", "a-key", total_s=5.0)
    yield found
    await found.aclose()


@pytest.fixture
async def late(background: Jobs, owner: asyncpg.Connection) -> Jobs:
    """The jobs at the time at which text messages are due."""
    await owner.execute("update message_sending set told_at = now() where told_at is null")
    await owner.execute("update text_message set state = 'lapsed' where state in ('queued', 'sending')")
    ahead = timedelta(hours=POLICY.after_hours, minutes=1)
    return replace(background, clock=lambda: datetime.now(UTC) + ahead)


async def unreached(
    background: Jobs, owner: asyncpg.Connection, world: World, town: Town, messages: int = 1
) -> tuple[Someone, list[UUID]]:
    """Somebody with messages that WeChat did not bring; the ids of their ways."""
    person = await world.person(home=town.units[0])
    sealed = world.keyring.seal_text(PHONE, person.id, "13800001234")
    await owner.execute("update person set phone = $2 where id = $1", person.id, sealed)
    async with background.work() as work:
        kind, title = "supplement_asked", "需要补充材料"
        ids = [new_id() for _ in range(messages)]
        await tell(work, [Told(person.id, unique(), kind, title, "请补充材料。", "application", each) for each in ids])
    rows = await owner.fetch(
        "update message_sending set state = 'no_credit' where person_id = $1 returning id", person.id
    )
    return person, [row["id"] for row in rows]


async def queued(late: Jobs) -> None:
    async with late.work() as work:
        assert await queue_texts(work, POLICY) > 0


async def text_states(owner: asyncpg.Connection, person: Someone) -> list[str]:
    rows = await owner.fetch("select state from text_message where person_id = $1 order by state", person.id)
    return [row["state"] for row in rows]


async def test_while_somebody_sends_it_again_no_text_goes_and_then_none_is_needed(
    background: Jobs, late: Jobs, gateway: TextGateway, owner: asyncpg.Connection, world: World, town: Town,
    steering: Steering,
) -> None:  # fmt: skip
    person, (sending,) = await unreached(background, owner, world, town)
    await queued(late)
    async with owner.transaction():
        await owner.execute("select from message_sending where id = $1 for update", sending)
        await owner.execute("update message_sending set state = 'queued' where id = $1", sending)
        await text_people(late, gateway, asyncio.Event())
        assert await text_states(owner, person) == ["queued"]
    await text_people(late, gateway, asyncio.Event())
    assert await text_states(owner, person) == ["lapsed"]
    assert steering.calls(SMS) == 0


async def test_what_is_just_going_as_a_text_is_not_sent_again(
    client: httpx.AsyncClient, background: Jobs, late: Jobs, owner: asyncpg.Connection, world: World, town: Town,
    clerk: Someone,
) -> None:  # fmt: skip
    _, (sending,) = await unreached(background, owner, world, town)
    await queued(late)
    async with late.work() as work:
        _, claimed = await claim_texts(work)
        asking = asyncio.create_task(post(client, clerk, f"/staff/deliveries/{sending}/retry"))
        await asyncio.sleep(0.3)
    assert len(claimed) == 1
    refused(await asking, 409, "cannot_be_sent_again")


async def test_of_both_at_once_each_message_goes_one_way(
    client: httpx.AsyncClient, background: Jobs, late: Jobs, gateway: TextGateway, owner: asyncpg.Connection,
    world: World, town: Town, clerk: Someone, steering: Steering,
) -> None:  # fmt: skip
    person, sendings = await unreached(background, owner, world, town, CONTESTS)
    await queued(late)
    *answers, _ = await asyncio.gather(
        *(post(client, clerk, f"/staff/deliveries/{each}/retry") for each in sendings),
        text_people(late, gateway, asyncio.Event()),
    )
    await text_people(late, gateway, asyncio.Event())
    again = sum(each.status_code == 200 for each in answers if isinstance(each, httpx.Response))
    states = await text_states(owner, person)
    assert states == ["lapsed"] * again + ["sent"] * (CONTESTS - again)
    assert steering.calls(SMS) == CONTESTS - again


async def test_a_process_that_is_to_stop_ends_with_the_batch_in_hand(
    background: Jobs, late: Jobs, gateway: TextGateway, owner: asyncpg.Connection, world: World, town: Town,
    steering: Steering,
) -> None:  # fmt: skip
    person, _ = await unreached(background, owner, world, town, 2 * AT_ONCE + 1)
    steering.spoil(SMS, delay_s=0.3)
    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, stopping.set)
    await text_people(late, gateway, stopping)
    states = await text_states(owner, person)
    assert states == ["queued"] * (AT_ONCE + 1) + ["sent"] * AT_ONCE
    assert await text_people(late, gateway, stopping) == 0
