import socket
import time
from contextlib import suppress

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import Route

from app.gateways.wechat.errors import (
    CodeRefused,
    Unreachable,
    WeChatError,
)
from app.gateways.wechat.miniprogram import ISSUER, PHONE, SIGN_IN, MiniProgram, SignIn
from tests.gateways.steering import APPID, CODE, NUMBER, PHONE_CODE, SECRET, Steering
from tests.serving import serving


async def test_a_lost_sign_in_is_not_repeated(wechat: MiniProgram, simulator: Steering) -> None:
    simulator.spoil(SIGN_IN, reset=True, times=1)

    with pytest.raises(Unreachable):
        await wechat.sign_in(CODE)

    assert simulator.calls(SIGN_IN) == 1
    with pytest.raises(CodeRefused):
        await wechat.sign_in(CODE)


async def test_a_lost_phone_number_is_not_asked_for_again(wechat: MiniProgram, simulator: Steering) -> None:
    simulator.spoil(PHONE, reset=True)

    with pytest.raises(Unreachable):
        await wechat.phone_number(PHONE_CODE)

    assert simulator.calls(PHONE) == 1


@pytest.mark.parametrize("fault", [{"reset": True}, {"garbage": True}, {"status": 502}])
async def test_a_lost_token_is_fetched_again(
    wechat: MiniProgram, simulator: Steering, fault: dict[str, object]
) -> None:
    simulator.spoil(ISSUER, **fault, times=2)

    assert await wechat.phone_number(PHONE_CODE) == NUMBER
    assert simulator.calls(ISSUER) == 3


@pytest.mark.parametrize("path", [SIGN_IN, PHONE, ISSUER])
@pytest.mark.parametrize("fault", [{"drip": 0.02}, {"delay_s": 2.5}])
async def test_no_answer_however_slow_holds_a_caller_longer_than_the_total(
    hasty: MiniProgram, simulator: Steering, path: str, fault: dict[str, object]
) -> None:
    simulator.spoil(path, **fault)
    asked_at = time.monotonic()

    with pytest.raises(Unreachable):
        await (hasty.sign_in(CODE) if path == SIGN_IN else hasty.phone_number(PHONE_CODE))

    assert time.monotonic() - asked_at < 2
    assert simulator.calls(path) == 1


BROKEN = [
    "",
    " ",
    "<html>502</html>",
    "{",
    "[]",
    "null",
    "5",
    '"ok"',
    "NaN",
    "{}",
    '{"errcode": "0"}',
    '{"errcode": true}',
    '{"errcode": null}',
    '{"errcode": 0.0}',
    '{"errcode": 0, "openid": 5, "phone_info": 5, "access_token": 5, "expires_in": 7200}',
    '{"openid": "", "phone_info": {}, "access_token": "", "expires_in": 7200}',
    '{"openid": null, "phone_info": {"countryCode": "86"}, "access_token": "t", "expires_in": "7200"}',
    '{"openid": "张", "phone_info": {"countryCode": true, "purePhoneNumber": "13800000001"}, "access_token": "t"}',
    '{"openid": "o", "unionid": 5, "phone_info": {"countryCode": "86", "purePhoneNumber": 13800000001}}',
    '{"openid": ["o"], "phone_info": [], "access_token": "t", "expires_in": 0}',
    '{"openid": "a b\\n", "phone_info": {"purePhoneNumber": "13800000001"}, "access_token": "t\\n", "expires_in": 9}',
    '{"openid": {}, "access_token": "t", "expires_in": true}',
    '{"openid": 1, "access_token": "t", "expires_in": 1.5}',
    '{"deep": ' + "[" * 20_000 + "]" * 20_000 + "}",
    '{"openid": "' + "o" * 3000 + '"}',
    '{"openid": "o", "access_token": "t", "expires_in": 7200, "long": "' + "x" * 64 * 1024 + '"}',
]


