"""The walls around one application and one household file, asked for by its id, as every role."""

import httpx
import pytest

from app.kernel.ids import new_id
from tests.http.matrix import Actor, Matrix, Thing, ask, each
from tests.http.walled_routes import CASES_BY_ID, FILES_BY_ID


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
