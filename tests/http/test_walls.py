"""Every route, as every role: what is not under one's union does not exist, in lists, counts, ids and words alike.

The cases and the oracle stand in tests/http/matrix.py; nothing of them is read from the service's own rules.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

import httpx
import pytest

from app.applications.path import Kind, State
from app.http.routing import api_routes
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.http.matrix import Actor, Matrix, Thing, ask, build, each, get, listed
from tests.make import Guild, World

V1 = "/api/v1"
CASES_BY_ID = {("GET", "/staff/applications/{}"): 200, ("POST", "/staff/applications/{}/actions"): 412}
"""What a version that never was is told, and by it that the case was found: nothing moves while we ask."""
FILES_BY_ID = {("GET", "/staff/households/{}"): 200, ("POST", "/staff/households/{}/actions"): 412}
OWN_BY_ID = {
    ("GET", "/applications/{}"): 200,
    ("PUT", "/applications/{}"): 412,
    ("POST", "/applications/{}/preview"): 200,
    ("POST", "/applications/{}/submit"): 412,
    ("POST", "/applications/{}/withdraw"): 412,
}
LISTS = {("GET", "/staff/tasks"), ("GET", "/staff/tasks/count"), ("GET", "/staff/households/tasks")}
OWN_LISTS = {("GET", "/applications"), ("GET", "/me/household"), ("GET", "/me/export")} | {
    ("GET", path) for path in ("/me", "/me/consents", "/me/access_log")
}
OWN_ACTS = {
    ("POST", "/applications"): 201,
    ("PUT", "/me/identity"): 200,
    ("PUT", "/me/phone"): 200,
    ("PUT", "/me/bank_card"): 200,
    ("PUT", "/me/organisation"): 200,
    ("POST", "/me/consents"): 422,
    ("PUT", "/me/household"): 412,
    ("POST", "/me/household/submit"): 403,
    ("POST", "/me/household/withdraw"): 412,
}
POLICIES = {
    ("GET", "/staff/policies"),
    ("POST", "/staff/policies"),
    ("GET", "/staff/policies/{}"),
    ("POST", "/staff/policies/{}/publish"),
    ("POST", "/staff/policies/{}/withdraw"),
    ("POST", "/staff/policies/{}/rehearsals"),
    ("GET", "/staff/policies/{}/rehearsals"),
    ("GET", "/staff/policies/{}/rehearsals/{}"),
    ("GET", "/staff/policies/{}/rehearsals/{}/lines"),
}
"""Policy belongs to no union and to nobody's case: who may do what with it, by role, stands in test_policies.py."""
POLICY_READERS = {
    "district_reviewer",
    "district_leader",
    "city_reviewer",
    "city_leader",
    "mutual_aid_officer",
    "auditor",
}
EVERYONES = {("GET", path) for path in ("/consents", "/programmes", "/organisations", "/public/notices")}
NOBODYS = {("POST", "/screening")}
"""It reads and keeps nothing of anybody's."""
ELSEWHERE = {
    ("POST", "/staff/covers"),
    ("POST", "/staff/covers/enrolments"),
    ("POST", "/me/consents/{}/withdraw"),
    ("GET", "/public/notices/{}"),
    ("POST", "/files"),
    ("GET", "/staff/imports/template"),
    ("POST", "/staff/imports"),
    ("POST", "/staff/imports/{}/corrections"),
    ("GET", "/staff/imports/{}"),
    ("GET", "/staff/imports/{}/errors"),
    ("GET", "/staff/imports/{}/file"),
    ("POST", "/staff/imports/{}/commit"),
    ("POST", "/staff/exports"),
    ("GET", "/staff/exports/{}"),
    ("GET", "/staff/exports/{}/file"),
    ("GET", "/files/{}"),
    ("POST", "/sessions"),
    ("POST", "/sessions/refresh"),
    ("DELETE", "/sessions/current"),
    ("DELETE", "/me"),
}


@pytest.fixture(scope="module")
async def matrix(world: World) -> Matrix:
    return await build(world)


def in_order(things: Iterable[Thing]) -> list[str]:
    """As a queue shows them: what was submitted first comes first."""
    return [str(t.id) for t in sorted(things, key=lambda t: (t.case and t.case.submitted_at, t.id))]


