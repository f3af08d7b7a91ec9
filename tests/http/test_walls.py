"""Every route, as every role: what is not under one's union does not exist, in lists, counts, ids and words alike.

The cases and the oracle stand in tests/http/matrix.py; nothing of them is read from the service's own rules.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.applications.path import Kind, State
from app.discrepancies.commands import open_discrepancy
from app.duplicates.tables import DuplicateFlag
from app.http.routing import api_routes
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.discrepancies.making import found, household_of, working
from tests.http.matrix import Actor, Matrix, Thing, above, ask, build, each, get, listed
from tests.make import Guild, World
from tests.visits.making import visit_of

V1 = "/api/v1"
CASES_BY_ID = {("GET", "/staff/applications/{}"): 200, ("POST", "/staff/applications/{}/actions"): 412}
"""What a version that never was is told, and by it that the case was found: nothing moves while we ask."""
FILES_BY_ID = {
    ("GET", "/staff/households/{}"): 200,
    ("GET", "/staff/households/{}/responsible"): 200,
    ("GET", "/staff/households/{}/contact_card"): 409,
    ("GET", "/staff/households/{}/visits"): 200,
    ("GET", "/staff/households/{}/changes"): 200,
}
DISCREPANCIES_BY_ID = {
    ("GET", "/staff/discrepancies/{}"): 200,
    ("POST", "/staff/discrepancies/{}/actions"): 412,
}
VISITS_BY_ID = {
    ("GET", "/staff/visits/{}"): 200,
    ("POST", "/staff/visits/{}/actions"): 412,
    ("POST", "/staff/visits/{}/operations"): 403,
}
"""Who may see a visit and is not sent on it fills in nothing."""
FILES_BY_ID |= {
    (method, f"/staff/households/{{}}/{what}"): 412
    for method, what in (
        ("POST", "actions"), ("PUT", "form"), ("PUT", "class"), ("PUT", "cohort"), ("POST", "split"),
        ("POST", "transfers"),
    )
}  # fmt: skip
FILES_BY_ID |= {
    ("GET", "/staff/households/{}/plans"): 200,
    ("POST", "/staff/households/{}/plans"): 409,
    ("GET", "/staff/households/{}/verifications"): 200,
    ("GET", "/staff/households/{}/relapse"): 200,
}
"""That a plan replaces one that never was is told only where the file is seen."""
OWN_BY_ID = {
    ("GET", "/applications/{}"): 200,
    ("PUT", "/applications/{}"): 412,
    ("POST", "/applications/{}/preview"): 200,
    ("POST", "/applications/{}/submit"): 412,
    ("POST", "/applications/{}/withdraw"): 412,
}
OWN_LISTS = {
    ("GET", "/applications"),
    ("GET", "/me/household"),
    ("GET", "/me/export"),
    ("GET", "/me/household/discrepancies"),
    ("GET", "/me/visits"),
    ("GET", "/me/household/matches"),
    ("GET", "/me/household/match_authorisations"),
    ("GET", "/me/household/change_requests"),
    ("GET", "/me/household/changes"),
} | {("GET", path) for path in ("/me", "/me/consents", "/me/access_log", "/me/household/responsible")}
LISTS = {("GET", "/staff/tasks"), ("GET", "/staff/tasks/count"), ("GET", "/staff/households/tasks")} | {
    ("GET", path) for path in ("/staff/households", "/staff/households/count", "/staff/households/transfers")
}
LISTS |= {("GET", path) for path in ("/staff/watch_tasks", "/staff/watch_tasks/count")}
LISTS |= {("GET", path) for path in ("/staff/escalations", "/staff/escalations/count")}
CHANGES = {
    ("GET", "/staff/change_requests"),
    ("GET", "/staff/change_requests/count"),
    ("POST", "/staff/change_requests/{}/actions"),
    ("POST", "/staff/households/{}/change_requests"),
    ("GET", "/staff/proxy_households"),
    ("POST", "/staff/proxy_households"),
    ("POST", "/staff/proxy_households/{}/confirm_on_paper"),
}
"""Who sees and does what with these stands in test_change_requests.py and test_proxy_filings.py."""
OWN_ACTS = {
    ("POST", "/applications"): 201,
    ("PUT", "/me/identity"): 200,
    ("PUT", "/me/phone"): 200,
    ("PUT", "/me/bank_card"): 200,
    ("PUT", "/me/organisation"): 200,
    ("POST", "/me/consents"): 422,
    ("PUT", "/me/household"): 412,
    ("POST", "/me/household/submit"): 403,
    ("POST", "/me/household/confirm_proxy"): 403,
    ("POST", "/me/household/change_requests"): 201,
    ("POST", "/me/household/withdraw"): 412,
    ("GET", "/me/household/contact_card"): 409,
    ("GET", "/me/household/register_form"): 200,
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
EVERYONES = {
    ("GET", path)
    for path in ("/consents", "/programmes", "/organisations", "/public/notices", "/reference/dictionaries")
}
NOBODYS = {("POST", "/screening")}
"""It reads and keeps nothing of anybody's."""
MATCHES_AND_DUPLICATES = {
    ("GET", "/staff/duplicates"),
    ("GET", "/staff/duplicates/count"),
    ("GET", "/staff/duplicates/{}"),
    ("POST", "/staff/duplicates/{}/actions"),
    ("GET", "/staff/matches"),
    ("POST", "/staff/matches"),
    ("GET", "/staff/matches/{}"),
    ("GET", "/staff/matches/{}/file"),
    ("POST", "/staff/matches/{}/key"),
    ("GET", "/staff/matches/{}/results"),
    ("POST", "/staff/matches/{}/results"),
    ("POST", "/staff/households/{}/match_authorisations"),
    ("POST", "/me/household/match_authorisations"),
    ("POST", "/me/household/match_authorisations/{}/withdraw"),
}
"""Pairs and batches of files: who sees which stands in test_duplicates.py and test_matches.py, and below."""
ELSEWHERE = {
    ("PUT", "/staff/households/{}/responsible"),
    ("GET", "/staff/households/{}/responsible/candidates"),
    ("GET", "/staff/households/{}/register_form"),
    ("GET", "/staff/households/summary_form"),
    ("GET", "/staff/households/notice_form"),
    ("GET", "/staff/discrepancies"),
    ("GET", "/staff/discrepancies/count"),
    ("POST", "/me/discrepancies/{}/answer"),
    ("GET", "/staff/visits"),
    ("GET", "/staff/visits/count"),
    ("POST", "/staff/visits/{}/conflicts/{}"),
    ("GET", "/staff/households/{}/visitors"),
    ("POST", "/staff/households/{}/visits"),
    ("POST", "/me/visits/{}/confirm"),
    ("GET", "/me/household/plan"),
    ("GET", "/staff/households/lists/{}"),
    ("GET", "/staff/households/lists/{}/count"),
    ("POST", "/staff/households/{}/verifications"),
    ("POST", "/staff/plans/{}/measures"),
    ("POST", "/staff/plans/{}/close"),
    ("PUT", "/staff/measures/{}"),
    ("POST", "/staff/measures/{}/services"),
    ("POST", "/staff/watch_tasks/{}/complete"),
    ("GET", "/staff/calendar/{}"),
    ("PUT", "/staff/calendar/{}"),
    ("PUT", "/staff/calendar/days/{}"),
    ("POST", "/staff/covers"),
    ("POST", "/staff/covers/enrolments"),
    ("POST", "/staff/households/transfers/{}/actions"),
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
    by_id = {**CASES_BY_ID, **FILES_BY_ID, **DISCREPANCIES_BY_ID, **VISITS_BY_ID, **OWN_BY_ID, **OWN_ACTS}
    known = {*by_id, *LISTS, *OWN_LISTS, *POLICIES, *EVERYONES, *NOBODYS, *ELSEWHERE}
    known |= {*CHANGES, *MATCHES_AND_DUPLICATES}
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


async def test_the_list_of_files_and_its_filters_hold_exactly_what_is_in_reach(
    client: httpx.AsyncClient, matrix: Matrix
) -> None:
    async def check(actor: Actor) -> None:
        if not actor.reads:
            return
        seen = [file for file in matrix.files if actor.sees(file)]
        ids, said = await listed(client, actor, "/staff/households")
        assert ids == [str(file.id) for file in sorted(seen, key=lambda file: file.id, reverse=True)], actor.name
        assert matrix.strangers(actor, said, own=False) == set(), actor.name
        for state in ("submitted", "active", "lifted", "draft"):
            wanted = sorted(str(file.id) for file in seen if file.state == state)
            ids, _ = await listed(client, actor, "/staff/households", state=state)
            counted = (await get(client, actor, "/staff/households/count", state=state)).json()
            assert (sorted(ids), counted) == (wanted, {"count": len(wanted)}), (actor.name, state)

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


# ---- what was found otherwise than a file says ----


@pytest.fixture(scope="module")
async def discrepancies(matrix: Matrix) -> dict[UUID, Thing]:
    """One in every file, by its id."""
    opened: dict[UUID, Thing] = {}
    for file in matrix.files:
        async with working(matrix.world) as work:
            opened[await open_discrepancy(work, await household_of(work, file.id), found())] = file
    return opened


async def test_a_list_of_discrepancies_and_its_count_hold_exactly_those_within_reach(
    client: httpx.AsyncClient, matrix: Matrix, discrepancies: dict[UUID, Thing]
) -> None:
    async def check(actor: Actor) -> None:
        if not actor.reads:
            paths = ("/staff/discrepancies", "/staff/discrepancies/count")
            assert {(await get(client, actor, path)).status_code for path in paths} == {403}, actor.name
            return
        due = [str(n) for n, file in discrepancies.items() if actor.reaches(file)]
        ids, said = await listed(client, actor, "/staff/discrepancies", by="id")
        assert ids == due, actor.name
        assert matrix.strangers(actor, said, own=False) <= unsubmitted(matrix, actor), actor.name
        counted = (await get(client, actor, "/staff/discrepancies/count")).json()
        assert counted == {"count": len(due)}, actor.name

    await each(check, ((actor,) for actor in matrix.actors))


def unsubmitted(matrix: Matrix, actor: Actor) -> set[str]:
    """The names of files that only this test has a discrepancy in: in truth it takes a file that was submitted."""
    return {token for file in matrix.files if not file.submitted and actor.reaches(file) for token in file.tokens}


@pytest.mark.parametrize(("call", "status"), DISCREPANCIES_BY_ID.items())
async def test_a_discrepancy_outside_ones_reach_is_answered_like_one_that_never_was(
    client: httpx.AsyncClient, matrix: Matrix, discrepancies: dict[UUID, Thing], call: tuple[str, str], status: int
) -> None:
    absent = {a.name: (await ask(client, a, *call, new_id())).content for a in matrix.actors}

    async def check(actor: Actor, discrepancy_id: UUID, file: Thing) -> None:
        answer = await ask(client, actor, *call, discrepancy_id)
        if actor.reads and actor.reaches(file):
            assert answer.status_code == status, (actor.name, file, answer.text)
        else:
            assert answer.status_code == (404 if actor.reads else 403), (actor.name, file, answer.text)
            assert answer.content == absent[actor.name], (actor.name, file)

    everything = list(discrepancies.items())
    await each(check, ((a, *one) for n, a in enumerate(matrix.actors) for one in everything[n % 3 :: 3]))


async def test_nobody_answers_about_anothers_file(
    client: httpx.AsyncClient, matrix: Matrix, discrepancies: dict[UUID, Thing]
) -> None:
    path = "/me/discrepancies/{}/answer"

    async def check(actor: Actor) -> None:
        absent = (await ask(client, actor, "POST", path, new_id())).content
        for discrepancy_id, file in [*discrepancies.items()][::5]:
            answer = await ask(client, actor, "POST", path, discrepancy_id)
            if file.owner is actor.someone:
                assert answer.status_code == 412, actor.name
            else:
                assert (answer.status_code, answer.content) == (404, absent), (actor.name, file)

    await each(check, ((actor,) for actor in matrix.usual))


# ---- visits ----

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


# ---- two files that look like one ----


@pytest.fixture(scope="module")
async def duplicates(matrix: Matrix) -> dict[str, tuple[Thing, Thing]]:
    """Each file with one a few places on, mostly of another union: the pairs by the ids of their suspicions."""
    flagged: dict[str, tuple[Thing, Thing]] = {}
    files = [file for file in matrix.files if file.submitted]  # no other is ever compared
    for one, other in zip(files, [*files[11:], *files[:11]], strict=True):
        a, b = sorted((one, other), key=lambda file: file.id)
        flag_id, sides = new_id(), {"a": a, "b": b}
        await matrix.world.insert(
            DuplicateFlag, id=flag_id, created_at=make.NOW, score=70, reasons=[], weights="test", features_index=b"-",
            state="open", seen_at=make.NOW, version=1,
            **{f"household_{side}_id": file.id for side, file in sides.items()},
            **{f"person_{side}_id": file.owner.id for side, file in sides.items()},
            **{f"organisation_{side}_id": file.home.id for side, file in sides.items()},
            **{f"{side}_{t}_id": file.home.ancestors[t] for side, file in sides.items() for t in file.home.ancestors},
        )  # fmt: skip
        flagged[str(flag_id)] = (a, b)
    return flagged


def is_shown(actor: Actor, pair: tuple[Thing, Thing]) -> bool:
    return any(actor.sees(file) for file in pair) and all(file.owner is not actor.someone for file in pair)


async def test_a_pair_is_seen_from_either_side_and_of_the_other_only_whose_it_is(
    client: httpx.AsyncClient, matrix: Matrix, duplicates: dict[str, tuple[Thing, Thing]]
) -> None:
    async def check(actor: Actor) -> None:
        if not actor.reads:
            paths = ("/staff/duplicates", "/staff/duplicates/count")
            assert {(await get(client, actor, path)).status_code for path in paths} == {403}, actor.name
            return
        shown = {flag for flag, pair in duplicates.items() if is_shown(actor, pair)}
        ids, said = await listed(client, actor, "/staff/duplicates")
        assert (set(ids), len(ids)) == (shown, len(shown)), actor.name
        assert matrix.strangers(actor, said, own=False) == set(), actor.name
        counted = (await get(client, actor, "/staff/duplicates/count")).json()
        assert counted == {"count": len(shown)}, actor.name

    await each(check, ((actor,) for actor in matrix.actors))


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


@pytest.mark.parametrize(
    ("call", "status"),
    [(("GET", "/staff/duplicates/{}"), 200), (("POST", "/staff/duplicates/{}/actions"), 412)],
)
async def test_a_pair_outside_ones_reach_is_answered_like_one_that_never_was(
    client: httpx.AsyncClient,
    matrix: Matrix,
    duplicates: dict[str, tuple[Thing, Thing]],
    call: tuple[str, str],
    status: int,
) -> None:
    absent = {a.name: await ask(client, a, *call, new_id()) for a in matrix.actors}

    async def check(actor: Actor, flag: str, pair: tuple[Thing, Thing]) -> None:
        answer = await ask(client, actor, *call, flag)
        if absent[actor.name].status_code == 404 and is_shown(actor, pair):
            assert answer.status_code == status, (actor.name, answer.text)
            assert matrix.strangers(actor, answer.text, own=False) == set(), actor.name
        else:
            assert answer.content == absent[actor.name].content, (actor.name, pair)

    everything = list(duplicates.items())
    await each(check, ((a, *one) for n, a in enumerate(matrix.actors) for one in everything[n % 5 :: 5]))


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
        new = {answer.json()["id"]} if method == "POST" and answer.status_code == 201 else set()
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
        "/me/household/change_requests": {
            "kind": "household_size",
            "reason": "分户",
            "field": "/members/0",
        },
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