@pytest.mark.parametrize("garbage", BROKEN, ids=range(len(BROKEN)))
async def test_an_answer_that_makes_no_sense_is_no_answer(
    wechat: MiniProgram, simulator: Steering, garbage: str
) -> None:
    await wechat.access_token()
    simulator.spoil(SIGN_IN, garbage=garbage)
    simulator.spoil(PHONE, garbage=garbage)

    with pytest.raises(Unreachable):
        await wechat.sign_in(CODE)
    with pytest.raises(Unreachable):
        await wechat.phone_number(PHONE_CODE)


@pytest.mark.parametrize(
    "garbage",
    [
        '{"access_token": 5, "expires_in": 7200}',
        '{"access_token": "", "expires_in": 7200}',
        '{"access_token": "t\\n", "expires_in": 7200}',
        '{"access_token": "t", "expires_in": "7200"}',
        '{"access_token": "t", "expires_in": true}',
        '{"access_token": "t", "expires_in": 0}',
        '{"access_token": "t"}',
    ],
)
async def test_a_token_that_makes_no_sense_is_none(wechat: MiniProgram, simulator: Steering, garbage: str) -> None:
    simulator.spoil(ISSUER, garbage=garbage)

    with pytest.raises(Unreachable):
        await wechat.access_token()


async def test_a_token_is_never_kept_longer_than_two_hours_whatever_the_answer(
    base_url: str, simulator: Steering
) -> None:
    now = [0.0]
    wechat = MiniProgram(base_url, APPID, SECRET, clock=lambda: now[0])
    simulator.spoil(ISSUER, garbage='{"access_token": "t", "expires_in": 9007199254740993}', times=1)
    assert await wechat.access_token() == "t"
    now[0] = 7200.0

    assert await wechat.access_token() != "t"
    await wechat.aclose()


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["errcode", "openid", "unionid"]), inner),
        max_leaves=8,
    )
)
async def test_whatever_json_comes_only_our_own_errors_leave(
    base_url: str, shared: MiniProgram, answer: object
) -> None:
    with httpx.Client(base_url=base_url, trust_env=False, verify=False) as http:
        garbage = httpx.Request("POST", base_url, json=answer).content.decode()
        Steering(http).spoil(SIGN_IN, garbage=garbage)

    with suppress(WeChatError):
        assert isinstance(await shared.sign_in(CODE), SignIn)


@pytest.mark.parametrize("status", [201, 301, 302, 400, 404, 429, 500, 503])
async def test_any_status_but_200_is_no_answer(wechat: MiniProgram, simulator: Steering, status: int) -> None:
    simulator.spoil(SIGN_IN, status=status)

    with pytest.raises(Unreachable, match=f"HTTP {status}"):
        await wechat.sign_in(CODE)

    assert simulator.calls(SIGN_IN) == 1


async def test_a_redirect_is_not_followed(base_url: str, simulator: Steering) -> None:
    astray = Starlette(routes=[Route(SIGN_IN, RedirectResponse(base_url + SIGN_IN))])
    with serving(astray) as elsewhere:
        wechat = MiniProgram(elsewhere, APPID, SECRET)

        with pytest.raises(Unreachable, match="HTTP 307"):
            await wechat.sign_in(CODE)
        await wechat.aclose()

    assert simulator.calls(SIGN_IN) == 0


async def test_where_nobody_listens_wechat_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    wechat = MiniProgram(f"http://127.0.0.1:{port}", APPID, SECRET)

    with pytest.raises(Unreachable, match="ConnectError"):
        await wechat.sign_in(CODE)
    with pytest.raises(Unreachable, match="ConnectError"):
        await wechat.phone_number(PHONE_CODE)
    await wechat.aclose()


async def test_proxies_of_the_environment_are_ignored(
    base_url: str, simulator: Steering, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    wechat = MiniProgram(base_url, APPID, SECRET)

    assert await wechat.phone_number(PHONE_CODE) == NUMBER
    await wechat.aclose()
