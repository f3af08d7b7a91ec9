"""Whose is what WeChat told us, by the database itself; and no sample secret in production."""

from uuid import UUID

import asyncpg
import pytest
from pydantic import ValidationError

from app.kernel.ids import new_id
from app.messaging.tables import Message, MessageSending
from app.reaching.tables import TextMessage
from app.settings import (
    DEMO_WECHAT_AES_KEY,
    DEMO_WECHAT_OFFICIAL_APPID,
    DEMO_WECHAT_OFFICIAL_SECRET,
    DEMO_WECHAT_PUSH_TOKEN,
    Settings,
)
from app.wechat.accounts import push_keys, template_ids
from app.wechat.tables import (
    WechatFollower,
    WechatGrant,
    WechatNonce,
    WechatPause,
    WechatPush,
    WechatSync,
    WechatTag,
    WechatTask,
    WechatToken,
)
from tests import make
from tests.make import Someone, World, unique

DOORS = {
    "wechat_token": {"wechat"},
    "wechat_nonce": {"wechat"},
    "wechat_push": {"wechat"},
    "wechat_pause": {"staff"},
    "wechat_grant": {"worker"},
    "message_sending": {"worker"},
    "text_message": {"worker"},
    "wechat_sync": {"staff"},
}
"""Who finds a row in each; a worker only their own. Of messages staff see those of their unions, and here they have
none (tests/http/test_deliveries.py)."""


async def laid(world: World, of: Someone) -> None:
    """A row of that person's, or of nobody's, in each table."""
    common = {"id": new_id(), "created_at": make.NOW}
    await world.insert(WechatToken, appid=unique("wx"), **common)
    await world.insert(WechatNonce, account="official", signed=unique().encode(), body=b"b", **common)
    await world.insert(
        WechatPush, account="official", once=unique().encode(), kind="x", said_at=make.NOW, content=b"c", **common
    )
    await world.insert(
        WechatPause, account="official", call=unique("/"), kind="quota", reason="", until=make.NOW, **common
    )
    await world.insert(
        WechatTask,
        kind="publish",
        asked_for=unique(),
        subject="m",
        state="done",
        detail={},
        moved_at=make.NOW,
        **common,
    )
    await world.insert(WechatFollower, openid_index=unique().encode(), follows=True, changed_at=make.NOW, **common)
    await world.insert(WechatSync, phase="done", moved_at=make.NOW, ended_at=make.NOW, **common)
    await world.insert(WechatTag, key=unique("k"), name="x", tag_id=1, **common)
    await world.insert(WechatGrant, person_id=of.id, template="work", lasting=False, hinted_at=make.NOW, **common)
    message_id = new_id()
    await world.insert(
        Message, id=message_id, created_at=make.NOW, person_id=of.id, once=unique(), kind="card", title="x", text="x",
        subject_kind="household", subject_id=new_id(),
    )  # fmt: skip
    await world.insert(
        MessageSending, message_id=message_id, person_id=of.id, kind="card", state="in_app", due_at=make.NOW,
        moved_at=make.NOW, **common,
    )  # fmt: skip
    await world.insert(
        TextMessage, message_id=message_id, person_id=of.id, state="sent", due_at=make.NOW, moved_at=make.NOW, **common
    )


async def seen(owner: asyncpg.Connection, table: str, door: str, person_id: UUID | None) -> int:
    async with owner.transaction():
        await owner.execute("set local role aid_api")
        await owner.execute("select set_config('app.door', $1, true)", door)
        await owner.execute("select set_config('app.person', $1, true)", str(person_id or ""))
        count: int = await owner.fetchval(f"select count(*) from {table}")
        return count


async def test_each_door_sees_what_is_its_own(owner: asyncpg.Connection, world: World) -> None:
    one, other = await world.person(), await world.person()
    await laid(world, one)
    await laid(world, other)

    for table, doors in DOORS.items():
        for door in ("worker", "staff", "sign_in", "public", "wechat"):
            count = await seen(owner, table, door, one.id)
            if door not in doors:
                assert count == 0, (table, door)
            elif door == "worker":
                assert count == 1, table
            else:
                assert count >= 2, table


@pytest.mark.parametrize("table", ["wechat_task", "wechat_follower", "wechat_tag"])
async def test_what_the_worker_process_alone_needs_no_door_sees(
    owner: asyncpg.Connection, world: World, table: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await seen(owner, table, "wechat", new_id())


async def test_wechats_own_door_sees_nobody(owner: asyncpg.Connection, world: World) -> None:
    """It is nobody's: whoever calls through it has shown a signature and no person."""
    await world.person(home=await world.union("city"))
    for table in ("person", "bank_card", "session", "household", "application", "message", "consent"):
        assert await seen(owner, table, "wechat", None) == 0


SAMPLES = {
    "wechat_miniprogram_token": DEMO_WECHAT_PUSH_TOKEN,
    "wechat_miniprogram_aes_key": DEMO_WECHAT_AES_KEY,
    "wechat_official_appid": DEMO_WECHAT_OFFICIAL_APPID,
    "wechat_official_secret": DEMO_WECHAT_OFFICIAL_SECRET,
    "wechat_official_token": DEMO_WECHAT_PUSH_TOKEN,
    "wechat_official_aes_key": DEMO_WECHAT_AES_KEY,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_secret_starts_nothing_but_a_demo(name: str) -> None:
    with pytest.raises(ValidationError, match=f"AID_{name.upper()}"):
        Settings(env="production", **{name: SAMPLES[name]})  # type: ignore[arg-type]
    assert Settings(env="demo", **{name: SAMPLES[name]}).env == "demo"  # type: ignore[arg-type]


def test_without_keys_production_takes_no_push_and_uses_no_template() -> None:
    bare = Settings.model_construct(env="production")
    assert dict(push_keys(bare)) == {}
    assert dict(template_ids(bare)) == {}
    assert set(push_keys(Settings(env="test"))) == {"miniprogram", "official"}
    with pytest.raises(ValidationError, match="EncodingAESKey"):
        Settings(env="test", wechat_miniprogram_aes_key="short")  # type: ignore[arg-type]
