"""The worker's door, as every role: one's own, and nothing of others."""

from typing import Any

import httpx
import pytest

from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.people.consents import Purpose
from tests import make
from tests.http.matrix import Actor, Matrix, ask, each, get, listed
from tests.http.walled_routes import OWN_ACTS, OWN_BY_ID, OWN_LISTS
from tests.make import Guild


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
    assert len(theirs) == len(Purpose)
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