def test_the_matrix_knows_every_route() -> None:
    by_id = {**CASES_BY_ID, **FILES_BY_ID, **OWN_BY_ID, **OWN_ACTS}
    known = {*by_id, *LISTS, *OWN_LISTS, *POLICIES, *EVERYONES, *NOBODYS, *ELSEWHERE}
    routes = {(m, re.sub(r"\{\w+\}", "{}", path.removeprefix(V1))) for path, r in api_routes() for m in r.methods or ()}
    assert routes == known


# ---- staff: queues, counts, filters ----


async def test_a_queue_its_count_and_its_filters_hold_exactly_what_waits(
    client: httpx.AsyncClient, matrix: Matrix
) -> None:
    async def check(actor: Actor) -> None:
        if not actor.reads:
            statuses = {(await get(client, actor, path)).status_code for _, path in LISTS}
            assert statuses == {403}, actor.name
            return
        waiting = [case for case in matrix.cases if actor.waits(case)]
        ids, said = await listed(client, actor, "/staff/tasks")
        assert ids == in_order(waiting), actor.name
        assert matrix.strangers(actor, said, own=False) == set(), actor.name
        for query, kept in filters(waiting):
            ids, _ = await listed(client, actor, "/staff/tasks", **query)
            counted = (await get(client, actor, "/staff/tasks/count", **query)).json()
            assert (ids, counted) == (in_order(kept), {"count": len(kept)}), (actor.name, query)

    await each(check, ((actor,) for actor in matrix.actors))


def filters(waiting: Sequence[Thing]) -> Iterator[tuple[dict[str, Any], list[Thing]]]:
    """Every filter of a queue, with what it should leave."""
    yield {}, list(waiting)
    yield {"overdue": "true"}, [t for t in waiting if t.overdue]
    for kind in Kind:
        yield {"kind": kind.value}, [t for t in waiting if t.case and t.case.kind is kind]
    for state in (State.SUBMITTED, State.UNIT_REVIEW, State.CITY_APPROVAL, State.PAID, State.DRAFT):
        yield {"state": state.value}, [t for t in waiting if t.state == state]


async def test_looking_for_a_number_finds_it_only_where_it_waits(client: httpx.AsyncClient, matrix: Matrix) -> None:
    async def check(actor: Actor, case: Thing) -> None:
        assert case.case is not None
        found, _ = await listed(client, actor, "/staff/tasks", q=case.case.number)
        counted = (await get(client, actor, "/staff/tasks/count", q=case.case.number)).json()
        expected = [str(case.id)] if actor.waits(case) else []
        assert (found, counted) == (expected, {"count": len(expected)}), actor.name

    open_states = {State.SUBMITTED, State.UNIT_REVIEW, State.DISTRICT_REVIEW, State.CITY_APPROVAL, State.APPROVED}
    looked_for = [case for case in matrix.cases if case.state in open_states]
    readers = [actor for actor in matrix.usual if actor.reads]
    await each(check, ((actor, case) for actor in readers for case in [actor.case, *looked_for[::2]]))


async def test_a_queue_of_files_holds_exactly_what_waits(client: httpx.AsyncClient, matrix: Matrix) -> None:
    async def check(actor: Actor) -> None:
        if not actor.opens_files:
            assert (await get(client, actor, "/staff/households/tasks")).status_code == 403, actor.name
            return
        ids, said = await listed(client, actor, "/staff/households/tasks")
        waiting = {str(file.id) for file in matrix.files if actor.waits(file)}
        assert (sorted(ids), len(ids)) == (sorted(waiting), len(waiting)), actor.name
        assert matrix.strangers(actor, said, own=False) == set(), actor.name

    await each(check, ((actor,) for actor in matrix.actors))


# ---- staff: one case, one file ----


@pytest.mark.parametrize(("call", "found"), [*CASES_BY_ID.items(), *FILES_BY_ID.items()])
async def test_an_id_outside_ones_reach_is_answered_like_one_that_never_was(
    client: httpx.AsyncClient, matrix: Matrix, call: tuple[str, str], found: int
) -> None:
    things = matrix.cases if call in CASES_BY_ID else matrix.files
    absent = {a.name: (await ask(client, a, *call, new_id())).content for a in matrix.actors}

    async def check(actor: Actor, thing: Thing) -> None:
        answer = await ask(client, actor, *call, thing.id)
        if actor.reads and actor.sees(thing):
            assert answer.status_code == found, (actor.name, thing, answer.text)
            assert matrix.strangers(actor, answer.text, own=False) == set(), (actor.name, thing)
        else:
            assert answer.status_code == (404 if actor.reads else 403), (actor.name, thing, answer.text)
            assert answer.content == absent[actor.name], (actor.name, thing)

    await each(check, matrix.pairs(things))


