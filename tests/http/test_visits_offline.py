"""Filling in a visit on several devices, online or not: replayed, out of order, at once, and never losing a value."""

import asyncio
import random
from typing import Any

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.visits.rules import photo_of
from tests import make
from tests.http.refusals import refused
from tests.make import Someone, Town, World
from tests.visits.making import SHA256, act, answers, edit, photo, sync, visit_of

FIELDS = ("/answers/income", "/answers/homes", "/answers/members", "/findings")


class Visit:
    """A started visit and three devices that are on it."""

    def __init__(self, id_: Any, devices: tuple[Someone, ...]) -> None:
        self.id, self.devices = id_, devices


@pytest.fixture
async def visit(world: World) -> Visit:
    town = await world.town()
    return await started(world, town)


async def started(world: World, town: Town) -> Visit:
    unit = town.units[0]
    worker = await world.person(home=unit)
    household_id = await world.household(worker, unit)
    devices = tuple([await world.staff(Role.HOME_VISITOR, unit, consents=()) for _ in range(3)])
    return Visit(await visit_of(world, household_id, worker, unit, devices), devices)


async def shown(client: httpx.AsyncClient, visit: Visit) -> dict[str, Any]:
    answer = await client.get(f"/staff/visits/{visit.id}", headers=visit.devices[0].headers)
    body: dict[str, Any] = answer.json()
    return body


async def values(client: httpx.AsyncClient, visit: Visit) -> dict[str, Any]:
    return {each["field"]: each["value"] for each in (await shown(client, visit))["filled"]}


async def choose(
    client: httpx.AsyncClient, who: Someone, visit: Visit, operation_id: Any, which: str, **given: Any
) -> httpx.Response:
    return await client.post(
        f"/staff/visits/{visit.id}/conflicts/{operation_id}",
        json={"choose": which, **given},
        headers=who.headers | make.keyed(),
    )


async def test_a_queue_sent_again_changes_nothing(
    client: httpx.AsyncClient, world: World, visit: Visit, owner: asyncpg.Connection
) -> None:
    queue = await answers(world, visit.devices[0], 1)
    first = await sync(client, visit.devices[0], visit.id, *queue)
    assert (first.status_code, first.headers["etag"]) == (200, f'"{first.json()["version"]}"')
    assert {each["status"] for each in first.json()["results"]} == {"applied"}
    kept = await owner.fetch("select * from visit_operation where visit_id = $1 order by id", visit.id)
    filled = await values(client, visit)
    for again in (queue, queue[::-1], queue[3:5], [*queue, *queue][:200]):
        answer = await sync(client, visit.devices[0], visit.id, *again)
        assert answer.json()["version"] == first.json()["version"]
    assert await owner.fetch("select * from visit_operation where visit_id = $1 order by id", visit.id) == kept
    assert await values(client, visit) == filled


async def test_two_devices_on_one_field_are_told_both_values_and_the_rest_is_kept(
    client: httpx.AsyncClient, visit: Visit
) -> None:
    first, second, _ = visit.devices
    await sync(client, first, visit.id, edit("/answers/income", 1_000_00, 1))
    mine = edit("/answers/income", 2_000_00, 1)
    answer = await sync(client, second, visit.id, mine, edit("/answers/homes", 1, 1), edit("/findings", "好", 1))
    problem = refused(answer, 409, "operation_conflict")
    assert problem["conflicts"] == [
        {
            "operation_id": mine["operation_id"], "field": "/answers/income", "mine": 2_000_00, "theirs": 1_000_00,
            "theirs_version": 2,
        }
    ]  # fmt: skip
    assert [each["status"] for each in problem["results"]] == ["conflict", "applied", "applied"]
    assert await values(client, visit) == {"/answers/income": 1_000_00, "/answers/homes": 1, "/findings": "好"}
    assert (await shown(client, visit))["conflicts"] == problem["conflicts"]
    again = await sync(client, second, visit.id, mine)
    assert refused(again, 409)["conflicts"] == problem["conflicts"]


