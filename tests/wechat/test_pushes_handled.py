"""What is done about each push, whatever order they come in (W09), with the simulator as the one who pushes."""

import time
from asyncio import to_thread
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.db.sealing import Keyring
from app.gateways.wechat.official import Article
from app.http.service import Service
from app.jobs.running import Jobs
from app.jobs.wechat.pushes import handle_push
from app.jobs.wechat.tasks import ask_about_all, check_picture, mass_send, publish
from app.settings import DEMO_WECHAT_AES_KEY, DEMO_WECHAT_OFFICIAL_APPID, DEMO_WECHAT_PUSH_TOKEN
from app.simulator.codes import openid
from app.wechat.accounts import Accounts
from tests.calling import bearer, sign_in
from tests.gateways.steering import APPID, Steering
from tests.make import World, unique
from tests.wechat.pushed import event, popup, push

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


async def handle_all(background: Jobs, owner: asyncpg.Connection) -> list[str]:
    """As the worker does, oldest first: how each ended."""
    waiting = await owner.fetch("select id from wechat_push where handled_at is null order by created_at, id")
    for row in waiting:
        async with background.work() as work:
            await handle_push(work, {"push_id": str(row["id"])})
    ids = [row["id"] for row in waiting]
    found = await owner.fetch("select outcome from wechat_push where id = any($1) order by created_at, id", ids)
    return [row["outcome"] for row in found]


@pytest.fixture
async def nothing_waits(owner: asyncpg.Connection) -> None:
    """Other tests left pushes that nobody handles."""
    await owner.execute("update wechat_push set handled_at = now(), outcome = 'test' where handled_at is null")
    await owner.execute("update wechat_task set state = 'done' where state in ('asking', 'unknown', 'accepted')")


pytestmark = pytest.mark.usefixtures("nothing_waits")


class Worker:
    """Somebody who signed in, with their openid."""

    def __init__(self, name: str, headers: dict[str, str], person_id: UUID) -> None:
        self.name, self.headers, self.person_id = name, headers, person_id
        self.openid = openid(APPID, name)


@pytest.fixture
async def worker(client: httpx.AsyncClient, steering: Steering) -> Worker:
    name = unique("w-")
    session = await sign_in(client, name)
    return Worker(name, bearer(session), UUID(session.json()["person"]["id"]))


async def left(client: httpx.AsyncClient, worker: Worker) -> dict[str, int]:
    items = (await client.get("/me/subscriptions", headers=worker.headers)).json()["items"]
    return {item["key"]: item["count"] for item in items}


async def tell(client: httpx.AsyncClient, worker: Worker, **results: str) -> dict[str, int]:
    told = await client.put("/me/subscriptions", json={"results": results}, headers=worker.headers)
    assert told.status_code == 200, told.text
    return {item["key"]: item["count"] for item in told.json()["items"]}


async def set_up(steering: Steering, address: str, account: str = "miniprogram", **how: object) -> None:
    """In a thread: the simulator calls the app, which runs here, before it answers."""
    appid = APPID if account == "miniprogram" else DEMO_WECHAT_OFFICIAL_APPID
    where = {"appid": appid, "url": f"{address}/{account}/callback", "token": DEMO_WECHAT_PUSH_TOKEN}
    assert await to_thread(steering.post, "callback", where | {"aes_key": DEMO_WECHAT_AES_KEY} | how) == {
        "verified": True
    }


async def pushes(steering: Steering) -> list[dict[str, Any]]:
    """All deliveries, once none is under way."""
    answer = await to_thread(steering.http.get, "/_sim/pushes")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


# ---- subscriptions ----


