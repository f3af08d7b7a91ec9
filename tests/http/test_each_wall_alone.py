"""Each wall for itself: with the first one open the second holds, and with both open the check must notice."""

from collections.abc import AsyncIterator, Iterator
from itertools import product

import asyncpg
import httpx
import pytest
from sqlalchemy import ColumnElement, Table, literal_column, or_

from app.applications import queries as applications
from app.applications import queue
from app.applications.batches import queries as batches
from app.cases import queries as cases
from app.db import scope
from app.households import queries as households
from app.households import transfers
from app.kernel.actor import Tier
from tests.calling import post
from tests.http.batches import PREVIEW
from tests.http.matrix import Actor, Matrix, Thing, ask, each, get, listed


@pytest.fixture
def no_first_wall(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The one scope builder lets everything through, as if somebody had forgotten it in a query."""
    real = scope.under

    def open_to_all(table: Table, tier: Tier, n: int) -> ColumnElement[bool]:
        return or_(literal_column("true"), real(table, tier, n))

    for module in (scope, queue, households):
        monkeypatch.setattr(module, "under", open_to_all)
    forget_statements()
    yield
    monkeypatch.undo()
    forget_statements()


@pytest.fixture
async def no_second_wall(owner: asyncpg.Connection) -> AsyncIterator[None]:
    """One more policy, which lets the API's role see everything."""
    for table in ("application", "household"):
        await owner.execute(f"create policy planted on {table} to aid_api using (true)")
    yield
    for table in ("application", "household"):
        await owner.execute(f"drop policy planted on {table}")


def forget_statements() -> None:
    """The statements that are built once, with the scope in them."""
    for module in (applications, batches, cases, queue, households, transfers):
        for made in vars(module).values():
            if hasattr(made, "cache_clear"):
                made.cache_clear()


async def leaks(client: httpx.AsyncClient, matrix: Matrix) -> dict[str, int]:
    """How often a list, a count or an id lets out what the oracle denies, for every role at its usual desk."""
    found = dict.fromkeys(("list", "count", "number", "files", "file list", "case", "batch", "file"), 0)

    async def ask_queue(actor: Actor) -> None:
        ids, said = await listed(client, actor, "/staff/tasks")
        visible = {str(thing.id) for thing in (*matrix.cases, *matrix.files) if actor.sees(thing)}
        found["list"] += len(set(ids) - visible) + len(matrix.strangers(actor, said, own=False))
        if len(actor.posts) == 1:  # with two desks the reach is wider than either queue
            counted = (await get(client, actor, "/staff/tasks/count")).json()["count"]
            found["count"] += counted > sum(actor.waits(case) for case in matrix.cases)
        if actor.opens_files:
            ids, _ = await listed(client, actor, "/staff/households/tasks")
            found["files"] += len(set(ids) - visible)
        ids, _ = await listed(client, actor, "/staff/households")
        found["file list"] += len(set(ids) - visible)

    async def ask_case(actor: Actor, thing: Thing) -> None:
        assert thing.case is not None
        for what, answer in (
            ("number", await get(client, actor, "/staff/tasks", q=thing.case.number)),
            ("case", await ask(client, actor, "GET", "/staff/applications/{}", thing.id)),
        ):
            found[what] += len(matrix.strangers(actor, answer.text, own=False))

    async def ask_file(actor: Actor, thing: Thing) -> None:
        answer = await ask(client, actor, "GET", "/staff/households/{}", thing.id)
        found["file"] += len(matrix.strangers(actor, answer.text, own=False))

    async def ask_batch(actor: Actor) -> None:
        items = [{"application_id": str(case.id)} for case in matrix.cases]
        answer = await post(client, actor.someone, PREVIEW, {"action": "approve", "items": items})
        numbers = {case.case.number for case in matrix.cases if case.case and not actor.sees(case)}
        found["batch"] += len(numbers & {item["number"] for item in answer.json()["items"]})

    readers = [actor for actor in matrix.usual if actor.reads]
    await each(ask_queue, ((actor,) for actor in readers))
    await each(ask_case, product(readers, [*matrix.cases[::9], *(case for case, _ in matrix.moved)]))
    await each(ask_batch, ((actor,) for actor in readers))
    await each(ask_file, product(readers, matrix.files[::9]))
    return found


async def test_with_both_walls_up_nothing_leaks(client: httpx.AsyncClient, matrix: Matrix) -> None:
    assert set((await leaks(client, matrix)).values()) == {0}


@pytest.mark.usefixtures("no_first_wall")
async def test_the_second_wall_alone_lets_nothing_through(client: httpx.AsyncClient, matrix: Matrix) -> None:
    assert set((await leaks(client, matrix)).values()) == {0}


@pytest.mark.usefixtures("no_second_wall")
async def test_the_first_wall_alone_lets_nothing_through(client: httpx.AsyncClient, matrix: Matrix) -> None:
    assert set((await leaks(client, matrix)).values()) == {0}


@pytest.mark.usefixtures("no_first_wall", "no_second_wall")
async def test_a_leak_that_somebody_plants_is_found(client: httpx.AsyncClient, matrix: Matrix) -> None:
    found = await leaks(client, matrix)
    assert min(found.values()) > 0, found
