"""Messages that did not reach somebody: seen within reach, tried again where it cannot be twice, told otherwise."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.messaging.commands import Told, tell
from app.messaging.tables import MISSED_STATES
from app.reaching.tables import TextMessage
from tests import make
from tests.calling import every_item, post
from tests.http.refusals import refused
from tests.make import Someone, Town, World, unique


async def told(background: Jobs, person: Someone, kind: str = "supplement_asked", title: str = "需要补充材料") -> None:
    message = Told(person.id, unique(), kind, title, "请在十二月一日前补充材料。", "application", new_id())
    async with background.work() as work:
        await tell(work, [message])


async def becomes(
    owner: asyncpg.Connection, person: Someone, state: str, *, hours: int = 1, used: bool = False
) -> UUID:
    row_id: UUID = await owner.fetchval(
        "update message_sending set state = $2, created_at = now() - $3::interval, grant_id = $4 "
        "where person_id = $1 returning id",
        person.id, state, timedelta(hours=hours), new_id() if used else None,
    )  # fmt: skip
    return row_id


async def missed(client: httpx.AsyncClient, by: Someone, **query: Any) -> list[dict[str, Any]]:
    shown = await client.get("/staff/deliveries", params=query, headers=by.headers)
    assert shown.status_code == 200, shown.text
    items: list[dict[str, Any]] = shown.json()["items"]
    return items


@pytest.fixture
async def worker(world: World, town: Town) -> Someone:
    return await world.person(home=town.units[0])


@pytest.mark.parametrize("state", MISSED_STATES)
async def test_staff_see_who_was_not_reached_masked_and_without_the_text(
    client: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, clerk: Someone, worker: Someone, state: str
) -> None:
    await told(background, worker)
    assert await missed(client, clerk) == [], "it is on its way"
    sending = await becomes(owner, worker, state)

    (item,) = await missed(client, clerk)

    assert (item["id"], item["state"], item["person"], item["title"]) == (str(sending), state, "陈*明", "需要补充材料")
    assert "十二月" not in str(item)
    assert (await client.get("/staff/deliveries/count", headers=clerk.headers)).json() == {"count": 1}


async def test_beyond_ones_reach_nobody_is_seen_and_nothing_done(
    client: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, world: World, town: Town, worker: Someone
) -> None:
    await told(background, worker)
    sending = await becomes(owner, worker, "no_credit")
    seeing = [
        await world.staff(Role.UNIT_CLERK, town.units[0]),
        await world.staff(Role.STREET_REVIEWER, town.streets[0]),
        await world.staff(Role.DISTRICT_REVIEWER, town.districts[0]),
        await world.staff(Role.CITY_REVIEWER, town.city),
    ]
    others = [
        await world.staff(Role.UNIT_CLERK, town.units[1]),
        await world.staff(Role.DISTRICT_REVIEWER, town.districts[1]),
        await world.staff(Role.CITY_REVIEWER, await world.union("city")),
    ]
    for each in seeing:
        assert len(await missed(client, each)) == 1
    for each in others:
        assert await missed(client, each) == []
        for path, body in (("retry", None), ("told", {"how": "phone"})):
            answer = await post(client, each, f"/staff/deliveries/{sending}/{path}", body)
            refused(answer, 404, "delivery_not_found")
    looks_only = await world.staff(Role.AUDITOR, town.city)
    (item,) = await missed(client, looks_only)
    assert not item["may_retry"]
    refused(await post(client, looks_only, f"/staff/deliveries/{sending}/retry"), 403, "not_allowed")
    refused(await client.get("/staff/deliveries", headers=worker.headers), 403, "not_allowed")


async def test_nobody_sees_their_own(
    client: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, world: World, town: Town
) -> None:
    clerk = await world.person(home=town.units[0], posts=((Role.UNIT_CLERK, town.units[0]),))
    await told(background, clerk)
    sending = await becomes(owner, clerk, "no_credit")

    assert await missed(client, clerk) == []
    refused(await post(client, clerk, f"/staff/deliveries/{sending}/retry"), 404, "delivery_not_found")


async def test_nobody_says_to_have_told_somebody_what_is_just_being_sent(
    client: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, clerk: Someone, worker: Someone
) -> None:
    await told(background, worker)
    sending = await owner.fetchval("select id from message_sending where person_id = $1", worker.id)
    answer = await post(client, clerk, f"/staff/deliveries/{sending}/told", {"how": "phone"})
    refused(answer, 409, "sending_under_way")


async def test_who_was_told_by_telephone_is_off_the_list_and_it_is_written_down(
    client: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, clerk: Someone, worker: Someone
) -> None:
    await told(background, worker)
    sending = await becomes(owner, worker, "unknown", used=True)
    path = f"/staff/deliveries/{sending}/told"
    refused(await post(client, clerk, path, {"how": "smoke"}), 422, "invalid")

    key = make.keyed()
    for _ in range(2):
        answer = await client.post(path, json={"how": "phone"}, headers=clerk.headers | key)
        assert answer.json() == {"id": str(sending), "state": "unknown", "told": True}

    assert await missed(client, clerk) == []
    refused(await post(client, clerk, path, {"how": "phone"}), 409, "already_told")
    refused(await post(client, clerk, f"/staff/deliveries/{sending}/retry"), 409, "already_told")
    entry = await owner.fetchrow("select * from audit_entry where action = 'message.told' and person_id = $1", clerk.id)
    assert entry is not None
    assert (entry["subject_person_id"], "phone" in entry["details"]) == (worker.id, True)
    told_by = await owner.fetchval("select told_by from message_sending where id = $1", sending)
    assert told_by == clerk.id


async def test_what_was_read_meanwhile_needs_nobody(
    client: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, clerk: Someone, worker: Someone
) -> None:
    await told(background, worker)
    sending = await becomes(owner, worker, "no_credit")
    (message,) = (await client.get("/me/messages", headers=worker.headers)).json()["items"]
    assert message["wechat"] == "not_sent", "the worker sees it too"
    await post(client, worker, f"/me/messages/{message['id']}/read")

    assert await missed(client, clerk) == []
    for path, body in (("retry", None), ("told", {"how": "phone"})):
        refused(await post(client, clerk, f"/staff/deliveries/{sending}/{path}", body), 409, "already_read")


RETRIED = [
    ("no_credit", 1, False, None, True),
    ("refused", 1, True, None, True),
    ("in_app", 1, False, "queued", True),
    ("timed_out", 71, False, None, True),
    ("no_credit", 73, False, None, False),
    ("no_credit", 1, False, "sent", False),
    ("no_credit", 1, False, "unknown", False),
    ("timed_out", 71, True, None, False),
    ("unknown", 1, True, None, False),
    ("failed", 1, True, None, False),
    ("sent", 1, True, None, False),
]
"""State, hours since, whether a subscription was used, the text message, and whether it may go again."""


@pytest.mark.parametrize(("state", "hours", "used", "text", "may"), RETRIED)
async def test_it_goes_again_only_where_it_cannot_have_arrived(
    client: httpx.AsyncClient,
    background: Jobs,
    owner: asyncpg.Connection,
    world: World,
    clerk: Someone,
    worker: Someone,
    state: str,
    hours: int,
    used: bool,
    text: str | None,
    may: bool,
) -> None:
    await told(background, worker)
    sending = await becomes(owner, worker, state, hours=hours, used=used)
    if text:
        message_id = await owner.fetchval("select message_id from message_sending where id = $1", sending)
        await world.insert(
            TextMessage, id=new_id(), created_at=make.NOW, message_id=message_id, person_id=worker.id, state=text,
            due_at=make.NOW, moved_at=make.NOW,
        )  # fmt: skip
    shown = await missed(client, clerk)
    assert [item["may_retry"] for item in shown] == ([may] if state in MISSED_STATES else [])

    answer = await post(client, clerk, f"/staff/deliveries/{sending}/retry")

    now = await owner.fetchval("select state from message_sending where id = $1", sending)
    if may:
        assert answer.json() == {"id": str(sending), "state": "queued", "told": False}
        assert now == "queued"
        refused(await post(client, clerk, f"/staff/deliveries/{sending}/retry"), 409, "cannot_be_sent_again")
    else:
        refused(answer, 409, "cannot_be_sent_again")
        assert now == state


async def test_the_list_goes_on_where_it_stopped(
    client: httpx.AsyncClient, background: Jobs, owner: asyncpg.Connection, world: World, town: Town, clerk: Someone
) -> None:
    people = [await world.person(home=town.units[0]) for _ in range(5)]
    for each in people:
        await told(background, each)
        await becomes(owner, each, "no_credit")
    seen = [item["id"] for item in await every_item(client, "/staff/deliveries", by=clerk, limit=2)]
    assert len(seen) == len(set(seen)) == 5


async def test_by_the_database_itself_staff_see_no_message_that_is_none_of_their_business(
    background: Jobs, owner: asyncpg.Connection, world: World, town: Town
) -> None:
    """Whatever a query forgets: that somebody objected, or was sent as a visitor, is nobody else's."""
    clerk = await world.person(home=town.units[0], posts=((Role.UNIT_CLERK, town.units[0]),))
    worker = await world.person(home=town.units[0])
    for person, kind in ((worker, "objection"), (worker, "visit"), (worker, "escalation"), (clerk, "visit")):
        await told(background, person, kind)
    async with owner.transaction():
        await owner.execute("set local role aid_api")
        await owner.execute(
            "select set_config('app.door', 'staff', true), set_config('app.person', $1, true), "
            "set_config('app.organisations', $2, true)", str(clerk.id), f"{{{town.units[0].id}}}",
        )  # fmt: skip
        seen = await owner.fetch(
            "select s.person_id, m.kind from message_sending s left join message m on m.id = s.message_id "
            "where s.person_id = any($1)", [worker.id, clerk.id],
        )  # fmt: skip
        messages = await owner.fetchval("select count(*) from message where person_id = $1", worker.id)
        moved = await owner.execute(
            "update message_sending set state = 'queued' where person_id = any($1)", [worker.id, clerk.id]
        )
    assert [tuple(row) for row in seen] == [(worker.id, "visit")]
    assert (messages, moved) == (1, "UPDATE 1")


async def test_by_the_database_itself_staff_move_nothing_but_what_they_see(
    background: Jobs, owner: asyncpg.Connection, world: World, town: Town, worker: Someone
) -> None:
    await told(background, worker)
    sending = await becomes(owner, worker, "no_credit")
    for union, count in ((town.units[0], 1), (town.units[1], 0)):
        async with owner.transaction():
            await owner.execute("set local role aid_api")
            await owner.execute(
                "select set_config('app.door', 'staff', true), set_config('app.organisations', $1, true)",
                f"{{{union.id}}}",
            )
            assert await owner.fetchval("select count(*) from message_sending where id = $1", sending) == count
            moved = await owner.execute("update message_sending set state = 'queued' where id = $1", sending)
            assert moved == f"UPDATE {count}"
    async with owner.transaction():
        await owner.execute("set local role aid_api")
        await owner.execute(
            "select set_config('app.door', 'worker', true), set_config('app.person', $1, true)", str(worker.id)
        )
        assert await owner.fetchval("select count(*) from message_sending where id = $1", sending) == 1
        moved = await owner.execute("update message_sending set state = 'queued' where id = $1", sending)
        assert moved == "UPDATE 0", "their own, but not theirs to move"
