"""Many people at once, and the gateway of text messages."""

import httpx

from app.simulator.codes import openid, unionid
from app.simulator.texts import REFUSED
from tests.simulator.calls import stable_token

OFFICIAL, SECRET = "wx0000000000000off", "simulated-official-secret"
APPID = "wx0000000000000sim"


def test_a_crowd_follows_and_is_known_by_its_unionids(wechat: httpx.Client) -> None:
    crowd = {"appid": OFFICIAL, "prefix": "p", "count": 12_000, "follows": True}
    assert wechat.post("/_sim/crowd", json=crowd).json() == {"count": 12_000}
    token = {"access_token": stable_token(wechat, appid=OFFICIAL, secret=SECRET)["access_token"]}

    first = wechat.get("/cgi-bin/user/get", params=token).json()
    rest = wechat.get("/cgi-bin/user/get", params=token | {"next_openid": first["next_openid"]}).json()
    end = wechat.get("/cgi-bin/user/get", params=token | {"next_openid": rest["next_openid"]}).json()

    assert [(page["count"], page["total"]) for page in (first, rest, end)] == [
        (10_000, 12_000), (2_000, 12_000), (0, 12_000),
    ]  # fmt: skip
    assert "data" not in end
    assert not set(first["data"]["openid"]) & set(rest["data"]["openid"])
    asked = {"user_list": [{"openid": openid(OFFICIAL, "p7"), "lang": "zh_CN"}]}
    (user,) = wechat.post("/cgi-bin/user/info/batchget", params=token, json=asked).json()["user_info_list"]
    assert (user["subscribe"], user["unionid"]) == (1, unionid("p7"))

    wechat.post("/_sim/followers", json={"appid": OFFICIAL, "name": "p7", "follows": False})
    (user,) = wechat.post("/cgi-bin/user/info/batchget", params=token, json=asked).json()["user_info_list"]
    assert user == {"subscribe": 0, "openid": openid(OFFICIAL, "p7")}
    behind = token | {"next_openid": openid(OFFICIAL, "p7")}
    assert wechat.get("/cgi-bin/user/get", params=behind).json()["data"]["openid"][0] == openid(OFFICIAL, "p8")


def test_a_crowd_allows_so_many_messages(wechat: httpx.Client) -> None:
    wechat.post("/_sim/crowd", json={"appid": APPID, "prefix": "q", "count": 2, "templates": {"sim-progress": 1}})
    token = {"access_token": stable_token(wechat)["access_token"]}
    values = {"thing1": "事项", "time2": "2026-09-21 22:13", "thing3": "请查看"}
    message = {
        "touser": openid(APPID, "q1"),
        "template_id": "sim-progress",
        "data": {name: {"value": value} for name, value in values.items()},
    }
    sent = [wechat.post("/cgi-bin/message/subscribe/send", params=token, json=message).json() for _ in range(2)]
    assert [each["errcode"] for each in sent] == [0, 43101]


def test_a_text_message_goes_once_by_its_name_and_only_with_a_key(wechat: httpx.Client) -> None:
    text = {"phone": "13800001234", "text": "请查看", "once": "1"}
    key = {"Authorization": "Bearer x"}
    assert wechat.post("/sms/send", json=text).status_code == 401
    answers = [wechat.post("/sms/send", json=text, headers=key).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["accepted"] is True
    assert wechat.post("/sms/send", json=text | {"phone": REFUSED}, headers=key).json() == {"accepted": False}
    assert wechat.post("/sms/send", json=text | {"phone": "1"}, headers=key).status_code == 400
    assert [each["phone"] for each in wechat.get("/_sim/texts").json()["items"]] == ["13800001234"]