async def test_the_same_request_is_answered_again_as_the_problem_that_it_was(
    client: httpx.AsyncClient, visit: Visit
) -> None:
    await sync(client, visit.devices[0], visit.id, edit("/findings", "a", 1))
    body = {"operations": [edit("/findings", "b", 1)]}
    headers = visit.devices[1].headers | make.keyed()
    first = await client.post(f"/staff/visits/{visit.id}/operations", json=body, headers=headers)
    again = await client.post(f"/staff/visits/{visit.id}/operations", json=body, headers=headers)
    assert (again.status_code, again.json()) == (409, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("which", "stands", "status"), [("mine", "b", "chosen"), ("theirs", "a", "discarded")])
async def test_somebody_chooses_and_the_choice_stands(
    client: httpx.AsyncClient, visit: Visit, which: str, stands: str, status: str
) -> None:
    first, second, _ = visit.devices
    await sync(client, first, visit.id, edit("/findings", "a", 1))
    mine = edit("/findings", "b", 1)
    await sync(client, second, visit.id, mine)
    chosen = await choose(client, second, visit, mine["operation_id"], which)
    assert (chosen.status_code, chosen.json()["results"][0]["status"]) == (200, status)
    assert await values(client, visit) == {"/findings": stands}
    assert (await shown(client, visit))["conflicts"] == []
    again = await choose(client, second, visit, mine["operation_id"], which)
    assert (again.status_code, again.json()) == (200, chosen.json())
    other = {"mine": "theirs", "theirs": "mine"}[which]
    refused(await choose(client, second, visit, mine["operation_id"], other), 409, "conflict_settled")
    assert (await sync(client, second, visit.id, mine)).status_code == 200
    assert await values(client, visit) == {"/findings": stands}


async def test_what_changed_while_somebody_was_choosing_is_told_first(client: httpx.AsyncClient, visit: Visit) -> None:
    first, second, third = visit.devices
    await sync(client, first, visit.id, edit("/findings", "a", 1))
    mine = edit("/findings", "b", 1)
    await sync(client, second, visit.id, mine)
    await sync(client, third, visit.id, edit("/findings", "c", 2))
    again = refused(await choose(client, second, visit, mine["operation_id"], "mine", theirs_version=2), 409)
    assert [(each["mine"], each["theirs"], each["theirs_version"]) for each in again["conflicts"]] == [("b", "c", 3)]
    assert await values(client, visit) == {"/findings": "c"}
    settled = await choose(client, second, visit, mine["operation_id"], "mine", theirs_version=3)
    assert settled.status_code == 200
    assert await values(client, visit) == {"/findings": "b"}


async def test_a_visit_does_not_end_over_an_open_conflict(
    client: httpx.AsyncClient, world: World, visit: Visit
) -> None:
    first, second, _ = visit.devices
    await sync(client, first, visit.id, *await answers(world, visit.devices[0], 1))
    mine = edit("/answers/homes", 3, 1)
    await sync(client, first, visit.id, edit("/answers/homes", 2, 1))
    await sync(client, second, visit.id, mine)
    version = (await shown(client, visit))["version"]
    refused(await act(client, first, visit.id, version, "end"), 409, "conflicts_open")
    await choose(client, second, visit, mine["operation_id"], "theirs")
    version = (await shown(client, visit))["version"]
    assert (await act(client, first, visit.id, version, "end")).status_code == 200


async def test_after_the_end_what_was_sent_is_known_and_what_is_new_is_refused_aloud(
    client: httpx.AsyncClient, world: World, visit: Visit
) -> None:
    queue = await answers(world, visit.devices[0], 1)
    version = (await sync(client, visit.devices[0], visit.id, *queue)).json()["version"]
    assert (await act(client, visit.devices[0], visit.id, version, "end")).status_code == 200
    before = await shown(client, visit)
    assert (await sync(client, visit.devices[0], visit.id, *queue)).status_code == 200
    refused(await sync(client, visit.devices[1], visit.id, edit("/findings", "晚了", 1)), 409, "visit_not_started")
    assert await shown(client, visit) == before


