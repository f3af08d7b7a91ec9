"""What comes in at the callback: kept once, answered at once, and refused when it is not WeChat's (W08, W10, W11)."""

import asyncio
import time

import asyncpg
import httpx
import orjson
import pytest

from app.gateways.wechat.pushes import PushBroken, changes_of, parse
from app.simulator.sealing import signed
from tests.contract import PROBLEM
from tests.make import unique
from tests.wechat.pushed import event, popup, push, push_safely, query

BOMBS = {
    "an external DTD": '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><xml><MsgType>event</MsgType></xml>',
    "an entity of a file": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><MsgType>&f;</MsgType></xml>',
    "laughs": '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><xml><MsgType>&b;</MsgType></xml>',
    "an empty DTD": "<!DOCTYPE x><xml><MsgType>event</MsgType></xml>",
    "no end": "<xml><MsgType>event",
    "no document": "hello",
    "nothing": "",
    "another coding": '<?xml version="1.0" encoding="no-such"?><xml><MsgType>event</MsgType></xml>',
    "depth": "<xml>" + "<a>" * 5_000 + "</a>" * 5_000 + "</xml>",
    "a list": "[1, 2]",
    "half of it": '{"MsgType": "event"',
    "no kind": '{"FromUserName": "o", "CreateTime": 1}',
    "no time": '{"MsgType": "event", "Event": "subscribe", "FromUserName": "o"}',
    "a time that never comes": '{"MsgType": "event", "Event": "x", "CreateTime": 99999999999999999}',
    "a kind too long": orjson.dumps({"MsgType": "event", "Event": "x" * 41, "CreateTime": 1}).decode(),
}


async def kept(owner: asyncpg.Connection, kind: str) -> int:
    count: int = await owner.fetchval("select count(*) from wechat_push where kind = $1", kind)
    return count


async def test_a_push_is_answered_within_a_second_and_left_to_the_worker(
    callbacks: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    kind = unique("kind-").lower()
    began = time.monotonic()

    told = await push(callbacks, event(kind))

    assert time.monotonic() - began < 1
    assert (told.status_code, told.text, told.headers["content-type"]) == (200, "success", "text/plain; charset=utf-8")
    row = await owner.fetchrow("select id, handled_at, content from wechat_push where kind = $1", kind)
    assert row is not None
    assert row["handled_at"] is None
    assert b"oSomebody" not in row["content"]
    facts = await owner.fetch("select body from out_message where name = 'PushCame'")
    assert [orjson.loads(each["body"])["push_id"] for each in facts].count(str(row["id"])) == 1


async def test_what_wechat_repeats_is_kept_once_and_answered_well_each_time(
    callbacks: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    """With the same signature, and with a new one; in JSON and in safe mode; all at the same moment."""
    kind = unique("kind-").lower()
    said = event(kind)
    asked = query()
    same = [callbacks.post("/miniprogram/callback", params=asked, content=orjson.dumps(said)) for _ in range(3)]
    others = [push(callbacks, said), push_safely(callbacks, orjson.dumps(said).decode())]

    told = await asyncio.gather(*same, *others)

    assert {(each.status_code, each.text) for each in told} == {(200, "success")}
    assert await kept(owner, kind) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (event("wxa_media_check", "o", 1, trace_id="t1"), event("wxa_media_check", "o", 1, trace_id="t2")),
        (popup("o", "accept", at=1), popup("o", "accept", "sim-work", at=1)),
        (
            event("publishjobfinish", "o", 1, PublishEventInfo={"publish_id": "7", "publish_status": 0}),
            event("publishjobfinish", "o", 1, PublishEventInfo={"publish_id": "7", "publish_status": 5}),
        ),
        (event("masssendjobfinish", "o", 1, MsgID=1), event("masssendjobfinish", "o", 1, MsgID=2)),
        (event("user_info_modified", "o", 1, OpenID="a"), event("user_info_modified", "o", 1, OpenID="b")),
        (event("subscribe", "o", 1, EventKey=""), event("subscribe", "o", 2, EventKey="")),
        ({"MsgType": "text", "MsgId": 1, "FromUserName": "o", "CreateTime": 1},
         {"MsgType": "text", "MsgId": 2, "FromUserName": "o", "CreateTime": 1}),
    ],
    ids=lambda each: str(each.get("Event", each.get("MsgType"))),
)  # fmt: skip
async def test_two_that_share_a_sender_and_a_second_are_two(
    callbacks: httpx.AsyncClient, owner: asyncpg.Connection, first: dict[str, object], second: dict[str, object]
) -> None:
    before = await owner.fetchval("select count(*) from wechat_push")
    account = "official"

    for each in (first, second, first, second):
        assert (await push(callbacks, each, account)).text == "success"

    assert await owner.fetchval("select count(*) from wechat_push") == before + 2


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_an_old_request_and_one_from_the_future_are_refused(callbacks: httpx.AsyncClient, minutes: int) -> None:
    told = await push(callbacks, event("subscribe"), at=time.time() + minutes * 60)

    assert (told.status_code, told.json()["code"]) == (403, "push_too_old")


