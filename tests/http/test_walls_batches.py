"""Many cases at once, as every role: a case out of reach is one that never was, whoever names it among others."""

from itertools import product

import httpx

from app.kernel.ids import new_id
from tests.calling import post
from tests.http.batches import PREVIEW, RUN
from tests.http.matrix import Actor, Matrix, each

NOTHING = {"number", "kind", "state", "version", "amount_fen", "to_state"}


async def test_a_preview_tells_of_nothing_out_of_reach(client: httpx.AsyncClient, matrix: Matrix) -> None:
    cases = [*matrix.cases]
    never = new_id()
    items = [{"application_id": str(each)} for each in (*(case.id for case in cases), never)]

    async def check(actor: Actor, action: str) -> None:
        body = {"action": action, "items": items, "note": "批量办理"}
        answer = await post(client, actor.someone, PREVIEW, body)
        if not actor.reads:
            assert answer.status_code == 403, actor.name
            return
        assert answer.status_code == 200, (actor.name, answer.text)
        told = {item["application_id"]: item for item in answer.json()["items"]}
        unknown = told.pop(str(never)) | {"application_id": ""}
        for case in cases:
            item = told[str(case.id)]
            if actor.sees(case):
                assert item["number"] is not None, (actor.name, case)
                assert item["code"] != "application_not_found"
            else:
                assert item | {"application_id": ""} == unknown, (actor.name, case)
                assert all(item[name] is None for name in NOTHING)

    await each(check, product(matrix.actors, ("approve", "return")))


async def test_a_run_leaves_alone_what_was_out_of_reach(client: httpx.AsyncClient, matrix: Matrix) -> None:
    """Accepting by everybody of everything: what moves is what a single step would have moved."""
    for actor in matrix.usual:
        if not actor.reads:
            continue
        hidden = [case for case in matrix.cases if not actor.sees(case)]
        items = [{"application_id": str(case.id)} for case in hidden]
        token = (await post(client, actor.someone, PREVIEW, {"action": "accept", "items": items})).json()["token"]
        result = (await post(client, actor.someone, RUN, {"token": token})).json()
        assert result["totals"]["done"] == 0, actor.name
        assert {item["code"] for item in result["items"]} == {"application_not_found"}
        assert all(item["state"] is None and item["version"] is None for item in result["items"])