async def test_ending_a_visit_that_one_has_not_seen_whole_is_refused(
    client: httpx.AsyncClient, world: World, visit: Visit
) -> None:
    version = (await sync(client, visit.devices[0], visit.id, *await answers(world, visit.devices[0], 1))).json()[
        "version"
    ]
    later = await sync(client, visit.devices[1], visit.id, edit("/findings", "还有一间房", version))
    assert later.status_code == 200
    refused(await act(client, visit.devices[0], visit.id, version, "end"), 412, "stale_version")


@pytest.mark.parametrize(
    ("wrong", "pointer", "code"),
    [
        ({"field": "/answers/none_such"}, "/operations/0/field", "visit_field_unknown"),
        ({"field": "/head/name"}, "/operations/0/field", "visit_field_unknown"),
        ({"value": True}, "/operations/0/value", "visit_value_wrong"),
        ({"value": 1_001}, "/operations/0/value", "visit_value_wrong"),
    ],
)
async def test_what_does_not_fit_is_refused_whole_and_named(
    client: httpx.AsyncClient, visit: Visit, wrong: dict[str, Any], pointer: str, code: str
) -> None:
    bad = edit("/answers/homes", 1, 1) | wrong
    problem = refused(await sync(client, visit.devices[0], visit.id, bad, edit("/findings", "好", 1)), 422, "invalid")
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [(pointer, code)]
    assert await values(client, visit) == {}


async def test_an_operation_id_stands_for_one_edit_alone(client: httpx.AsyncClient, visit: Visit) -> None:
    first = edit("/answers/homes", 1, 1)
    await sync(client, visit.devices[0], visit.id, first)
    for other in (first | {"value": 2}, first | {"field": "/answers/members"}):
        problem = refused(await sync(client, visit.devices[1], visit.id, other), 422)
        assert problem["errors"][0]["code"] == "operation_reused"
    twice = edit("/answers/members", 1, 1)
    refused(await sync(client, visit.devices[0], visit.id, twice, twice | {"value": 2}), 422)


async def test_at_most_two_hundred_at_a_time(client: httpx.AsyncClient, visit: Visit) -> None:
    queue = [edit("/findings", f"第{n}次", 1) for n in range(201)]
    refused(await sync(client, visit.devices[0], visit.id, *queue), 422)
    answer = await sync(client, visit.devices[0], visit.id, *queue[:200])
    assert (answer.status_code, len(answer.json()["results"])) == (200, 200)
    assert await values(client, visit) == {"/findings": "第199次"}


async def test_devices_that_sync_at_the_same_moment_lose_nothing(
    client: httpx.AsyncClient, visit: Visit, owner: asyncpg.Connection
) -> None:
    """Three devices on connections of their own, each with ten edits of shared fields in five requests."""
    rng = random.Random(3)
    queues = [[edit(rng.choice(FIELDS[:3]), n * 100 + turn, 1) for turn in range(10)] for n in range(3)]

    async def send(who: Someone, queue: list[dict[str, Any]], n: int) -> httpx.Response:
        return await sync(client, who, visit.id, *queue[2 * n : 2 * n + 2])

    calls = [send(who, queue, n) for n in range(5) for who, queue in zip(visit.devices, queues, strict=True)]
    statuses = {answer.status_code for answer in await asyncio.gather(*calls)}
    assert statuses <= {200, 409}
    rows = await owner.fetch("select operation_id, status from visit_operation where visit_id = $1", visit.id)
    sent = {each["operation_id"] for queue in queues for each in queue}
    assert {str(row["operation_id"]) for row in rows} == sent
    body = await shown(client, visit)
    waiting = {each["operation_id"] for each in body["conflicts"]}
    assert waiting == {str(row["operation_id"]) for row in rows if row["status"] == "conflict"}
    standing = {each["field"]: each["value"] for each in body["filled"]}
    last = {(n, each["field"]): each for n, queue in enumerate(queues) for each in queue}
    for each in last.values():
        assert standing[each["field"]] == each["value"] or each["operation_id"] in waiting


