"""The walls around what waits and what is listed: queues, counts, filters, as every role."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import httpx

from app.applications.path import Kind, State
from tests.http.matrix import Actor, Matrix, Thing, each, get, listed
from tests.http.walled_routes import LISTS


def in_order(things: Iterable[Thing]) -> list[str]:
    """As a queue shows them: what was submitted first comes first."""
    return [str(t.id) for t in sorted(things, key=lambda t: (t.case and t.case.submitted_at, t.id))]


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
