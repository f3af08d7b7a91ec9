"""The calls as a developer would type them, with the demo account unless a test says otherwise."""

from typing import Any

import httpx

APPID, SECRET = "wx0000000000000sim", "simulated-secret"

Json = dict[str, Any]


def sign_in(wechat: httpx.Client, js_code: str = "sim:worker-1", **other: str) -> Json:
    query = {"appid": APPID, "secret": SECRET, "js_code": js_code, "grant_type": "authorization_code", **other}
    return _body(wechat.get("/sns/jscode2session", params=_given(query)))


def phone(wechat: httpx.Client, code: str, token: str) -> Json:
    return _body(wechat.post("/wxa/business/getuserphonenumber", params={"access_token": token}, json={"code": code}))


def stable_token(wechat: httpx.Client, **other: object) -> Json:
    body = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET, **other}
    return _body(wechat.post("/cgi-bin/stable_token", json=_given(body)))


def classic_token(wechat: httpx.Client, **other: str) -> Json:
    query = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET, **other}
    return _body(wechat.get("/cgi-bin/token", params=_given(query)))


def mint(wechat: httpx.Client, **wish: str) -> str:
    code: str = wechat.post("/_sim/codes", json=wish).raise_for_status().json()["code"]
    return code


def advance(wechat: httpx.Client, seconds: float) -> None:
    wechat.post("/_sim/clock", json={"advance_s": seconds}).raise_for_status()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Without what a test left empty on purpose."""
    return {name: value for name, value in values.items() if value != ""}


def _body(response: httpx.Response) -> Json:
    assert response.status_code == 200, "WeChat answers 200 even when it refuses"
    body: Json = response.json()
    return body
