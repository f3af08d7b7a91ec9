"""Who may not do what, however entitled they are: sign twice, decide on themselves, act after the right has ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import Action, Kind, State
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.organisations.tables import Post
from tests import make
from tests.calling import every_item
from tests.make import Case, Someone, Town, World

A, S = Action, State
PROMISED_SECONDS = 5.0
ALL = tuple(Role)


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture(scope="module")
async def worker(world: World, town: Town) -> Someone:
    return await world.person(home=town.units[0])


@pytest.fixture(scope="module")
async def others(world: World, town: Town) -> dict[Role, Someone]:
    return {role: await world.staff(role, town.city, consents=()) for role in Role}


async def almighty(world: World, town: Town) -> Someone:
    return await world.person(posts=tuple((role, town.city) for role in ALL), consents=())


async def act(client: httpx.AsyncClient, by: Someone, case_id: UUID, version: int, action: str) -> httpx.Response:
    return await client.post(
        f"/staff/applications/{case_id}/actions",
        json={"action": action, "note": "同意"},
        headers=by.headers | make.keyed() | {"If-Match": f'"{version}"'},
    )


async def open_actions(client: httpx.AsyncClient, by: Someone, case: Case) -> list[str]:
    shown = await client.get(f"/staff/applications/{case.id}", headers=by.headers)
    return list(shown.json()["open_actions"])


async def signatures(owner: asyncpg.Connection, case: Case) -> list[tuple[str, UUID]]:
    """The steps of staff on a case, and who took them."""
    rows = await owner.fetch(
        "select action, person_id from passage where application_id = $1 and counts_as_review order by id", case.id
    )
    return [(row["action"], row["person_id"]) for row in rows]


# ---- one person, one signature a round ----


@pytest.mark.parametrize(
    ("kind", "state", "first", "then"),
    [
        (Kind.HARDSHIP_AID, S.SUBMITTED, A.ACCEPT, A.APPROVE),
        (Kind.HARDSHIP_AID, S.SUBMITTED, A.ACCEPT, A.RETURN),
        (Kind.GOLDEN_AUTUMN, S.UNIT_REVIEW, A.APPROVE, A.APPROVE),
        (Kind.GOLDEN_AUTUMN, S.DISTRICT_REVIEW, A.APPROVE, A.APPROVE),
    ],
)
async def test_nobody_signs_two_steps_of_one_round(
    client: httpx.AsyncClient,
    world: World,
    town: Town,
    worker: Someone,
    owner: asyncpg.Connection,
    kind: Kind,
    state: State,
    first: Action,
    then: Action,
) -> None:
    both = await almighty(world, town)
    case = await world.application(worker, town.units[0], kind=kind, state=state)
    assert (await act(client, both, case.id, 1, first)).status_code == 200
    assert await open_actions(client, both, case) == []
    again = await act(client, both, case.id, 2, then)
    assert (again.status_code, again.json()["code"]) == (403, "already_signed"), again.text
    assert await signatures(owner, case) == [(first, both.id)]
    other = await almighty(world, town)
    assert then in await open_actions(client, other, case)
    assert (await act(client, other, case.id, 2, then)).status_code == 200
    assert await signatures(owner, case) == [(first, both.id), (then, other.id)]


async def test_a_signature_keeps_its_owner_away_from_every_later_step(
    client: httpx.AsyncClient, world: World, town: Town, worker: Someone, others: dict[Role, Someone]
) -> None:
    clerk = await almighty(world, town)
    case = await world.application(worker, town.units[0], kind=Kind.SECONDARY_MEDICAL)
    assert (await act(client, clerk, case.id, 1, A.ACCEPT)).status_code == 200
    way = [
        (Role.UNIT_CHAIR, A.APPROVE),
        (Role.DISTRICT_LEADER, A.APPROVE),
        (Role.MUTUAL_AID_OFFICER, A.APPROVE),
    ]
    for version, (role, action) in enumerate(way, 2):
        refused = await act(client, clerk, case.id, version, action)
        assert (refused.status_code, refused.json()["code"]) == (403, "already_signed"), (role, refused.text)
        assert (await act(client, others[role], case.id, version, action)).status_code == 200, role


async def test_a_new_round_is_a_new_signature(client: httpx.AsyncClient, world: World, town: Town) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    applicant = await world.worker(town.units[0])
    case = await world.application(applicant, town.units[0])
    for version in (1, 3):
        returned = await act(client, clerk, case.id, version, A.RETURN)
        assert returned.json()["state"] == "returned", returned.text
        again = await client.post(
            f"/applications/{case.id}/submit",
            headers=applicant.headers | make.keyed() | {"If-Match": f'"{version + 1}"'},
        )
        assert (again.status_code, again.json()["state"]) == (200, "submitted"), again.text
        assert await open_actions(client, clerk, case) == ["accept", "return", "ask_supplement"]


async def test_nobody_signs_a_household_file_twice(client: httpx.AsyncClient, world: World, town: Town) -> None:
    both = await almighty(world, town)
    file = await world.household(await world.person(), town.units[0], state="submitted")

    async def step(by: Someone, version: int, action: str) -> httpx.Response:
        headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
        return await client.post(f"/staff/households/{file}/actions", json={"action": action}, headers=headers)

    assert (await step(both, 1, "accept")).json()["state"] == "unit_review"
    again = await step(both, 2, "approve")
    assert (again.status_code, again.json()["code"]) == (403, "file_already_signed")
    assert (await step(await almighty(world, town), 2, "approve")).json()["state"] == "home_visit"


async def test_an_applicant_with_every_role_does_not_see_their_own_case(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    me = await almighty(world, town)
    case = await world.application(me, town.units[0])
    file = await world.household(me, town.units[0], state="submitted")
    queue = await client.get("/staff/tasks", params={"q": case.number}, headers=me.headers)
    count = await client.get("/staff/tasks/count", params={"q": case.number}, headers=me.headers)
    files = await every_item(client, "/staff/households/tasks", by=me)
    assert (queue.json()["items"], count.json()["count"]) == ([], 0)
    assert str(file) not in {item["household_id"] for item in files}
    assert (await client.get(f"/staff/applications/{case.id}", headers=me.headers)).status_code == 404
    assert (await act(client, me, case.id, 1, A.ACCEPT)).status_code == 404
    assert (await client.get(f"/staff/households/{file}", headers=me.headers)).status_code == 404
    assert (await client.get(f"/applications/{case.id}", headers=me.headers)).json()["state"] == "submitted"


# ---- at the same moment ----


async def test_of_five_approvers_at_once_one_signs(
    client: httpx.AsyncClient, world: World, town: Town, worker: Someone, owner: asyncpg.Connection
) -> None:
    chairs = [await world.staff(Role.UNIT_CHAIR, town.units[0], consents=()) for _ in range(5)]
    for _ in range(8):
        case = await world.application(worker, town.units[0], state=S.UNIT_REVIEW)
        answers = await asyncio.gather(*(act(client, chair, case.id, 1, A.APPROVE) for chair in chairs))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses[0] == 200
        assert set(statuses[1:]) <= {409, 412}, statuses
        assert len(await signatures(owner, case)) == 1


async def test_one_approver_who_taps_five_times_signs_once(
    client: httpx.AsyncClient, world: World, town: Town, worker: Someone, owner: asyncpg.Connection
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())
    case = await world.application(worker, town.units[0], state=S.UNIT_REVIEW)
    answers = await asyncio.gather(*(act(client, chair, case.id, 1, A.APPROVE) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert [answer.status_code for answer in answers].count(200) == 1
    assert await signatures(owner, case) == [(A.APPROVE, chair.id)]


async def test_an_application_is_withdrawn_or_approved_and_never_both(
    client: httpx.AsyncClient, world: World, town: Town, worker: Someone, owner: asyncpg.Connection
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())
    for _ in range(8):
        case = await world.application(worker, town.units[0], state=S.UNIT_REVIEW)
        headers = worker.headers | make.keyed() | {"If-Match": '"1"'}
        withdrawing = client.post(f"/applications/{case.id}/withdraw", headers=headers)
        answers = await asyncio.gather(withdrawing, act(client, chair, case.id, 1, A.APPROVE))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses[0] == 200
        assert statuses[1] in (409, 412)
        steps = await owner.fetchval("select count(*) from passage where application_id = $1", case.id)
        assert steps == 2  # the filing, and one of the two


# ---- a right that ends ----


async def until(status: int, ask: Callable[[], Awaitable[httpx.Response]]) -> float:
    """Seconds until a call answers with this status, at most what is promised."""
    began = time.monotonic()
    while (answer := await ask()).status_code != status:
        assert time.monotonic() - began < PROMISED_SECONDS, answer.text
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def test_what_ends_elsewhere_ends_here_within_five_seconds(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    clerk, leaver, moved = [await world.staff(Role.UNIT_CLERK, town.units[0], consents=()) for _ in range(3)]
    case = await world.application(await world.person(), town.units[0])

    def queue(someone: Someone) -> Callable[[], Awaitable[httpx.Response]]:
        return lambda: client.get("/staff/tasks", headers=someone.headers)

    def open_case(someone: Someone) -> Callable[[], Awaitable[httpx.Response]]:
        return lambda: client.get(f"/staff/applications/{case.id}", headers=someone.headers)

    for someone in (clerk, leaver, moved):
        assert (await open_case(someone)()).status_code == 200
    # What another process wrote a moment ago: a post ended, a session ended, a post moved to another unit.
    await owner.execute("update post set ended_at = now() where person_id = $1", clerk.id)
    await owner.execute("update session set ended_at = now() where id = $1", leaver.session_id)
    await owner.execute("update post set organisation_id = $1 where person_id = $2", town.units[1].id, moved.id)
    ends = (until(403, queue(clerk)), until(401, queue(leaver)), until(404, open_case(moved)))
    assert max(await asyncio.gather(*ends)) < PROMISED_SECONDS
    assert (await act(client, clerk, case.id, 1, A.ACCEPT)).status_code == 403
    assert (await act(client, leaver, case.id, 1, A.ACCEPT)).status_code == 401
    assert (await act(client, moved, case.id, 1, A.ACCEPT)).status_code == 404


async def test_a_post_is_held_from_its_first_day_on(client: httpx.AsyncClient, world: World, town: Town) -> None:
    answers = []
    for day in (make.TODAY, make.TODAY + timedelta(days=1)):
        someone = await world.person(consents=())
        await world.insert(
            Post, id=new_id(), created_at=make.NOW, person_id=someone.id, organisation_id=town.city.id,
            role=Role.UNIT_CLERK, from_date=day,
        )  # fmt: skip
        answers.append((await client.get("/staff/tasks", headers=someone.headers)).status_code)
    assert answers == [200, 403]


async def test_signing_out_ends_the_session_at_once(client: httpx.AsyncClient, world: World) -> None:
    someone = await world.person()
    assert (await client.get("/me", headers=someone.headers)).status_code == 200
    assert (await client.delete("/sessions/current", headers=someone.headers)).status_code == 204
    assert (await client.get("/me", headers=someone.headers)).status_code == 401


# ---- staying signed in ----


async def sign_in(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.post("/sessions", json={"code": f"sim:{make.unique('kept-')}#1"})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def refresh(client: httpx.AsyncClient, session: dict[str, Any]) -> httpx.Response:
    return await client.post("/sessions/refresh", json={"refresh_token": session["refresh_token"]})


async def test_each_refresh_gives_a_new_pair_of_the_same_person(client: httpx.AsyncClient) -> None:
    session = first = await sign_in(client)
    for _ in range(3):
        fresh = (await refresh(client, session)).json()
        assert fresh["person"]["id"] == first["person"]["id"]
        assert fresh["refresh_token"] != session["refresh_token"]
        me = await client.get("/me", headers={"Authorization": f"Bearer {fresh['access_token']}"})
        assert me.status_code == 200
        session = fresh


async def test_a_refresh_token_used_twice_ends_the_whole_family(
    client: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    stolen = await sign_in(client)
    kept = (await refresh(client, stolen)).json()
    again = await refresh(client, stolen)
    assert (again.status_code, again.json()["code"]) == (401, "token_refused")
    assert (await refresh(client, kept)).status_code == 401
    bearer = {"Authorization": f"Bearer {kept['access_token']}"}
    await until(401, lambda: client.get("/me", headers=bearer))
    reasons = await owner.fetch("select end_reason from session where person_id = $1", UUID(kept["person"]["id"]))
    assert [row["end_reason"] for row in reasons] == ["refresh_token_reused"]
    anew = await sign_in(client)
    assert (await refresh(client, anew)).status_code == 200


async def test_of_two_refreshes_at_once_one_counts_as_reuse(client: httpx.AsyncClient) -> None:
    session = await sign_in(client)
    answers = await asyncio.gather(*(refresh(client, session) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    assert (await refresh(client, winner)).status_code == 401


async def test_an_unknown_refresh_token_is_refused(client: httpx.AsyncClient) -> None:
    refused = await refresh(client, {"refresh_token": "A" * 43})
    assert (refused.status_code, refused.json()["code"]) == (401, "token_refused")


# ---- what its owner is still writing ----


async def test_a_file_that_its_owner_has_back_and_half_rewritten_breaks_nothing(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    someone = await world.person(home=town.units[0])
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    file = await world.household(someone, town.units[0], state="returned")
    case = await world.application(someone, town.units[0], household_id=file)
    own = await world.application(someone, town.units[0], state=S.DRAFT)
    half = await client.put(
        "/me/household", json={"address": "金霞街道"}, headers=someone.headers | {"If-Match": '"1"'}
    )
    assert half.status_code == 200, half.text
    assert (await client.get(f"/staff/households/{file}", headers=clerk.headers)).status_code == 404
    shown = await client.get(f"/staff/applications/{case.id}", headers=clerk.headers)
    assert (shown.status_code, shown.json()["household"]) == (200, None)
    preview = await client.post(f"/applications/{own.id}/preview", headers=someone.headers | make.keyed())
    assert (preview.status_code, preview.json()["outcome"]) == (200, "ineligible")
