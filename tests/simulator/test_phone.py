import re

import httpx
import pytest

from tests.simulator.calls import APPID, advance, mint, phone, sign_in, stable_token
from tests.simulator.conftest import EVENING

PATH = "/wxa/business/getuserphonenumber"


@pytest.fixture
def token(wechat: httpx.Client) -> str:
    text: str = stable_token(wechat)["access_token"]
    return text


def test_a_phone_code_gives_its_number_with_a_watermark(wechat: httpx.Client, token: str) -> None:
    assert phone(wechat, "simphone:13800000001", token) == {
        "errcode": 0,
        "errmsg": "ok",
        "phone_info": {
            "phoneNumber": "13800000001",
            "purePhoneNumber": "13800000001",
            "countryCode": "86",
            "watermark": {"timestamp": int(EVENING), "appid": APPID},
        },
    }


def test_a_phone_code_serves_once(wechat: httpx.Client, token: str) -> None:
    assert phone(wechat, "simphone:13800000001#1", token)["errcode"] == 0
    assert phone(wechat, "simphone:13800000001#1", token)["errcode"] == 40029
    assert phone(wechat, "simphone:13800000001#2", token)["errcode"] == 0


def test_a_minted_phone_code_may_be_of_another_country(wechat: httpx.Client, token: str) -> None:
    code = mint(wechat, phone="61234567", country_code="852")

    assert re.fullmatch(r"[0-9a-f]{64}", code)
    info = phone(wechat, code, token)["phone_info"]
    assert (info["phoneNumber"], info["purePhoneNumber"], info["countryCode"]) == ("+85261234567", "61234567", "852")


@pytest.mark.parametrize(("age_s", "errcode"), [(299, 0), (300, 40029)])
def test_a_minted_phone_code_lives_five_minutes(wechat: httpx.Client, token: str, age_s: int, errcode: int) -> None:
    code = mint(wechat, phone="13800000001")
    advance(wechat, age_s)

    assert phone(wechat, code, token)["errcode"] == errcode


def test_a_sign_in_code_gives_no_phone_and_is_not_used_up(wechat: httpx.Client, token: str) -> None:
    code = mint(wechat, name="worker-1")

    assert phone(wechat, code, token)["errcode"] == 40029
    assert "openid" in sign_in(wechat, code)


@pytest.mark.parametrize("code", ["simphone:1380000000", "simphone:138000000011", "simphone:13800000001#", "unknown"])
def test_an_unknown_phone_code_is_invalid(wechat: httpx.Client, token: str, code: str) -> None:
    assert phone(wechat, code, token)["errcode"] == 40029


def test_the_code_must_be_a_text(wechat: httpx.Client, token: str) -> None:
    for body in ({}, {"code": 1}, {"code": None}):
        assert wechat.post(PATH, params={"access_token": token}, json=body).json()["errcode"] == 40029


def test_a_token_must_come_along(wechat: httpx.Client) -> None:
    assert wechat.post(PATH, json={"code": "simphone:13800000001"}).json()["errcode"] == 41001


def test_get_is_refused(wechat: httpx.Client, token: str) -> None:
    assert wechat.get(PATH, params={"access_token": token}).json()["errcode"] == 43002


@pytest.mark.parametrize("body", ["{", "[]", '"code"', "code=simphone:13800000001", "[" * 100_000])
def test_bad_json_is_a_data_format_error(wechat: httpx.Client, token: str, body: str) -> None:
    assert wechat.post(PATH, params={"access_token": token}, content=body).json()["errcode"] == 47001


def test_an_empty_body_has_an_errcode_of_its_own(wechat: httpx.Client, token: str) -> None:
    assert wechat.post(PATH, params={"access_token": token}).json()["errcode"] == 44002
