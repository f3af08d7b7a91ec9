"""What was submitted can be returned, whatever its applicant has begun meanwhile."""

from typing import Any

import asyncpg
import httpx

from app.applications.path import Action, Kind
from tests import make
from tests.applications.desks import act, applicant, body_of, form_of, own
from tests.make import Someone, Town, World


async def begin(client: httpx.AsyncClient, me: Someone, form: dict[str, Any]) -> httpx.Response:
    body = {"kind": Kind.GOLDEN_AUTUMN, "form": form}
    return await client.post("/applications", json=body, headers=me.headers | make.keyed())


async def test_the_first_childs_is_returned_while_the_second_childs_is_being_filled_in(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection
) -> None:
    me, student = await applicant(world, town.units[0])
    first = (await begin(client, me, form_of(Kind.GOLDEN_AUTUMN, student))).json()
    assert (await own(client, me, first["id"], 1, Action.SUBMIT)).json()["state"] == "submitted"
    second = (await begin(client, me, {})).json()
    assert second["state"] == "draft", second
    returned = await act(client, clerk, first["id"], 2, body_of(Action.RETURN))
    assert (returned.status_code, returned.json().get("state")) == (200, "returned"), returned.text
    third = await begin(client, me, {})
    assert (third.status_code, third.json()["code"]) == (409, "draft_already_open"), third.text
    again = await own(client, me, first["id"], 3, Action.SUBMIT)
    assert again.json()["state"] == "submitted", again.text
    assert await owner.fetchval("select state from application where id = $1", second["id"]) == "draft"