async def test_the_phone_and_wechat_speak_of_the_same_choice_in_either_order(
    client: httpx.AsyncClient, callbacks: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, worker: Worker
) -> None:
    assert (await tell(client, worker, progress="accept", work="reject"))["progress"] == 1
    await push(callbacks, popup(worker.openid, "accept"))
    assert await handle_all(background, owner) == ["done"]
    assert (await left(client, worker))["progress"] == 1, "said twice, and one"

    await push(callbacks, popup(worker.openid, "accept", "sim-work"))
    assert await handle_all(background, owner) == ["done"]
    assert (await left(client, worker))["work"] == 1
    assert (await tell(client, worker, work="acceptWithAudio"))["work"] == 1, "WeChat was first"
    assert await left(client, worker) == {"progress": 1, "to_do": 0, "work": 1}


async def test_a_phone_that_says_it_again_gives_nothing_more(client: httpx.AsyncClient, worker: Worker) -> None:
    for _ in range(3):
        assert (await tell(client, worker, progress="accept"))["progress"] == 1


@pytest.mark.parametrize("results", [{}, {"other": "accept"}, {"progress": "yes"}, {"progress": 1}])
async def test_what_is_no_choice_is_refused(client: httpx.AsyncClient, worker: Worker, results: object) -> None:
    told = await client.put("/me/subscriptions", json={"results": results}, headers=worker.headers)

    assert told.status_code == 422


@pytest.mark.parametrize("late", [False, True])
async def test_a_refusal_holds_whether_it_comes_before_or_after_an_older_consent(
    client: httpx.AsyncClient,
    callbacks: httpx.AsyncClient,
    background: Jobs,
    owner: asyncpg.Connection,
    worker: Worker,
    late: bool,
) -> None:
    now = int(time.time())
    consent = popup(worker.openid, "accept", at=now - 60)
    refusal = popup(worker.openid, "reject", at=now - 30)
    for each in (refusal, consent) if late else (consent, refusal):
        await push(callbacks, each)
        assert await handle_all(background, owner) == ["done"]
    assert (await left(client, worker))["progress"] == 0

    await push(callbacks, popup(worker.openid, "accept", at=now - 10))
    await handle_all(background, owner)
    assert (await left(client, worker))["progress"] == 1, "they changed their mind later"


# ---- what the law asks ----


async def test_who_takes_back_their_phone_number_is_not_found_by_it_any_more(
    client: httpx.AsyncClient, callbacks: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, worker: Worker
) -> None:
    code = f"simphone:13800000001#{unique()}"
    assert (await client.put("/me/phone", json={"code": code}, headers=worker.headers)).status_code == 200

    for info, outcome in (("6", "nothing_kept"), ("8", "deleted")):
        said = event("user_authorization_revoke", "", OpenID=worker.openid, AppID=APPID, RevokeInfo=info)
        await push(callbacks, said)
        assert await handle_all(background, owner) == [outcome]
        phone = (await client.get("/me", headers=worker.headers)).json()["phone_masked"]
        assert (phone is None) == (outcome == "deleted")
    row = await owner.fetchrow("select phone, phone_index, phone_masked from person where id = $1", worker.person_id)
    assert row is not None
    assert set(row.values()) == {None}
    audit = "select count(*) from audit_entry where action = 'person.phone_withdrawn' and subject_person_id = $1"
    assert await owner.fetchval(audit, worker.person_id) == 1


async def test_who_takes_back_everything_is_signed_out_and_gets_no_message(
    client: httpx.AsyncClient,
    callbacks: httpx.AsyncClient,
    service: Service,
    background: Jobs,
    owner: asyncpg.Connection,
    worker: Worker,
) -> None:
    await tell(client, worker, progress="accept")
    # An official sample has keys with a space before them.
    said = event("user_authorization_cancellation", "x") | {" OpenID": worker.openid}
    await push(callbacks, said)

    assert await handle_all(background, owner) == ["deleted"]

    service._actors.clear()
    assert (await client.get("/me", headers=worker.headers)).status_code == 401
    again = bearer(await sign_in(client, worker.name))
    worker.headers = again
    assert (await left(client, worker))["progress"] == 0
    await push(callbacks, event("user_authorization_cancellation", "x", OpenID=openid(APPID, "nobody-of-ours")))
    assert await handle_all(background, owner) == ["nobody"]


