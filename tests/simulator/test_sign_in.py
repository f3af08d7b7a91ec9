import base64
import re

import httpx
import pytest

from app.simulator.codes import openid, unionid
from tests.simulator.calls import APPID, advance, mint, sign_in, stable_token
from tests.simulator.conftest import EVENING, OTHER_APPID, OTHER_SECRET

WRONG = "wrong"


def test_a_name_signs_in_as_the_same_person_each_time_with_a_new_session_key(wechat: httpx.Client) -> None:
    first, second = sign_in(wechat, "sim:worker-1"), sign_in(wechat, "sim:worker-1#2")

    assert first["openid"] == second["openid"] == openid(APPID, "worker-1")
    assert first["unionid"] == second["unionid"] == unionid("worker-1")
    assert first["session_key"] != second["session_key"]
    assert len(base64.b64decode(first["session_key"], validate=True)) == 16
    assert first.keys() == {"openid", "unionid", "session_key"}, "a success carries no errcode"


def test_an_openid_looks_like_a_real_one() -> None:
    assert re.fullmatch(r"o[\w-]{27}", openid(APPID, "worker-1"), re.ASCII)
    assert re.fullmatch(r"o[\w-]{27}", unionid("worker-1"), re.ASCII)
    assert len({openid(APPID, f"worker-{n}") for n in range(1000)}) == 1000


def test_a_person_has_another_openid_at_another_app_and_the_same_unionid(wechat: httpx.Client) -> None:
    here = sign_in(wechat, "sim:worker-1")
    there = sign_in(wechat, "sim:worker-1#2", appid=OTHER_APPID, secret=OTHER_SECRET)

    assert here["openid"] != there["openid"]
    assert here["unionid"] == there["unionid"]


def test_a_name_may_be_chinese(wechat: httpx.Client) -> None:
    assert sign_in(wechat, "sim:陈小明#1")["openid"] == openid(APPID, "陈小明")


def test_without_a_binding_there_is_no_unionid(wechat: httpx.Client) -> None:
    wechat.post("/_sim/unionid", json={"bound": False}).raise_for_status()

    assert sign_in(wechat).keys() == {"openid", "session_key"}


def test_a_code_serves_once(wechat: httpx.Client) -> None:
    assert "openid" in sign_in(wechat, "sim:worker-1#7")
    assert sign_in(wechat, "sim:worker-1#7")["errcode"] == 40163
    assert "openid" in sign_in(wechat, "sim:worker-1#8")


def test_a_refused_call_does_not_use_the_code_up(wechat: httpx.Client) -> None:
    assert sign_in(wechat, secret=WRONG)["errcode"] == 40125
    assert "openid" in sign_in(wechat)


def test_a_minted_code_looks_real_and_signs_in_once(wechat: httpx.Client) -> None:
    code = mint(wechat, name="worker-1")

    assert re.fullmatch(r"0[A-Za-z0-9]{31}", code)
    assert sign_in(wechat, code)["openid"] == openid(APPID, "worker-1")
    assert sign_in(wechat, code)["errcode"] == 40163


def test_a_code_can_be_minted_in_a_browser(wechat: httpx.Client) -> None:
    minted = wechat.get("/_sim/codes", params={"name": "worker-1"}).json()

    assert minted["expires_in"] == 300
    assert sign_in(wechat, minted["code"])["openid"] == openid(APPID, "worker-1")


@pytest.mark.parametrize(("age_s", "lives"), [(299, True), (300, False)])
def test_a_minted_code_lives_five_minutes(wechat: httpx.Client, age_s: int, lives: bool) -> None:
    code = mint(wechat, name="worker-1")
    advance(wechat, age_s)

    answer = sign_in(wechat, code)

    assert ("openid" in answer) is lives
    assert answer.get("errcode", 40029) == 40029


@pytest.mark.parametrize("code", ["unknown", "sim:", "sim:#1", "sim:worker-1#", "simphone:13800000001", "SIM:worker-1"])
def test_an_unknown_code_is_invalid(wechat: httpx.Client, code: str) -> None:
    assert sign_in(wechat, code)["errcode"] == 40029


def test_a_phone_code_does_not_sign_in(wechat: httpx.Client) -> None:
    assert sign_in(wechat, mint(wechat, phone="13800000001"))["errcode"] == 40029


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"appid": ""}, 41002),
        ({"appid": "wx0000000000000bad"}, 40013),
        ({"secret": ""}, 41004),
        ({"secret": "wrong"}, 40125),
        ({"secret": OTHER_SECRET}, 40125),
        ({"js_code": ""}, 41008),
        ({"grant_type": "client_credential"}, 40002),
        ({"grant_type": ""}, 40002),
    ],
)
def test_a_wrong_or_missing_parameter_has_its_errcode(
    wechat: httpx.Client, changed: dict[str, str], errcode: int
) -> None:
    assert sign_in(wechat, **changed)["errcode"] == errcode


def test_sign_in_wants_get_and_labels_its_json_as_text(wechat: httpx.Client) -> None:
    assert wechat.post("/sns/jscode2session").json()["errcode"] == 43001
    assert wechat.get("/sns/jscode2session").headers["content-type"].startswith("text/plain")


def test_an_errmsg_ends_in_a_request_id_that_begins_with_the_time(wechat: httpx.Client) -> None:
    seconds = f"{int(EVENING):08x}"

    assert re.fullmatch(rf"invalid code, rid: {seconds}-[0-9a-f]{{8}}-[0-9a-f]{{8}}", sign_in(wechat, "x")["errmsg"])
    assert re.fullmatch(
        rf"invalid appsecret rid: {seconds}-[0-9a-f]{{8}}-[0-9a-f]{{8}}", stable_token(wechat, secret=WRONG)["errmsg"]
    )


def test_a_path_that_does_not_exist_is_an_invalid_url(wechat: httpx.Client) -> None:
    response = wechat.get("/cgi-bin/tokens")

    assert (response.status_code, response.json()["errcode"]) == (200, 40066)
