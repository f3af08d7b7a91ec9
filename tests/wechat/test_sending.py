"""Messages on their way to WeChat: each at most once, and how it ends is known (W01, W02, W04, W05, W07, W12)."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.gateways.wechat.account import ISSUER
from app.gateways.wechat.breaker import Breaker
from app.gateways.wechat.subscribing import SEND
from app.jobs.running import Jobs
from app.jobs.wechat.sending import send_waiting, settle_old
from app.kernel.ids import new_id
from app.messaging.commands import Told, tell
from app.simulator.codes import openid
from app.wechat.accounts import Accounts
from app.wechat.pause_commands import next_midnight
from tests.calling import bearer, sign_in
from tests.gateways.steering import APPID, Steering
from tests.make import Someone, World, unique
from tests.wechat.pushed import event, popup, push
from tests.wechat.test_pushes_handled import handle_all


async def send_all(background: Jobs, accounts: Accounts) -> int:
    """As the worker does, until nothing is due: how many were looked at."""
    seen = 0
    while batch := await send_waiting(background, accounts):
        seen += batch
    return seen


@pytest.fixture(autouse=True)
async def nothing_waits(owner: asyncpg.Connection) -> None:
    """Other tests told people things that nobody sent."""
    await owner.execute("update message_sending set state = 'in_app' where state in ('queued', 'sending')")
    await owner.execute("update wechat_push set handled_at = now() where handled_at is null")
    await owner.execute("update wechat_pause set ended_at = now() where ended_at is null")
    await owner.execute("delete from wechat_token")


class Somebody:
    """A person who signed in, what they allowed, and what they are told."""

    def __init__(self, background: Jobs, owner: asyncpg.Connection, steering: Steering, person_id: UUID, name: str):
        self.background, self.owner, self.steering = background, owner, steering
        self.person_id, self.name, self.openid = person_id, name, openid(APPID, name)
        self.consents = 0

    async def allows(self, callbacks: httpx.AsyncClient, template: str = "sim-progress") -> None:
        """In WeChat, whose event tells us."""
        self.steering.post("choices", {"appid": APPID, "name": self.name, "templates": {template: "accept"}})
        self.consents += 1  # two in the same second would be one that WeChat repeats
        await push(callbacks, popup(self.openid, "accept", template, int(time.time()) - 100 + self.consents))
        assert await handle_all(self.background, self.owner) == ["done"]

    async def is_told(self, title: str = "申请已经通过", kind: str = "application", once: str | None = None) -> None:
        told = Told(
            self.person_id, once or unique(), kind, title, "您的住院二次医保申请已经通过。", "application", new_id()
        )
        async with self.background.work() as work:
            await tell(work, [told])

    async def states(self) -> list[str]:
        rows = await self.owner.fetch(
            "select state from message_sending where person_id = $1 order by created_at, id", self.person_id
        )
        return [row["state"] for row in rows]

    async def grants(self) -> list[bool]:
        """Of each, whether it is still open."""
        rows = await self.owner.fetch(
            "select used_at is null and revoked_at is null as open from wechat_grant where person_id = $1 order by id",
            self.person_id,
        )
        return [row["open"] for row in rows]

    def received(self) -> list[dict[str, str]]:
        items = self.steering.http.get("/_sim/sent", params={"name": self.name}).json()["items"]
        return [item["data"] for item in items]

    async def due_now(self) -> None:
        await self.owner.execute("update message_sending set due_at = now() where person_id = $1", self.person_id)


@pytest.fixture
async def somebody(
    client: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, steering: Steering
) -> Somebody:
    name = unique("s-")
    session = await sign_in(client, name)
    assert bearer(session)
    return Somebody(background, owner, steering, UUID(session.json()["person"]["id"]), name)


async def test_a_message_goes_to_wechat_with_its_title_and_nothing_of_the_case(
    callbacks: httpx.AsyncClient, background: Jobs, accounts: Accounts, owner: asyncpg.Connection, somebody: Somebody
) -> None:
    await somebody.allows(callbacks)
    await somebody.is_told()
    assert await somebody.states() == ["queued"]

    assert await send_all(background, accounts) == 1

    assert await somebody.states() == ["sent"]
    (data,) = somebody.received()
    assert (data["thing1"], data["thing3"]) == ("申请已经通过", "办理有新的进展，请打开小程序查看")
    assert not any(word in str(data) for word in ("医保", "住院", "元", "¥"))
    reference = await owner.fetchval("select reference from message_sending where person_id = $1", somebody.person_id)
    said = {"TemplateId": "sim-progress", "MsgID": reference, "ErrorCode": "0", "ErrorStatus": "success"}
    for _ in range(2):
        await push(callbacks, event("subscribe_msg_sent_event", somebody.openid, List=[said]))
    assert await handle_all(background, owner) == ["done"]
    assert await somebody.states() == ["delivered"]
    assert await somebody.grants() == [False]


async def test_what_is_told_twice_goes_once_and_of_many_senders_one_sends_it(
    callbacks: httpx.AsyncClient, background: Jobs, accounts: Accounts, somebody: Somebody
) -> None:
    await somebody.allows(callbacks)
    await somebody.allows(callbacks)
    for _ in range(2):
        await somebody.is_told(once="application:1:approve")

    await asyncio.gather(*(send_waiting(background, accounts) for _ in range(3)))

    assert await somebody.states() == ["sent"]
    assert len(somebody.received()) == 1


async def test_without_a_subscription_it_stays_in_the_app(
    client: httpx.AsyncClient, background: Jobs, accounts: Accounts, steering: Steering, somebody: Somebody
) -> None:
    await somebody.is_told()
    await somebody.is_told(kind="unheard_of")

    await send_all(background, accounts)

    assert await somebody.states() == ["no_credit", "in_app"]
    assert steering.calls(SEND) == 0


async def test_who_has_no_wechat_is_told_in_the_app_alone(
    background: Jobs, accounts: Accounts, owner: asyncpg.Connection, steering: Steering, world: World
) -> None:
    person = await world.person()
    await owner.execute("update person set openid = null, openid_index = null where id = $1", person.id)
    paper = Somebody(background, owner, steering, person.id, "nobody")
    await paper.is_told()

    await send_all(background, accounts)

    assert await paper.states() == ["in_app"]


@pytest.mark.parametrize("errcode", [43101, 43004])
async def test_a_refusal_is_the_end_and_the_ledger_knows(
    callbacks: httpx.AsyncClient,
    background: Jobs,
    accounts: Accounts,
    steering: Steering,
    somebody: Somebody,
    errcode: int,
) -> None:
    for _ in range(2):
        await somebody.allows(callbacks)
    await somebody.is_told()
    steering.spoil(SEND, errcode=errcode)

    await send_all(background, accounts)
    await somebody.due_now()
    await send_all(background, accounts)

    assert await somebody.states() == ["refused"]
    assert await somebody.grants() == [False, False]
    assert steering.calls(SEND) == 1


@pytest.mark.parametrize("fault", [{"reset": True}, {"garbage": True}, {"garbage": '{"errcode":"0"}'}, {"status": 502}])
async def test_a_lost_answer_is_unknown_never_sent_again_and_settled_by_the_event(
    callbacks: httpx.AsyncClient,
    background: Jobs,
    accounts: Accounts,
    owner: asyncpg.Connection,
    steering: Steering,
    somebody: Somebody,
    fault: dict[str, object],
) -> None:
    for _ in range(2):
        await somebody.allows(callbacks)
    await somebody.is_told()
    steering.spoil(SEND, **fault, times=1)

    await send_all(background, accounts)
    await somebody.due_now()
    await send_all(background, accounts)

    assert await somebody.states() == ["unknown"]
    assert steering.calls(SEND) == 1
    said = {"TemplateId": "sim-progress", "MsgID": unique("9"), "ErrorCode": "0", "ErrorStatus": "success"}
    await push(callbacks, event("subscribe_msg_sent_event", somebody.openid, List=said))
    assert await handle_all(background, owner) == ["done"]
    assert await somebody.states() == ["delivered"]


async def test_while_wechat_is_away_messages_wait_longer_and_longer_and_then_go(
    callbacks: httpx.AsyncClient,
    background: Jobs,
    accounts: Accounts,
    owner: asyncpg.Connection,
    steering: Steering,
    somebody: Somebody,
) -> None:
    await somebody.allows(callbacks)
    await somebody.is_told()
    steering.spoil(ISSUER, status=503)
    accounts.miniprogram.breaker = Breaker(most=2)
    waits = []
    for _ in range(4):
        await somebody.due_now()
        await send_all(background, accounts)
        row = await owner.fetchrow(
            "select due_at - moved_at as wait, state from message_sending where person_id = $1", somebody.person_id
        )
        assert row is not None
        assert row["state"] == "queued"
        waits.append(row["wait"].total_seconds())
    for wait, usual in zip(waits, (5, 10, 20, 40), strict=True):
        assert 0.75 * usual <= wait <= 1.25 * usual
    assert steering.calls(ISSUER) == 6, "three times each, and from the third message on nobody asks"
    assert await somebody.grants() == [True]

    steering.post("faults", {ISSUER: None})
    accounts.miniprogram.breaker = Breaker()
    await somebody.due_now()
    await send_all(background, accounts)
    assert await somebody.states() == ["sent"]


async def test_a_server_that_drips_holds_a_message_up_for_five_seconds_and_nothing_else(
    callbacks: httpx.AsyncClient, background: Jobs, accounts: Accounts, steering: Steering, somebody: Somebody
) -> None:
    await somebody.allows(callbacks)
    await somebody.is_told()
    accounts.miniprogram.total_s = 2
    await accounts.miniprogram.access_token()
    steering.spoil(SEND, drip=0.2)

    sending = asyncio.create_task(send_waiting(background, accounts))
    await asyncio.sleep(0.1)
    await somebody.is_told()  # the case goes on meanwhile
    assert not sending.done()
    await sending

    assert await somebody.states() in (["unknown", "queued"], ["unknown", "no_credit"])


async def test_a_spent_quota_waits_for_midnight_and_is_said_once(
    client: httpx.AsyncClient,
    clerk: Someone,
    callbacks: httpx.AsyncClient,
    background: Jobs,
    accounts: Accounts,
    owner: asyncpg.Connection,
    steering: Steering,
    somebody: Somebody,
) -> None:
    for _ in range(3):
        await somebody.allows(callbacks)
        await somebody.is_told()
    steering.spoil(SEND, errcode=45009)
    for _ in range(5):
        await send_all(background, accounts)
        await somebody.due_now()

    assert steering.calls(SEND) == 1, "nobody asks again before midnight"
    assert await somebody.states() == ["queued"] * 3
    assert await somebody.grants() == [True] * 3
    until = await owner.fetchval("select until from wechat_pause where ended_at is null")
    assert until == next_midnight(datetime.now(UTC))
    assert steering.calls("/cgi-bin/clear_quota") == 0
    (banner,) = (await client.get("/staff/wechat", headers=clerk.headers)).json()["paused"]
    assert (banner["account"], banner["call"], banner["kind"]) == ("miniprogram", SEND, "quota")

    steering.post("faults", {SEND: None})
    await owner.execute("update wechat_pause set until = now() where ended_at is null")
    await somebody.due_now()
    await send_all(background, accounts)
    assert await somebody.states() == ["sent"] * 3
    assert await owner.fetchval("select count(*) from wechat_pause where ended_at is null") == 0


@pytest.mark.parametrize(("path", "errcode"), [(ISSUER, 40125), (ISSUER, 40013), (SEND, 43107), (SEND, 40037)])
async def test_what_only_an_operator_can_put_right_pages_them_once(
    callbacks: httpx.AsyncClient,
    background: Jobs,
    accounts: Accounts,
    owner: asyncpg.Connection,
    steering: Steering,
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    errcode: int,
) -> None:
    said: list[str] = []
    monkeypatch.setattr("app.jobs.wechat.sending.log.error", lambda what, **_: said.append(what))
    for _ in range(3):
        await somebody.allows(callbacks)
        await somebody.is_told()
    steering.spoil(path, errcode=errcode)
    for _ in range(4):
        await send_all(background, accounts)
        await owner.execute("update wechat_pause set until = now() where ended_at is null")  # a quarter of an hour on
        await somebody.due_now()

    assert said == ["wechat_paused"], "ten tries are one call to a person"
    assert await somebody.states() == ["queued"] * 3
    pauses = await owner.fetch("select kind, errcode from wechat_pause where ended_at is null")
    assert [tuple(each) for each in pauses] == [("operator", errcode)]


async def test_a_value_that_wechat_refuses_is_refused_for_good(
    callbacks: httpx.AsyncClient, background: Jobs, accounts: Accounts, steering: Steering, somebody: Somebody
) -> None:
    for _ in range(2):
        await somebody.allows(callbacks)
    await somebody.is_told("😀")
    await somebody.is_told()
    steering.spoil(SEND, errcode=47003)

    await send_all(background, accounts)

    assert await somebody.states() == ["failed", "failed"]
    assert steering.calls(SEND) == 1, "what cannot be made to fit is not even sent"


async def test_what_a_dead_process_was_sending_is_unknown_and_what_nobody_hears_of_times_out(
    callbacks: httpx.AsyncClient,
    background: Jobs,
    accounts: Accounts,
    owner: asyncpg.Connection,
    steering: Steering,
    somebody: Somebody,
) -> None:
    await somebody.is_told()
    age = "update message_sending set state = $2, moved_at = now() - $3::interval where person_id = $1"
    await owner.execute(age, somebody.person_id, "sending", timedelta(minutes=1))
    await settle_old(background)
    assert await somebody.states() == ["sending"]
    await somebody.is_told()
    assert not await send_waiting(background, accounts), "nothing more to somebody who is being sent to"

    await owner.execute(age, somebody.person_id, "unknown", timedelta(minutes=3))
    await settle_old(background)
    for state, ends in (
        ("queued", "timed_out"),
        ("sent", "timed_out"),
        ("unknown", "timed_out"),
        ("refused", "refused"),
    ):
        await owner.execute(
            "update message_sending set state = $2, created_at = now() - interval '73 hours' where person_id = $1",
            somebody.person_id,
            state,
        )
        await settle_old(background)
        assert set(await somebody.states()) == {ends}
    assert steering.calls(SEND) == 0


async def test_an_event_that_comes_before_the_answer_is_written_down_wins(
    callbacks: httpx.AsyncClient,
    background: Jobs,
    accounts: Accounts,
    owner: asyncpg.Connection,
    somebody: Somebody,
) -> None:
    await somebody.allows(callbacks)
    await somebody.is_told()
    said = {"TemplateId": "sim-progress", "MsgID": unique("7"), "ErrorCode": "0", "ErrorStatus": "success"}
    send = accounts.miniprogram.send

    async def overtaken(message: object) -> str | None:
        reference = await send(message)  # type: ignore[arg-type]
        await push(callbacks, event("subscribe_msg_sent_event", somebody.openid, List=said))
        assert await handle_all(background, owner) == ["done"]
        return reference

    accounts.miniprogram.send = overtaken  # type: ignore[method-assign,assignment]
    await send_all(background, accounts)

    assert await somebody.states() == ["delivered"]