@pytest.mark.parametrize("senders", [(0,) * 6, (2, 1, 0) * 2])
async def test_the_same_queue_at_the_same_moment_is_taken_once(
    client: httpx.AsyncClient, world: World, visit: Visit, owner: asyncpg.Connection, senders: tuple[int, ...]
) -> None:
    """Photos are taken from whoever uploaded them, so only their own phone can send those first."""
    queue = await answers(world, visit.devices[0], 1)
    if set(senders) != {0}:
        queue = [each for each in queue if not photo_of(each["field"])]
    results = await asyncio.gather(*(sync(client, visit.devices[who], visit.id, *queue) for who in senders))
    assert {answer.status_code for answer in results} == {200}
    assert len({answer.json()["version"] for answer in results}) == 1
    kept = await owner.fetchval("select count(*) from visit_operation where visit_id = $1", visit.id)
    assert kept == len(queue)


async def test_three_devices_in_many_orders_end_alike(client: httpx.AsyncClient, world: World) -> None:
    """As in tests/visits/test_syncing_rules.py, with everything real: the edits are the same, the orders are not."""
    rng, town = random.Random(11), await world.town()
    script = [[(rng.choice(FIELDS[:3]), n * 100 + turn) for turn in range(4)] for n in range(3)]
    ends = []
    for _ in range(10):
        visit = await started(world, town)
        queues = [[edit(field, value, 1) for field, value in edits] for edits in script]
        order = [n for n, queue in enumerate(queues) for _ in queue]
        rng.shuffle(order)
        for n in order:
            one = queues[n].pop(0)
            answer = await sync(client, visit.devices[n], visit.id, one)
            if rng.random() < 0.5:
                again = await sync(client, visit.devices[n], visit.id, one)
                assert again.json().get("version") == answer.json().get("version")
        owners = {each["operation_id"]: each for each in (await shown(client, visit))["conflicts"]}
        assert all(each["mine"] != each["theirs"] for each in owners.values())
        while (conflicts := (await shown(client, visit))["conflicts"]) != []:
            one = rng.choice(conflicts)
            # The lower device is right: values tell whose they are.
            which = "mine" if one["mine"] // 100 < one["theirs"] // 100 else "theirs"
            n = one["mine"] // 100
            given = {"theirs_version": one["theirs_version"]}
            chosen = await choose(client, visit.devices[n], visit, one["operation_id"], which, **given)
            assert chosen.status_code == 200, chosen.text
        ends.append(await values(client, visit))
    expected: dict[str, Any] = {}
    for edits in reversed(script):
        expected |= dict(edits)
    assert ends == [expected] * 10


async def test_photos_are_taken_and_taken_back(
    client: httpx.AsyncClient, world: World, visit: Visit, owner: asyncpg.Connection
) -> None:
    kept, dropped = [await photo(world, visit.devices[0]) for _ in range(2)]
    said = await answers(world, visit.devices[0], 1)
    await sync(client, visit.devices[0], visit.id, edit(kept, SHA256, 1), edit(dropped, SHA256, 1), *said[:-1])
    version = (await shown(client, visit))["version"]
    gone = await sync(client, visit.devices[1], visit.id, edit(dropped, None, version))
    assert (await act(client, visit.devices[0], visit.id, gone.json()["version"], "end")).status_code == 200
    photos = await owner.fetchval("select photos::text from visit where id = $1", visit.id)
    assert (kept.rpartition("/")[2] in photos, dropped.rpartition("/")[2] in photos, SHA256 in photos) == (
        True, False, True,
    )  # fmt: skip


async def test_an_edit_that_is_not_there_is_not_chosen(client: httpx.AsyncClient, visit: Visit) -> None:
    refused(await choose(client, visit.devices[0], visit, new_id(), "mine"), 404, "operation_not_found")
    fine = edit("/findings", "好", 1)
    await sync(client, visit.devices[0], visit.id, fine)
    refused(await choose(client, visit.devices[0], visit, fine["operation_id"], "theirs"), 409, "conflict_settled")
