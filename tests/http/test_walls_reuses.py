"""The walls around two claims that may stand on one bill, and around two people who are paid to one card: seen from
either side, asked of the second alone, and of the other only number and union."""

from typing import Any

import httpx
import pytest

from app.kernel.ids import new_id
from app.reuse.tables import CardAlert, ReuseHint
from tests import make
from tests.http.matrix import Actor, Matrix, Thing, ask, each, get, listed

EVIDENCE: dict[str, Any] = {"found": [{"code": "amounts", "points": 50, "files": None}], "differs": ["number"]}


@pytest.fixture(scope="module")
async def reuses(matrix: Matrix) -> dict[str, tuple[Thing, Thing]]:
    """Each case with one a few places on, mostly of another union: what is asked of the first, by the hint's id."""
    found: dict[str, tuple[Thing, Thing]] = {}
    cases = [case for case in matrix.cases if case.submitted]
    for case, other in zip(cases, [*cases[7:], *cases[:7]], strict=True):
        hint_id, (low, high) = new_id(), sorted((case.id, other.id))
        await matrix.world.insert(
            ReuseHint, id=hint_id, created_at=make.NOW, application_id=case.id, other_id=other.id,
            applicant_id=case.owner.id, other_applicant_id=other.owner.id, low_id=low, high_id=high,
            number=f"BF-{hint_id}"[:40], organisation_name=case.home.name, other_number=f"BF-o{hint_id}"[:40],
            other_organisation_name=other.home.name, score=70, evidence=EVIDENCE, state="open", seen_at=make.NOW,
            version=1,
        )  # fmt: skip
        found[str(hint_id)] = (case, other)
    return found


def concerns(actor: Actor, pair: tuple[Thing, Thing]) -> bool:
    return all(case.owner is not actor.someone for case in pair)


async def test_a_hint_waits_where_the_second_case_is_and_says_of_the_other_only_number_and_union(
    client: httpx.AsyncClient, matrix: Matrix, reuses: dict[str, tuple[Thing, Thing]]
) -> None:
    async def check(actor: Actor) -> None:
        if not actor.reads:
            paths = ("/staff/reuses", "/staff/reuses/count")
            assert {(await get(client, actor, path)).status_code for path in paths} == {403}, actor.name
            return
        shown = {hint for hint, pair in reuses.items() if actor.sees(pair[0]) and concerns(actor, pair)}
        ids, said = await listed(client, actor, "/staff/reuses")
        assert (set(ids), len(ids)) == (shown, len(shown)), actor.name
        assert matrix.strangers(actor, said, own=False) == set(), actor.name
        counted = (await get(client, actor, "/staff/reuses/count")).json()
        assert counted == {"count": len(shown)}, actor.name

    await each(check, ((actor,) for actor in matrix.actors))


@pytest.mark.parametrize(
    ("call", "status"),
    [(("GET", "/staff/reuses/{}"), 200), (("POST", "/staff/reuses/{}/actions"), 412)],
)
async def test_a_hint_outside_ones_reach_is_answered_like_one_that_never_was(
    client: httpx.AsyncClient,
    matrix: Matrix,
    reuses: dict[str, tuple[Thing, Thing]],
    call: tuple[str, str],
    status: int,
) -> None:
    absent = {a.name: await ask(client, a, *call, new_id()) for a in matrix.actors}

    async def check(actor: Actor, hint: str, pair: tuple[Thing, Thing]) -> None:
        answer = await ask(client, actor, *call, hint)
        looks = call[0] == "GET"
        shown = any(actor.sees(case) for case in (pair if looks else pair[:1])) and concerns(actor, pair)
        if absent[actor.name].status_code == 404 and shown:
            assert answer.status_code == status, (actor.name, answer.text)
            assert matrix.strangers(actor, answer.text, own=False) == set(), actor.name
        else:
            assert answer.content == absent[actor.name].content, (actor.name, pair)

    everything = list(reuses.items())
    await each(check, ((a, *one) for n, a in enumerate(matrix.actors) for one in everything[n % 7 :: 7]))


async def test_a_shared_card_is_seen_by_whoever_sees_either_of_the_two_and_by_neither_of_them(
    client: httpx.AsyncClient, matrix: Matrix
) -> None:
    cases, alerts = [case for case in matrix.cases if case.submitted], {}
    for one, other in zip(cases, [*cases[5:], *cases[:5]], strict=True):
        if one.owner is other.owner:
            continue
        alert_id, (a, b) = new_id(), sorted((one, other), key=lambda case: case.owner.id)
        await matrix.world.insert(
            CardAlert, id=alert_id, created_at=make.NOW, number_index=alert_id.bytes, number_masked="****1234",
            person_a_id=a.owner.id, person_b_id=b.owner.id, organisation_a_id=a.home.id, organisation_b_id=b.home.id,
            state="open",
        )  # fmt: skip
        alerts[str(alert_id)] = (one, other)
    of_people: dict[Any, list[Thing]] = {}
    for thing in (*cases, *(file for file in matrix.files if file.submitted)):
        of_people.setdefault(thing.owner.id, []).append(thing)

    async def check(actor: Actor) -> None:
        if not actor.reads:
            assert (await get(client, actor, "/staff/card_alerts")).status_code == 403, actor.name
            return
        shown = {
            alert
            for alert, pair in alerts.items()
            if concerns(actor, pair) and any(actor.sees(thing) for case in pair for thing in of_people[case.owner.id])
        }
        ids, said = await listed(client, actor, "/staff/card_alerts")
        assert set(ids) == shown, actor.name
        assert matrix.strangers(actor, said, own=False) == set(), actor.name

    await each(check, ((actor,) for actor in matrix.actors))