async def test_a_signature_that_was_overheard_carries_no_other_body(
    callbacks: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    """In plain mode nothing else would stop it: the signature does not cover the body."""
    asked, kind = query(), unique("kind-").lower()
    assert (await callbacks.post("/miniprogram/callback", params=asked, json=event("x"))).text == "success"

    told = await callbacks.post("/miniprogram/callback", params=asked, json=event(kind))

    assert (told.status_code, told.json()["code"]) == (403, "push_replayed")
    assert await kept(owner, kind) == 0


async def test_a_forged_request_is_refused_before_its_body_is_looked_at_and_stands_in_the_audit_trail(
    callbacks: httpx.AsyncClient, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(body: bytes) -> None:
        raise AssertionError("a body was parsed")

    monkeypatch.setattr("app.gateways.wechat.pushes.parse", never)
    monkeypatch.setattr("app.http.routes.wechat_callbacks._audited_at", {})
    entries = "select count(*) from audit_entry where action = 'wechat.push_refused'"
    before = await owner.fetchval(entries)

    told = [await push(callbacks, event("subscribe"), token="guessed") for _ in range(20)]
    told += [await callbacks.post("/miniprogram/callback", content=b"x" * 100) for _ in range(20)]

    assert {(each.status_code, each.json()["code"]) for each in told} == {(403, "push_signature_wrong")}
    assert {each.headers["content-type"] for each in told} == {PROBLEM}
    assert await owner.fetchval(entries) == before + 1, "once a minute, however many there are"


async def test_in_safe_mode_the_ciphertext_is_signed_and_meant_for_us(callbacks: httpx.AsyncClient) -> None:
    said = orjson.dumps(event("subscribe")).decode()
    asked = query() | {"encrypt_type": "aes"}
    asked["msg_signature"] = asked["signature"]  # the classic mistake
    told = await callbacks.post("/miniprogram/callback", params=asked, json={"Encrypt": "AAAA"})
    assert told.json()["code"] == "push_signature_wrong"

    for answer in (
        await push_safely(callbacks, said, appid="wx-somebody-else"),
        await push_safely(callbacks, "{", "official"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "push_unreadable")
    asked = query() | {"encrypt_type": "aes"}
    for encrypted in ("", "AAAA", "not base64!", "A" * 64):
        asked["msg_signature"] = signed("demo-only-push-token", asked["timestamp"], asked["nonce"], encrypted)
        answer = await callbacks.post("/miniprogram/callback", params=asked, json={"Encrypt": encrypted})
        assert (answer.status_code, answer.json()["code"]) == (403, "push_unreadable")


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
async def test_what_cannot_be_read_is_refused_in_every_mode(callbacks: httpx.AsyncClient, bomb: str) -> None:
    plain = await callbacks.post("/miniprogram/callback", params=query(), content=bomb.encode())
    safe = await push_safely(callbacks, bomb)

    assert {(each.status_code, each.json()["code"]) for each in (plain, safe)} == {(403, "push_unreadable")}
    assert "passwd" not in plain.text


async def test_a_body_of_more_than_64_kib_is_not_read_to_its_end(callbacks: httpx.AsyncClient) -> None:
    said = event("subscribe", Ticket="x" * 64 * 1024)

    told = await push(callbacks, said)

    assert (told.status_code, told.json()["code"]) == (413, "body_too_large")


async def test_another_account_is_not_there(callbacks: httpx.AsyncClient) -> None:
    told = await callbacks.post("/other/callback", params=query(), content=b"{}")

    assert (told.status_code, told.json()["code"]) == (404, "not_found")


def test_lists_of_one_in_json_and_in_xml_are_lists() -> None:
    one = {"TemplateId": "t", "SubscribeStatusString": "accept"}
    inside = "<TemplateId>t</TemplateId><SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString>"
    wrapped = f"<xml><SubscribeMsgPopupEvent><List>{inside}</List></SubscribeMsgPopupEvent></xml>"
    twice = f"<xml><SubscribeMsgPopupEvent>{f'<List>{inside}</List>' * 2}</SubscribeMsgPopupEvent></xml>"

    assert changes_of(parse(orjson.dumps({"List": one}))) == [one]
    assert changes_of(parse(orjson.dumps({"List": [one, one]}))) == [one, one]
    assert changes_of(parse(wrapped.encode())) == [one]
    assert changes_of(parse(twice.encode())) == [one, one]
    assert changes_of(parse(b'{"List": ""}')) == []
    with pytest.raises(PushBroken):
        parse(b"\xff\xfe")
