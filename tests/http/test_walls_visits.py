"""The walls around home visits: within one's reach, or where one is sent."""

import itertools
from uuid import UUID

import httpx
import pytest

from app.kernel.ids import new_id
from tests import make
from tests.http.matrix import Actor, Matrix, Thing, above, ask, each, get, listed
from tests.http.walled_routes import VISITS_BY_ID
from tests.visits.making import visit_of

PLANNERS = {"unit_clerk", "unit_chair", "district_reviewer", "district_leader"}
SENT = PLANNERS | {"street_reviewer", "home_visitor"}


@pytest.fixture(scope="module")
async def visits(matrix: Matrix) -> dict[UUID, Thing]:
    """One to every household that was submitted, by its id; each time another of the usual visitors is sent."""
    sent = itertools.cycle([actor for actor in matrix.usual if holds(actor, SENT)])
    planned: dict[UUID, Thing] = {}
    for file in matrix.files:
        if file.submitted:
            visitor = next(sent)
            while visitor.someone is file.owner:
                visitor = next(sent)
            people = (visitor.someone,)
            planned[await visit_of(matrix.world, file.id, file.owner, file.home, people)] = file
            ASSIGNED.setdefault(visitor.name, set()).add(file)
    return planned


ASSIGNED: dict[str, set[Thing]] = {}


def holds(actor: Actor, roles: set[str]) -> bool:
    return any(role.value in roles for role, _ in actor.posts)


def goes(actor: Actor, file: Thing) -> bool:
    return file in ASSIGNED.get(actor.name, ())


async def test_visits_are_listed_within_ones_reach_or_where_one_is_sent(
    client: httpx.AsyncClient, matrix: Matrix, visits: dict[UUID, Thing]
) -> None:
    async def check(actor: Actor) -> None:
        if not (actor.reads or holds(actor, SENT)):
            paths = ("/staff/visits", "/staff/visits/count")
            assert {(await get(client, actor, path)).status_code for path in paths} == {403}, actor.name
            return
        mine = [str(n) for n, file in visits.items() if goes(actor, file)]
        reached = [str(n) for n, file in visits.items() if actor.sees(file)] if actor.reads else mine
        for query, due in (({}, reached), ({"mine": "true"}, mine)):
            ids, said = await listed(client, actor, "/staff/visits", by="id", **query)
            assert ids == due, (actor.name, query)
            assert matrix.strangers(actor, said, own=False) == set(), actor.name
            counted = (await get(client, actor, "/staff/visits/count", **query)).json()
            assert counted == {"count": len(due)}, (actor.name, query)


@pytest.mark.parametrize(("call", "status"), VISITS_BY_ID.items())
async def test_a_visit_that_is_not_ones_own_work_is_answered_like_one_that_never_was(
    client: httpx.AsyncClient, matrix: Matrix, visits: dict[UUID, Thing], call: tuple[str, str], status: int
) -> None:
    absent = {a.name: (await ask(client, a, *call, new_id())).content for a in matrix.actors}

    async def check(actor: Actor, visit_id: UUID, file: Thing) -> None:
        answer = await ask(client, actor, *call, visit_id)
        sent = goes(actor, file)
        if sent or (actor.reads and actor.sees(file)):
            due = 200 if sent and status == 403 else status
            assert answer.status_code == due, (actor.name, file, answer.text)
            seen = matrix.strangers(actor, answer.text, own=False)
            assert seen == set(), (actor.name, file)
        else:
            due = 404 if actor.reads or holds(actor, SENT) else 403
            assert answer.status_code == due, (actor.name, file, answer.text)
            assert answer.content == absent[actor.name], (actor.name, file)

    asked = (
        (actor, *one)
        for n, actor in enumerate(matrix.actors)
        for m, one in enumerate(visits.items())
        if m % 4 == n % 4 or goes(actor, one[1])
    )
    await each(check, asked)


async def test_visitors_are_chosen_and_sent_only_by_those_who_plan_within_their_reach(
    client: httpx.AsyncClient, matrix: Matrix
) -> None:
    body = {"purpose": "spot", "planned_on": "2000-01-01", "visitor_ids": [str(new_id())]}

    async def check(actor: Actor, file: Thing) -> None:
        headers = actor.someone.headers | make.keyed() | {"X-Request-Id": "same"}
        shown = await get(client, actor, f"/staff/households/{file.id}/visitors")
        planned = await client.post(f"/staff/households/{file.id}/visits", json=body, headers=headers)
        over = any(role.value in PLANNERS and above(union, file.home) for role, union in actor.posts)
        if not holds(actor, PLANNERS):
            assert (shown.status_code, planned.status_code) == (403, 403), actor.name
        elif not actor.sees(file):
            assert (shown.status_code, planned.status_code) == (404, 404), (actor.name, file)
        elif not over:
            assert (shown.status_code, planned.status_code) == (403, 403), (actor.name, file)
        else:
            assert shown.status_code == 200, (actor.name, file)
            assert planned.status_code in (409, 422), (actor.name, planned.text)

    await each(check, ((a, file) for n, a in enumerate(matrix.actors) for file in matrix.files[n % 7 :: 7]))


async def test_nobody_confirms_a_visit_to_anothers_household(
    client: httpx.AsyncClient, matrix: Matrix, visits: dict[UUID, Thing]
) -> None:
    path = "/me/visits/{}/confirm"

    async def check(actor: Actor) -> None:
        absent = (await ask(client, actor, "POST", path, new_id())).content
        for visit_id, file in visits.items():
            if file.owner is actor.someone:
                assert (await ask(client, actor, "POST", path, visit_id)).status_code == 412, actor.name
            elif visit_id.int % 5 == 0:
                answer = await ask(client, actor, "POST", path, visit_id)
                assert (answer.status_code, answer.content) == (404, absent), (actor.name, file)

    await each(check, ((actor,) for actor in matrix.usual))
