"""The walls around two files that look like one: seen from either side, and of the other only whose it is."""

import httpx
import pytest

from app.duplicates.tables import DuplicateFlag
from app.kernel.ids import new_id
from tests import make
from tests.http.matrix import Actor, Matrix, Thing, ask, each, get, listed


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
