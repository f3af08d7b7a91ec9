"""Who follows the official account: read page by page, joined by unionid, tagged by consent, forgotten on leaving."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from app.gateways.wechat.errors import WeChatError
from app.gateways.wechat.official import OfficialAccount
from app.jobs.handlers import take_tags_off
from app.jobs.running import Jobs
from app.jobs.wechat.following import GIVEN_UP_AFTER, begin_sync, sync_step
from app.jobs.wechat.tagging import retag_due
from app.people.consents import Purpose
from app.settings import DEMO_WECHAT_OFFICIAL_APPID
from app.simulator import official as simulated
from app.simulator.codes import openid, unionid
from app.wechat.accounts import Accounts
from tests.calling import post
from tests.gateways.steering import Steering
from tests.make import Case, Someone, Town, World, unique
from tests.wechat.pushed import event, push
from tests.wechat.test_pushes_handled import handle_all

LIST, INFO = "/cgi-bin/user/get", "/cgi-bin/user/info/batchget"
TAGGING = "/cgi-bin/tags/members/batchtagging"


class Account:
    """The official account, what we keep of its followers, and the clock by which it is read."""

    def __init__(self, background: Jobs, owner: asyncpg.Connection, steering: Steering, official: OfficialAccount):
        self.ahead = timedelta()
        self.jobs = Jobs(
            background.database, background.keyring, background.calendar, background.policies, background.files,
            clock=lambda: datetime.now(UTC) + self.ahead,
        )  # fmt: skip
        self.owner, self.steering, self.official = owner, steering, official

    async def follows(self, name: str, *, follows: bool = True) -> None:
        wish = {"appid": DEMO_WECHAT_OFFICIAL_APPID, "name": name, "follows": follows}
        await asyncio.to_thread(self.steering.post, "followers", wish)

    async def crowd(self, prefix: str, count: int) -> None:
        wish = {"appid": DEMO_WECHAT_OFFICIAL_APPID, "prefix": prefix, "count": count, "follows": True}
        await asyncio.to_thread(self.steering.post, "crowd", wish)

    async def read(self) -> asyncpg.Record:
        """The whole list, as far as it can be read now."""
        assert await begin_sync(self.jobs)
        return await self.go_on()

    async def go_on(self) -> asyncpg.Record:
        while await sync_step(self.jobs, self.official):
            pass
        return await self.last()

    async def last(self) -> asyncpg.Record:
        row = await self.owner.fetchrow("select * from wechat_sync order by created_at desc limit 1")
        assert row is not None
        return row

    async def following(self) -> int:
        count: int = await self.owner.fetchval("select count(*) from wechat_follower where follows")
        return count

    async def kept_of(self, name: str) -> asyncpg.Record:
        index = self.jobs.keyring.blind_index("wechat_follower.openid", openid(DEMO_WECHAT_OFFICIAL_APPID, name))
        row = await self.owner.fetchrow("select * from wechat_follower where openid_index = $1", index)
        assert row is not None
        return row

    async def tags_of(self, name: str) -> set[str]:
        """As WeChat has them."""
        tags = {tag.id: tag.name for tag in await self.official.tags()}
        user = {"openid": openid(DEMO_WECHAT_OFFICIAL_APPID, name), "lang": "zh_CN"}
        token = await self.official.access_token()
        answer = await asyncio.to_thread(
            self.steering.http.post, INFO, params={"access_token": token}, json={"user_list": [user]}
        )
        return {tags[each] for each in answer.json()["user_info_list"][0].get("tagid_list", ())}


@pytest.fixture
async def account(
    background: Jobs, owner: asyncpg.Connection, steering: Steering, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> Account:
    monkeypatch.setattr(simulated, "PAGE", 10)
    for table in ("wechat_follower", "wechat_sync", "wechat_tag", "wechat_token"):
        await owner.execute(f"delete from {table}")
    await owner.execute("update wechat_push set handled_at = now() where handled_at is null")
    assert accounts.official is not None
    return Account(background, owner, steering, accounts.official)


@dataclass(frozen=True)
class Known:
    """Somebody of the town's first unit, and what they are called in WeChat: it is known by its unionid."""

    someone: Someone
    name: str


