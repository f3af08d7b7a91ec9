"""An act that asks for nothing in its body refuses what is sent all the same: silence would be taken for done."""

import httpx
import pytest

from app.kernel.ids import new_id
from tests import make
from tests.http.judging import DOCUMENT, PREFIX
from tests.http.refusals import refused
from tests.make import World

BARE = [
    (method, path.removeprefix(PREFIX))
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if method != "get" and "requestBody" not in operation
]
JSON = {"Content-Type": "application/json"}


async def test_no_act_overlooks_what_it_was_sent(client: httpx.AsyncClient, world: World) -> None:
    who = await world.person()
    headers = who.headers | make.keyed() | JSON | {"If-Match": '"1"'}
    assert len(BARE) > 20
    for method, path in BARE:
        address = path.format_map(_Ids())
        for content in (b'{"amount_fen": 1}', b"[]", b"null", b"x", b'{"a": 1'):
            answer = await client.request(method.upper(), address, content=content, headers=headers)
            (error,) = refused(answer, 422, "invalid")["errors"]
            assert (error["pointer"], error["code"]) == ("", "extra_forbidden"), (method, path)


class _Ids(dict[str, str]):
    """An id of nobody's for every place in an address."""

    def __missing__(self, name: str) -> str:
        return str(new_id())


@pytest.mark.parametrize("content", [b"", b"{}", b" {} \n"])
async def test_sending_that_one_sends_nothing_is_no_harm(
    client: httpx.AsyncClient, world: World, content: bytes
) -> None:
    who = await world.person()
    path = f"/me/messages/{new_id()}/read"
    refused(
        await client.post(path, content=content, headers=who.headers | make.keyed() | JSON), 404, "message_not_found"
    )
