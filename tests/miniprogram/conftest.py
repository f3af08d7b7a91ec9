"""The service as the mini-program meets it."""

from collections.abc import Iterator

import asyncpg
import pytest

from app.http.server import SERVER
from app.main import create_app
from app.settings import Settings
from app.simulator.codes import openid
from tests.make import Someone, World, unique
from tests.serving import serving


@pytest.fixture(scope="module")
def api(configured: Settings) -> Iterator[str]:
    """The service as it is served, on a port of its own, with its own way to the simulator."""
    with serving(create_app(configured), **SERVER | {"lifespan": "on", "timeout_graceful_shutdown": 1}) as url:
        yield url


async def wechat_name(who: Someone, world: World, owner: asyncpg.Connection, appid: str) -> str:
    """The name by which the simulator signs somebody in who is there already."""
    name = unique("phone-")
    number = openid(appid, name)
    sealed = world.keyring.seal_text("person.openid", who.id, number)
    index = world.keyring.blind_index("person.openid", number)
    await owner.execute("update person set openid = $1, openid_index = $2 where id = $3", sealed, index, who.id)
    return name
