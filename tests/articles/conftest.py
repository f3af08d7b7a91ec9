"""A city's publicity: who writes, who reviews, and WeChat's simulator as just started."""

import asyncpg
import httpx
import pytest

from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.wechat.accounts import Accounts
from tests.articles.making import Newsroom
from tests.gateways.steering import Steering
from tests.make import World
from tests.wechat.conftest import address as address
from tests.wechat.conftest import callbacks as callbacks


@pytest.fixture
async def newsroom(
    client: httpx.AsyncClient,
    world: World,
    background: Jobs,
    accounts: Accounts,
    owner: asyncpg.Connection,
    steering: Steering,
) -> Newsroom:
    """A city with an editor and a reviewer; nothing of other tests waits."""
    await owner.execute("update wechat_task set state = 'done' where state in ('asking', 'unknown', 'accepted')")
    await owner.execute("update wechat_task set reference = null")  # a simulator that was reset counts from 1 again
    await owner.execute("update wechat_push set handled_at = now() where handled_at is null")
    await owner.execute("update wechat_pause set ended_at = now() where ended_at is null")
    await owner.execute("delete from wechat_token")
    await owner.execute(
        "update article set state = 'draft', reviewed_by = null, reviewed_at = null, reviewed_revision = null "
        "where state in ('in_review', 'scheduled', 'publishing', 'unknown', 'approved')"
    )
    await owner.execute("update article set taken_down_at = now() where withdrawn_at is not null")
    await owner.execute("update article set wechat_id = 'x' where state = 'published' and wechat_id is null")
    city = await world.union("city", room_fen=0)
    editor = await world.staff(Role.PUBLICITY_EDITOR, city, name="洪心悦")
    approver = await world.staff(Role.PUBLICITY_APPROVER, city, name="曾庆和")
    return Newsroom(client, world, background, accounts, owner, steering, city, editor, approver)