# ---- the official account ----


async def test_who_leaves_the_official_account_leaves_nothing_readable_and_an_older_event_brings_nobody_back(
    callbacks: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, keyring: Keyring
) -> None:
    who, now = unique("o-follower-"), int(time.time())
    index = keyring.blind_index("wechat_follower.openid", who)
    row = "select follows, openid from wechat_follower where openid_index = $1"
    await push(callbacks, event("subscribe", who, now - 50, EventKey=""), "official")
    assert await handle_all(background, owner) == ["done"]
    found = await owner.fetchrow(row, index)
    assert found is not None
    assert found["follows"]
    assert who.encode() not in found["openid"]

    await push(callbacks, event("unsubscribe", who, now - 10), "official")
    await push(callbacks, event("subscribe", who, now - 20, EventKey=""), "official")
    assert await handle_all(background, owner) == ["done", "late"]

    found = await owner.fetchrow(row, index)
    assert found is not None
    assert (found["follows"], found["openid"]) == (False, None)


async def drafted(accounts: Accounts) -> str:
    assert accounts.official is not None
    head = await accounts.official.add_material("head.png", PNG, "image/png")
    return await accounts.official.add_draft(Article("送温暖", "<p>慰问到家</p>", head.media_id))


async def state(owner: asyncpg.Connection, asked_for: str) -> tuple[str, str]:
    row = await owner.fetchrow("select state, said from wechat_task where asked_for = $1", asked_for)
    assert row is not None
    return row["state"], row["said"]


@pytest.mark.parametrize("how", [{"mode": "safe", "format": "xml"}, {"mode": "compat", "format": "json"}])
async def test_a_publication_ends_by_its_event_and_may_be_undone_later(
    address: str,
    steering: Steering,
    background: Jobs,
    accounts: Accounts,
    owner: asyncpg.Connection,
    how: dict[str, str],
) -> None:
    await set_up(steering, address, "official", **how)
    steering.post("outcomes", {"takes_s": 0})
    assert accounts.official is not None
    asked, media_id = unique("article-"), await drafted(accounts)

    states = [await publish(background, accounts.official, asked, media_id) for _ in range(2)]
    assert states[0] == "accepted"
    job = steering.http.get("/_sim/jobs").json()["items"][-1]["id"]
    await pushes(steering)
    steering.post("clock", {"advance_s": 1})
    items = await pushes(steering)
    assert [each["good"] for each in items] == [True]
    assert await handle_all(background, owner) == ["done"]
    assert await state(owner, asked) == ("done", "publish_status 0")

    steering.post("outcomes", {"later": {str(job): 6}})
    await pushes(steering)
    assert await handle_all(background, owner) == ["done"]
    assert await state(owner, asked) == ("undone", "publish_status 6")
    assert len(steering.http.get("/_sim/jobs").json()["items"]) == 1, "asked for twice, published once"


async def test_events_in_the_wrong_order_and_more_than_once_leave_the_newest_state(
    address: str, steering: Steering, background: Jobs, accounts: Accounts, owner: asyncpg.Connection
) -> None:
    await set_up(steering, address, "official", mode="plain")
    steering.post("pushes/faults", {"hold": True, "copies": 3})
    steering.post("outcomes", {"takes_s": 0})
    assert accounts.official is not None
    asked = unique("article-")
    await publish(background, accounts.official, asked, await drafted(accounts))
    steering.post("clock", {"advance_s": 1})
    job = steering.http.get("/_sim/jobs").json()["items"][-1]["id"]
    steering.post("outcomes", {"later": {str(job): 5}})

    assert await to_thread(steering.post, "pushes/release") == {"released": 2}

    assert len(await pushes(steering)) == 6
    assert await handle_all(background, owner) == ["done", "late"], "deleted came first, published is late"
    assert await state(owner, asked) == ("undone", "publish_status 5")