async def known(world: World, owner: asyncpg.Connection, town: Town, *consents: Purpose) -> Known:
    someone, name = await world.person(home=town.units[0], consents=consents), unique("f-")
    index = world.keyring.blind_index("person.unionid", unionid(name))
    await owner.execute("update person set unionid_index = $2 where id = $1", someone.id, index)
    return Known(someone, name)


async def test_the_list_is_read_page_by_page_and_who_is_known_is_joined(
    account: Account, owner: asyncpg.Connection, world: World, town: Town
) -> None:
    ours = await known(world, owner, town)
    await account.follows(ours.name)
    await account.crowd(unique("c-"), 24)

    row = await account.read()

    assert (row["phase"], row["total"], row["listed"], row["asked"], row["joined"]) == ("done", 25, 25, 25, 1)
    assert await account.following() == 25
    assert account.steering.calls(LIST) == 4, "three pages, and an empty one says that there is no more"
    assert account.steering.calls(INFO) == 1
    kept = await account.kept_of(ours.name)
    index = await owner.fetchval("select unionid_index from person where id = $1", ours.someone.id)
    assert kept["unionid_index"] == index
    openids = [openid(DEMO_WECHAT_OFFICIAL_APPID, ours.name).encode()]
    assert not any(each in bytes(kept["openid"]) for each in openids), "sealed"

    again = await account.read()
    assert (again["listed"], again["asked"], again["gone"]) == (25, 0, 0)
    assert account.steering.calls(INFO) == 1, "who they are is asked again in a month"


async def test_only_who_agreed_is_tagged_by_district_and_subject(
    client: httpx.AsyncClient, account: Account, owner: asyncpg.Connection, world: World, town: Town
) -> None:
    agreed = await known(world, owner, town, Purpose.PRIVACY_POLICY, Purpose.OFFICIAL_ACCOUNT)
    silent = await known(world, owner, town, Purpose.PRIVACY_POLICY)
    cases: list[Case] = [await world.application(each.someone, town.units[0]) for each in (agreed, silent)]
    assert all(case.kind == "hardship_aid" for case in cases)
    for each in (agreed, silent):
        await account.follows(each.name)

    assert (await account.read())["tagged"] == 1

    district = town.districts[0].name
    assert await account.tags_of(agreed.name) == {district, "主题1"}, "nobody reads there that they are in need"
    assert await account.tags_of(silent.name) == set()

    consent = next(
        item for item in (await client.get("/me/consents", headers=agreed.someone.headers)).json()["items"]
        if item["purpose"] == Purpose.OFFICIAL_ACCOUNT
    )  # fmt: skip
    assert (await post(client, agreed.someone, f"/me/consents/{consent['id']}/withdraw")).status_code == 200
    async with account.jobs.work() as work:
        await take_tags_off(work, {"person_id": str(agreed.someone.id), "purpose": Purpose.OFFICIAL_ACCOUNT})
    assert await retag_due(account.jobs, account.official) == 1
    assert await account.tags_of(agreed.name) == set()
    assert await retag_due(account.jobs, account.official) == 0
    assert (await account.read())["tagged"] == 0


async def deletes_tag(account: Account, name: str) -> None:
    """Somebody does, in WeChat's console."""
    (tag_id,) = [tag.id for tag in await account.official.tags() if tag.name == name]
    token = await account.official.access_token()
    answer = await asyncio.to_thread(
        account.steering.http.post, "/cgi-bin/tags/delete", params={"access_token": token}, json={"tag": {"id": tag_id}}
    )
    assert answer.json()["errcode"] == 0


async def asks_at_once(account: Account, each: Known) -> None:
    async with account.jobs.work() as work:
        await take_tags_off(work, {"person_id": str(each.someone.id), "purpose": Purpose.OFFICIAL_ACCOUNT})


async def test_a_tag_that_was_deleted_at_wechat_is_made_again_and_put_on_all_whose_it_was(
    account: Account, owner: asyncpg.Connection, world: World, town: Town
) -> None:
    people = [await known(world, owner, town, Purpose.PRIVACY_POLICY, Purpose.OFFICIAL_ACCOUNT) for _ in range(2)]
    for each in people:
        await account.follows(each.name)
    district = town.districts[0].name
    assert (await account.read())["tagged"] == 2
    await deletes_tag(account, district)
    assert [await account.tags_of(each.name) for each in people] == [set(), set()]

    row = await account.read()

    assert (row["phase"], row["tagged"], row["stopped"]) == ("done", 2, 0)
    assert [await account.tags_of(each.name) for each in people] == [{district}] * 2