async def test_what_a_case_tells_of_the_household_ends_where_the_reach_ends(
    client: httpx.AsyncClient, matrix: Matrix
) -> None:
    async def check(actor: Actor, case: Thing, file: Thing) -> None:
        shown = (await ask(client, actor, "GET", "/staff/applications/{}", case.id)).json()
        household = shown["household"] and shown["household"]["id"]
        assert household == (str(file.id) if actor.sees(file) else None), actor.name
        others = [each.case for each, of in matrix.moved if of is file and each is not case and actor.sees(each)]
        assert [line["number"] for line in shown["money_this_year"]] == [o.number for o in others if o], actor.name

    readers = [(actor, case, file) for actor in matrix.actors for case, file in matrix.moved if actor.sees(case)]
    assert len({actor.sees(file) for actor, _, file in readers}) == 2
    await each(check, readers)


async def test_ones_own_case_and_file_are_not_ones_work(client: httpx.AsyncClient, matrix: Matrix) -> None:
    async def check(actor: Actor, call: tuple[str, str], thing: Thing) -> None:
        answer = await ask(client, actor, *call, thing.id)
        assert answer.status_code == (404 if actor.reads else 403), (actor.name, call, answer.text)

    await each(check, ((actor, call, actor.case) for call in CASES_BY_ID for actor in matrix.actors))
    await each(check, ((actor, call, actor.file) for call in FILES_BY_ID for actor in matrix.actors))


async def test_a_list_is_enrolled_only_for_a_union_within_reach(client: httpx.AsyncClient, matrix: Matrix) -> None:
    async def enrol(actor: Actor, code: str) -> httpx.Response:
        body = {"organisation_code": code, "staff_count": 1_000_000, "starts_on": "2050-01-01",
                "id_numbers": [make.id_number()]}  # fmt: skip
        headers = actor.someone.headers | make.keyed() | {"X-Request-Id": "same"}
        return await client.post("/staff/covers/enrolments", json=body, headers=headers)

    async def check(actor: Actor, union: Guild) -> None:
        answer = await enrol(actor, union.code)
        if actor.enrols_at(union):
            assert answer.status_code == 422, (actor.name, answer.text)  # one of a million
        else:
            assert answer.status_code == (404 if actor.enrols else 403), (actor.name, union.name)
            assert answer.content == (await enrol(actor, "NO-SUCH-UNION")).content

    await each(check, product(matrix.actors, matrix.unions))


async def test_a_cover_is_enrolled_only_for_a_union_within_reach(client: httpx.AsyncClient, matrix: Matrix) -> None:
    async def enrol(actor: Actor, code: str) -> httpx.Response:
        body = {"id_number": make.id_number(), "organisation_code": code, "is_renewal": False,
                "starts_on": "2026-01-01", "ends_on": "2026-12-31"}  # fmt: skip
        headers = actor.someone.headers | make.keyed() | {"X-Request-Id": "same"}
        return await client.post("/staff/covers", json=body, headers=headers)

    async def check(actor: Actor, union: Guild) -> None:
        answer = await enrol(actor, union.code)
        if actor.enrols_at(union):
            assert answer.status_code == 201, (actor.name, answer.text)
        else:
            assert answer.status_code == (404 if actor.enrols else 403), (actor.name, union.name)
            assert answer.content == (await enrol(actor, "NO-SUCH-UNION")).content

    await each(check, product(matrix.actors, matrix.unions))


async def test_the_policies_betray_nobody_and_are_read_by_those_who_decide(
    client: httpx.AsyncClient, matrix: Matrix
) -> None:
    async def check(actor: Actor) -> None:
        reads = any(role.value in POLICY_READERS for role, _ in actor.posts)
        listed_ = await get(client, actor, "/staff/policies", limit=100)
        assert listed_.status_code == (200 if reads else 403), actor.name
        assert matrix.strangers(actor, listed_.text, own=False) == set(), actor.name
        for thing in (actor.case, actor.file):
            answer = await get(client, actor, f"/staff/policies/{thing.id}")
            assert answer.status_code == (404 if reads else 403), actor.name

    await each(check, ((actor,) for actor in matrix.actors))


# ---- the worker's door ----


