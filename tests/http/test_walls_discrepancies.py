"""The walls around what was found otherwise than a file says, as every role."""

from uuid import UUID

import httpx
import pytest

from app.discrepancies.commands import open_discrepancy
from app.kernel.ids import new_id
from tests.discrepancies.making import found, household_of, working
from tests.http.matrix import Actor, Matrix, Thing, ask, each, get, listed
from tests.http.walled_routes import DISCREPANCIES_BY_ID


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