async def test_a_publication_whose_answer_was_lost_is_looked_for_and_not_asked_again(
    steering: Steering, background: Jobs, accounts: Accounts, owner: asyncpg.Connection
) -> None:
    steering.post("outcomes", {"takes_s": 0})
    steering.spoil("/cgi-bin/freepublish/submit", reset=True)
    assert accounts.official is not None
    asked, media_id = unique("article-"), await drafted(accounts)

    assert await publish(background, accounts.official, asked, media_id) == "unknown"
    assert await publish(background, accounts.official, asked, media_id) == "unknown"
    steering.post("clock", {"advance_s": 1})
    await owner.execute("update wechat_task set moved_at = now() - interval '2 minutes' where asked_for = $1", asked)
    assert await ask_about_all(background, accounts) == 1

    assert await state(owner, asked) == ("done", "draft_gone")
    assert steering.calls("/cgi-bin/freepublish/submit") == 1


@pytest.mark.parametrize(
    ("outcome", "ends"),
    [({}, ("done", "send success")), ({"mass": "err(20001)"}, ("failed", "err(20001)")),
     ({"admin": "refuses"}, ("failed", "err(40001)"))],
)  # fmt: skip
async def test_a_mass_send_goes_once_and_ends_by_its_event(
    address: str,
    steering: Steering,
    background: Jobs,
    accounts: Accounts,
    owner: asyncpg.Connection,
    outcome: dict[str, str],
    ends: tuple[str, str],
) -> None:
    await set_up(steering, address, "official", mode="safe", format="json")
    steering.post("outcomes", {"takes_s": 0} | outcome)
    # The answer of each try is lost; asked again a minute later, WeChat knows the clientmsgid.
    steering.spoil("/cgi-bin/message/mass/sendall", drip=3.0, times=1)
    assert accounts.official is not None
    accounts.official.total_s = 0.5
    asked = unique("notice-")
    assert await mass_send(background, accounts.official, asked, await drafted(accounts)) == "unknown"
    await owner.execute("update wechat_task set moved_at = now() - interval '2 minutes' where asked_for = $1", asked)
    await ask_about_all(background, accounts)
    assert (await state(owner, asked))[0] in ("accepted", "unknown")

    steering.post("clock", {"advance_s": 1})
    await pushes(steering)
    assert await handle_all(background, owner) == ["done"]

    assert await state(owner, asked) == ends
    assert len(steering.http.get("/_sim/jobs").json()["items"]) == 1


async def test_a_picture_is_judged_by_the_event_with_its_trace(
    address: str, steering: Steering, background: Jobs, accounts: Accounts, owner: asyncpg.Connection, worker: Worker
) -> None:
    await set_up(steering, address, mode="safe", format="json")
    for picture, errcode, ends in (
        ("risky", 0, ("done", "risky")),
        ("pass", 0, ("done", "pass")),
        ("pass", -1008, ("failed", "errcode -1008")),
    ):
        steering.post("checks", {"picture": picture, "picture_errcode": errcode, "takes_s": 0})
        asked, url = unique("picture-"), "https://files.invalid/short-lived"
        assert await check_picture(background, accounts.miniprogram, asked, url, worker.openid) == "accepted"
        await pushes(steering)
        await pushes(steering)
        assert await handle_all(background, owner) == ["done"]
        assert await state(owner, asked) == ends


async def test_a_push_handled_twice_is_handled_once(
    callbacks: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, worker: Worker, world: World
) -> None:
    await push(callbacks, popup(worker.openid, "accept"))
    push_id = await owner.fetchval("select id from wechat_push where handled_at is null")
    for _ in range(2):
        async with background.work() as work:
            await handle_push(work, {"push_id": str(push_id)})

    grants = "select count(*) from wechat_grant where person_id = $1"
    assert await owner.fetchval(grants, worker.person_id) == 1