async def test_a_tag_that_is_deleted_meanwhile_is_wanted_until_it_is_there(
    account: Account, owner: asyncpg.Connection, world: World, town: Town
) -> None:
    one = await known(world, owner, town, Purpose.PRIVACY_POLICY, Purpose.OFFICIAL_ACCOUNT)
    await account.follows(one.name)
    await account.read()
    district = town.districts[0].name
    await deletes_tag(account, district)
    await owner.execute("update wechat_follower set tagged = '{}'")  # as it is at WeChat
    await asks_at_once(account, one)

    assert await retag_due(account.jobs, account.official) == 1
    assert (await account.kept_of(one.name))["retag"], "the tag was not there"
    account.ahead += timedelta(seconds=61)
    assert await retag_due(account.jobs, account.official) == 1

    assert await account.tags_of(one.name) == {district}
    assert not (await account.kept_of(one.name))["retag"]


@pytest.mark.parametrize(("errcode", "pause"), [(-1, 1), (45009, 60), (45059, 60)])
async def test_what_wechat_did_not_do_is_still_wanted_and_what_it_did_is_kept(
    account: Account, owner: asyncpg.Connection, world: World, town: Town, errcode: int, pause: int
) -> None:
    one = await known(world, owner, town, Purpose.PRIVACY_POLICY, Purpose.OFFICIAL_ACCOUNT)
    await account.follows(one.name)
    await account.read()
    await owner.execute("update wechat_follower set tagged = array[777]")  # one of ours that they are to lose
    await asks_at_once(account, one)
    account.steering.spoil(TAGGING, errcode=errcode)

    if errcode == 45059:  # of this follower alone: they have as many as there may be
        await retag_due(account.jobs, account.official)
    else:
        with pytest.raises(WeChatError):
            await retag_due(account.jobs, account.official)

    kept = await account.kept_of(one.name)
    assert (kept["retag"], kept["tagged"]) == (True, []), "taken off, and not put on"
    account.steering.post("faults", {TAGGING: None})
    account.ahead += timedelta(minutes=pause, seconds=-5)
    assert await retag_due(account.jobs, account.official) == 0, "not before its time"
    account.ahead += timedelta(seconds=10)
    assert await retag_due(account.jobs, account.official) == 1
    kept = await account.kept_of(one.name)
    assert (kept["retag"], len(kept["tagged"])) == (False, 1)


async def test_who_withdraws_while_they_are_being_tagged_loses_the_tag_all_the_same(
    client: httpx.AsyncClient, account: Account, owner: asyncpg.Connection, world: World, town: Town
) -> None:
    one = await known(world, owner, town, Purpose.PRIVACY_POLICY, Purpose.OFFICIAL_ACCOUNT)
    await account.follows(one.name)
    assert await begin_sync(account.jobs)
    while (await account.last())["phase"] != "tag":
        await sync_step(account.jobs, account.official)
    account.steering.spoil(TAGGING, delay_s=0.7, times=1)
    tagging = asyncio.create_task(sync_step(account.jobs, account.official))
    await asyncio.sleep(0.3)
    await owner.execute("update consent set withdrawn_at = now() where person_id = $1", one.someone.id)
    await asks_at_once(account, one)
    await tagging

    assert (await account.kept_of(one.name))["retag"], "asked for after it was looked at"
    assert await retag_due(account.jobs, account.official) == 1
    assert await account.tags_of(one.name) == set()


async def test_one_who_has_just_left_keeps_nobody_else_from_their_tag(
    account: Account, owner: asyncpg.Connection, world: World, town: Town
) -> None:
    consents = (Purpose.PRIVACY_POLICY, Purpose.OFFICIAL_ACCOUNT)
    people = [await known(world, owner, town, *consents) for _ in range(3)]
    for each in people:
        await account.follows(each.name)
    assert await begin_sync(account.jobs)
    while (await account.last())["phase"] != "tag":
        await sync_step(account.jobs, account.official)
    await account.follows(people[1].name, follows=False)

    await account.go_on()

    named = [await account.tags_of(each.name) for each in (people[0], people[2])]
    assert named == [{town.districts[0].name}] * 2