@pytest.mark.parametrize(("call", "found"), OWN_BY_ID.items())
async def test_anothers_application_is_answered_like_one_that_never_was(
    client: httpx.AsyncClient, matrix: Matrix, call: tuple[str, str], found: int
) -> None:
    async def check(actor: Actor) -> None:
        own = await ask(client, actor, *call, actor.case.id)
        assert own.status_code == found, (actor.name, own.text)
        assert matrix.strangers(actor, own.text, own=True) == set(), actor.name
        absent = (await ask(client, actor, *call, new_id())).content
        for thing in matrix.cases[::12]:
            if thing.owner is not actor.someone:
                answer = await ask(client, actor, *call, thing.id)
                assert (answer.status_code, answer.content) == (404, absent), (actor.name, thing)

    await each(check, ((actor,) for actor in matrix.usual))


async def test_the_worker_sees_only_what_is_their_own(client: httpx.AsyncClient, matrix: Matrix) -> None:
    async def check(actor: Actor) -> None:
        ids, said = await listed(client, actor, "/applications")
        assert ids == [str(actor.case.id)], actor.name
        for _, path in sorted(OWN_LISTS):
            answer = await get(client, actor, path)
            assert answer.status_code == 200, (actor.name, answer.text)
            assert matrix.strangers(actor, answer.text + said, own=True) == set(), (actor.name, path)
        assert (await get(client, actor, "/me/household")).json()["id"] == str(actor.file.id)

    await each(check, ((actor,) for actor in matrix.actors))


async def test_what_someone_does_for_themselves_shows_nothing_of_others(
    client: httpx.AsyncClient, matrix: Matrix
) -> None:
    async def check(actor: Actor, method: str, path: str, due: int) -> None:
        answer = await client.request(
            method, path, json=own_body(actor, path, matrix.unions[0]), headers=own_headers(actor)
        )
        assert answer.status_code == due, (actor.name, path, answer.text)
        new = {answer.json()["id"]} if path == "/applications" else set()
        assert matrix.strangers(actor, answer.text, own=True) - new == set(), (actor.name, path)

    await each(check, ((actor, *call, due) for actor in matrix.usual for call, due in OWN_ACTS.items()))


def own_headers(actor: Actor) -> dict[str, str]:
    return actor.someone.headers | make.keyed() | {"If-Match": '"0"'}


def own_body(actor: Actor, path: str, unit: Guild) -> dict[str, Any] | None:
    me = actor.someone
    bodies: dict[str, dict[str, Any]] = {
        "/applications": {"kind": "golden_autumn"},
        "/me/identity": {"name": me.name, "id_number": me.id_number},
        "/me/phone": {"code": f"simphone:13800138000#{make.unique()}"},
        "/me/bank_card": {"holder": me.name, "number": "6222021234567890128", "bank_name": "中国工商银行"},
        "/me/organisation": {"organisation_code": unit.code},
        "/me/consents": {"purpose": "child_data", "sha256": "0" * 64},
        "/me/household": {},
    }
    return bodies.get(path)


async def test_nobody_withdraws_anothers_consent(client: httpx.AsyncClient, matrix: Matrix) -> None:
    giver = await matrix.world.person()
    theirs = (await client.get("/me/consents", headers=giver.headers)).json()["items"]
    assert len(theirs) == 8
    for actor in matrix.usual:
        absent = await ask(client, actor, "POST", "/me/consents/{}/withdraw", new_id())
        foreign = await ask(client, actor, "POST", "/me/consents/{}/withdraw", theirs[0]["id"])
        assert (foreign.status_code, foreign.content) == (404, absent.content), actor.name
    assert (await client.get("/me/consents", headers=giver.headers)).json()["items"] == theirs


async def test_ending_a_session_or_an_account_ends_no_other(client: httpx.AsyncClient, matrix: Matrix) -> None:
    for path in ("/sessions/current", "/me"):
        leaving = await matrix.world.person(posts=tuple((role, matrix.unions[0]) for role in Role), consents=())
        assert (await client.delete(path, headers=leaving.headers)).status_code == 204
        assert (await client.get("/me", headers=leaving.headers)).status_code == 401
    assert {(await get(client, actor, "/me")).status_code for actor in matrix.usual} == {200}


async def test_what_everyone_may_read_betrays_nobody(client: httpx.AsyncClient, matrix: Matrix) -> None:
    for _, path in sorted(EVERYONES):
        for headers in ({}, *(actor.someone.headers for actor in matrix.usual)):
            said = await client.get(path, headers=headers)
            assert said.status_code == 200
            assert matrix.strangers(matrix.usual[-1], said.text, own=False) == set(), path
    for thing in (*matrix.cases[:20], *matrix.files[:20]):
        assert (await client.get(f"/public/notices/{thing.id}")).status_code == 404