async def test_a_reading_that_was_broken_off_goes_on_where_it_stood(account: Account) -> None:
    await account.crowd(unique("c-"), 35)
    assert await begin_sync(account.jobs)
    assert not await begin_sync(account.jobs), "one at a time"
    await sync_step(account.jobs, account.official)
    await sync_step(account.jobs, account.official)
    account.steering.spoil(LIST, delay_s=1)
    dying = asyncio.create_task(sync_step(account.jobs, account.official))
    await asyncio.sleep(0.3)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    account.steering.post("faults", {LIST: None})
    assert not await sync_step(account.jobs, account.official), "somebody has it in hand"
    assert (await account.last())["listed"] == 20

    account.ahead = timedelta(minutes=3)
    row = await account.go_on()

    assert (row["phase"], row["listed"]) == ("done", 35)
    assert await account.following() == 35
    assert account.steering.calls(LIST) == 6, "the page that was lost, and no other, is asked for twice"


async def test_a_process_that_comes_back_too_late_writes_nothing(account: Account) -> None:
    await account.crowd(unique("c-"), 5)
    assert await begin_sync(account.jobs)
    account.steering.spoil(LIST, delay_s=0.6, times=1)
    late = asyncio.create_task(sync_step(account.jobs, account.official))
    await asyncio.sleep(0.2)
    account.ahead = timedelta(minutes=3)
    assert await sync_step(account.jobs, account.official)
    assert await late

    assert (await account.last())["listed"] == 5, "the page counts once"


async def test_who_left_unheard_is_forgotten_and_nobody_by_a_list_that_is_not_whole(account: Account) -> None:
    crowd = unique("c-")
    await account.crowd(crowd, 12)
    await account.read()
    await account.follows(f"{crowd}3", follows=False)
    assert (await account.kept_of(f"{crowd}3"))["follows"], "no event came"

    account.steering.spoil(LIST, garbage='{"total":12,"count":1,"data":{"openid":["o-other"]},"next_openid":""}')
    row = await account.read()
    assert (row["phase"], await account.following()) == ("given_up", 13)
    account.steering.post("faults", {LIST: None})

    account.ahead = timedelta(minutes=5)
    assert (await account.read())["gone"] == 2
    kept = await account.kept_of(f"{crowd}3")
    assert not kept["follows"]
    assert [kept[name] for name in ("openid", "unionid_index", "asked_at", "tagged")] == [None, None, None, []]


async def test_a_list_that_was_asked_for_earlier_brings_nobody_back(
    callbacks: httpx.AsyncClient, account: Account
) -> None:
    crowd = unique("c-")
    await account.crowd(crowd, 3)
    await account.read()
    who = openid(DEMO_WECHAT_OFFICIAL_APPID, f"{crowd}1")
    leaves = event("unsubscribe", who, at=int(datetime.now(UTC).timestamp()) + 60)
    await push(callbacks, leaves, account="official")
    assert await handle_all(account.jobs, account.owner) == ["done"]

    await account.read()

    kept = await account.kept_of(f"{crowd}1")
    assert (kept["follows"], kept["openid"], kept["tagged"]) == (False, None, [])
    assert await account.following() == 2


async def test_a_spent_quota_waits_for_midnight_and_what_never_comes_is_given_up(account: Account) -> None:
    await account.crowd(unique("c-"), 3)
    account.steering.spoil(LIST, errcode=45009, times=1)
    row = await account.read()
    assert row["stopped"] == 1
    assert row["held_until"].astimezone(UTC).strftime("%H:%M") == "16:00", "midnight in Shanghai"
    account.ahead = row["held_until"] - datetime.now(UTC) + timedelta(seconds=5)
    assert (await account.go_on())["phase"] == "done"

    account.steering.spoil(LIST, errcode=48001)
    assert await begin_sync(account.jobs)
    for _ in range(GIVEN_UP_AFTER):
        assert (await account.last())["ended_at"] is None
        assert await sync_step(account.jobs, account.official)
        account.ahead += timedelta(days=1)
    assert (await account.last())["phase"] == "given_up"
    assert await account.following() == 3
