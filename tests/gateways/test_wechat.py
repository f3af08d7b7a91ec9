import asyncio
import logging
import socket
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import Route

from app.gateways.wechat import ISSUER, PHONE, SIGN_IN, MiniProgram, SignIn
from app.gateways.wechat_errors import (
    Busy,
    CodeRefused,
    OperatorMustAct,
    PhoneNotMainland,
    QuotaSpent,
    TokenRefused,
    Unreachable,
    WeChatError,
)
from app.simulator.app import create_app
from app.simulator.codes import openid, unionid
from tests.serving import serving

APPID, SECRET = "wx0000000000000sim", "simulated-secret"
CODE, NUMBER, PHONE_CODE = "sim:worker-1#secret-code", "13800000001", "simphone:13800000001#secret-code"


class Steering:
    """The simulator's controls."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def post(self, path: str, body: object = None) -> Any:
        return self.http.post(f"/_sim/{path}", json=body or {}).raise_for_status().json()

    def spoil(self, path: str, **fault: Any) -> None:
        self.post("faults", {path: fault})

    def calls(self, path: str) -> int:
        count: int = self.http.get("/_sim/calls").json().get(path, 0)
        return count


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    with serving(create_app()) as url:
        yield url


@pytest.fixture
def simulator(base_url: str) -> Iterator[Steering]:
    with httpx.Client(base_url=base_url, trust_env=False) as http:
        steering = Steering(http)
        steering.post("reset")
        yield steering


@pytest.fixture
async def wechat(base_url: str, simulator: Steering) -> AsyncIterator[MiniProgram]:
    program = MiniProgram(base_url, APPID, SECRET)
    yield program
    await program.aclose()


@pytest.fixture
async def hasty(base_url: str, simulator: Steering) -> AsyncIterator[MiniProgram]:
    """A client whose whole patience is 0.8 s."""
    program = MiniProgram(base_url, APPID, SECRET, total_s=0.8)
    yield program
    await program.aclose()


@pytest.fixture(scope="session")
async def shared(base_url: str) -> AsyncIterator[MiniProgram]:
    program = MiniProgram(base_url, APPID, SECRET, total_s=0.5)
    yield program
    await program.aclose()


async def test_a_code_signs_its_person_in(wechat: MiniProgram) -> None:
    signed_in = await wechat.sign_in("sim:worker-1")

    assert signed_in == SignIn(openid(APPID, "worker-1"), unionid("worker-1"))


async def test_an_account_without_a_binding_has_no_unionid(wechat: MiniProgram, simulator: Steering) -> None:
    simulator.post("unionid", {"bound": False})

    assert (await wechat.sign_in("sim:worker-1")).unionid is None


async def test_the_session_key_goes_no_further(wechat: MiniProgram) -> None:
    assert asdict(await wechat.sign_in("sim:worker-1")).keys() == {"openid", "unionid"}


async def test_a_phone_code_gives_its_mainland_number(wechat: MiniProgram) -> None:
    assert await wechat.phone_number(PHONE_CODE) == NUMBER


async def test_a_name_may_hold_characters_that_mean_something_in_a_query(wechat: MiniProgram) -> None:
    assert (await wechat.sign_in("sim:a&secret=x?#1")).openid == openid(APPID, "a&secret=x?")
    assert (await wechat.sign_in("sim:陈小明")).openid == openid(APPID, "陈小明")


# Refusals


async def test_a_code_serves_once(wechat: MiniProgram) -> None:
    await wechat.sign_in(CODE)
    await wechat.phone_number(PHONE_CODE)

    with pytest.raises(CodeRefused) as sign_in:
        await wechat.sign_in(CODE)
    with pytest.raises(CodeRefused) as phone:
        await wechat.phone_number(PHONE_CODE)

    assert (sign_in.value.errcode, phone.value.errcode) == (40163, 40029)


async def test_an_expired_code_is_refused(wechat: MiniProgram, simulator: Steering) -> None:
    code = simulator.post("codes", {"name": "worker-1"})["code"]
    simulator.post("clock", {"advance_s": 300})

    with pytest.raises(CodeRefused) as refused:
        await wechat.sign_in(code)

    assert refused.value.errcode == 40029


@pytest.mark.parametrize("code", ["", "a" * 513, "sim:\x00", "sim:\udc80", "sim:a\nb"])
async def test_what_cannot_be_a_code_is_refused_without_a_call(
    wechat: MiniProgram, simulator: Steering, code: str
) -> None:
    with pytest.raises(CodeRefused):
        await wechat.sign_in(code)
    with pytest.raises(CodeRefused):
        await wechat.phone_number(code)

    assert simulator.http.get("/_sim/calls").json() == {}


SIGN_IN_ERRORS: list[tuple[int, type[WeChatError]]] = [
    *((code, CodeRefused) for code in (40029, 40163, 40226, 41008, 61010, 87007, 87009)),
    *((code, QuotaSpent) for code in (45009, 45028)),
    *((code, OperatorMustAct) for code in (40002, 40013, 40125, 40164, 40243, 41002, 41004, 43002, 47001, 48001)),
    *((code, OperatorMustAct) for code in (50004, 50007, 89503, 89506, 89507)),
    *((code, OperatorMustAct) for code in (40001, 40014, 42001)),  # no token was sent: the secret is meant
    *((code, OperatorMustAct) for code in (-2, 1, 99999, 2**62)),  # not known to us
]


@pytest.mark.parametrize(("errcode", "kind"), SIGN_IN_ERRORS)
async def test_a_refused_sign_in_says_whose_turn_it_is_after_one_call(
    wechat: MiniProgram, simulator: Steering, errcode: int, kind: type[WeChatError]
) -> None:
    simulator.spoil(SIGN_IN, errcode=errcode)

    with pytest.raises(WeChatError) as refused:
        await wechat.sign_in(CODE)

    assert type(refused.value) is kind
    assert (refused.value.call, refused.value.errcode) == (SIGN_IN, errcode)
    assert simulator.calls(SIGN_IN) == 1


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [
        (40029, CodeRefused),
        (45009, QuotaSpent),
        (48001, OperatorMustAct),
        (40013, OperatorMustAct),
        (41001, OperatorMustAct),
    ],
)
async def test_a_refused_phone_call_says_whose_turn_it_is(
    wechat: MiniProgram, simulator: Steering, errcode: int, kind: type[WeChatError]
) -> None:
    simulator.spoil(PHONE, errcode=errcode)

    with pytest.raises(WeChatError) as refused:
        await wechat.phone_number(PHONE_CODE)

    assert type(refused.value) is kind
    assert simulator.calls(PHONE) == 1


@pytest.mark.parametrize("errcode", [-1, 45011])
async def test_while_wechat_is_busy_it_is_asked_three_times_in_all(
    wechat: MiniProgram, simulator: Steering, errcode: int
) -> None:
    simulator.spoil(SIGN_IN, errcode=errcode)

    with pytest.raises(Busy):
        await wechat.sign_in(CODE)

    assert simulator.calls(SIGN_IN) == 3


async def test_a_busy_moment_passes_unnoticed(wechat: MiniProgram, simulator: Steering) -> None:
    for path in (SIGN_IN, PHONE, ISSUER):
        simulator.spoil(path, errcode=-1, times=1)

    assert (await wechat.sign_in(CODE)).openid == openid(APPID, "worker-1")
    assert await wechat.phone_number(PHONE_CODE) == NUMBER
    assert [simulator.calls(path) for path in (SIGN_IN, PHONE, ISSUER)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("phone", "country_code"), [("61234567", "852"), ("13800000001", "1"), ("1380000000", "86"), ("02088880000", "86")]
)
async def test_a_number_that_is_no_mainland_mobile_is_refused_as_such(
    wechat: MiniProgram, simulator: Steering, phone: str, country_code: str
) -> None:
    code = simulator.post("codes", {"phone": phone, "country_code": country_code})["code"]

    with pytest.raises(PhoneNotMainland) as refused:
        await wechat.phone_number(code)

    assert phone not in told(refused.value)


async def test_a_country_code_may_be_a_number(wechat: MiniProgram, simulator: Steering) -> None:
    simulator.spoil(PHONE, garbage='{"errcode":0,"phone_info":{"purePhoneNumber":"13800000001","countryCode":86}}')

    assert await wechat.phone_number(PHONE_CODE) == NUMBER


async def test_the_address_that_is_not_whitelisted_is_told_to_the_operator(
    wechat: MiniProgram, simulator: Steering
) -> None:
    simulator.spoil(ISSUER, errcode=40164)

    with pytest.raises(OperatorMustAct, match=r"errcode 40164 caller 127\.0\.0\.1, rid [0-9a-f]{8}-"):
        await wechat.access_token()


# The token


async def test_one_token_serves_until_five_minutes_before_its_end(base_url: str, simulator: Steering) -> None:
    now = [1000.0]
    wechat = MiniProgram(base_url, APPID, SECRET, clock=lambda: now[0])
    first = await wechat.access_token()
    now[0] += 6899
    simulator.post("clock", {"advance_s": 6899})
    assert await wechat.access_token() == first
    assert simulator.calls(ISSUER) == 1
    now[0] += 1
    simulator.post("clock", {"advance_s": 1})

    assert await wechat.access_token() != first
    assert simulator.calls(ISSUER) == 2
    await wechat.aclose()


async def test_a_token_with_little_life_left_serves_for_half_of_it(base_url: str, simulator: Steering) -> None:
    earlier = MiniProgram(base_url, APPID, SECRET)
    token = await earlier.access_token()
    await earlier.aclose()
    simulator.post("clock", {"advance_s": 6800})
    now = [1000.0]
    wechat = MiniProgram(base_url, APPID, SECRET, clock=lambda: now[0])

    for later_s in (0, 195):  # 400 s are left, or 399 when the second has just turned
        now[0] = 1000.0 + later_s
        assert await wechat.access_token() == token
    assert simulator.calls(ISSUER) == 2
    now[0] = 1000.0 + 200
    await wechat.access_token()

    assert simulator.calls(ISSUER) == 3
    await wechat.aclose()


async def test_our_fetches_never_force_a_refresh(wechat: MiniProgram, base_url: str) -> None:
    other = MiniProgram(base_url, APPID, SECRET)

    assert await wechat.access_token() == await other.access_token()
    assert await wechat.phone_number(PHONE_CODE) == NUMBER
    await other.aclose()


@pytest.mark.parametrize("ended", ["revoke", "expire"])
async def test_a_dead_token_is_renewed_once_and_the_call_repeated_once(
    wechat: MiniProgram, simulator: Steering, ended: str
) -> None:
    dead = await wechat.access_token()
    simulator.post(f"tokens/{ended}")

    assert await wechat.phone_number(PHONE_CODE) == NUMBER

    assert await wechat.access_token() != dead
    assert (simulator.calls(PHONE), simulator.calls(ISSUER)) == (2, 2)


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_a_token_refused_again_after_renewal_is_not_tried_a_third_time(
    wechat: MiniProgram, simulator: Steering, errcode: int
) -> None:
    simulator.spoil(PHONE, errcode=errcode)

    with pytest.raises(TokenRefused) as refused:
        await wechat.phone_number(PHONE_CODE)

    assert refused.value.errcode == errcode
    assert (simulator.calls(PHONE), simulator.calls(ISSUER)) == (2, 2)


async def test_a_hundred_callers_with_a_revoked_token_fetch_one_new_token(base_url: str, simulator: Steering) -> None:
    wechat = MiniProgram(base_url, APPID, SECRET, total_s=30)
    await wechat.access_token()
    simulator.post("tokens/revoke")

    numbers = await asyncio.gather(*(wechat.phone_number(f"simphone:{13800000000 + n}") for n in range(100)))

    assert numbers == [str(13800000000 + n) for n in range(100)]
    assert simulator.calls(ISSUER) == 2, "the first one and the one after the revocation"
    assert simulator.calls(PHONE) <= 200
    await wechat.aclose()


async def test_callers_whose_renewed_token_is_refused_too_do_not_storm_the_issuer(
    base_url: str, simulator: Steering
) -> None:
    wechat = MiniProgram(base_url, APPID, SECRET, total_s=30)
    await wechat.access_token()
    simulator.spoil(PHONE, errcode=40001, delay_s=0.2)

    results = await asyncio.gather(
        *(wechat.phone_number(f"simphone:{13800000000 + n}") for n in range(50)), return_exceptions=True
    )

    assert {type(result) for result in results} == {TokenRefused}
    assert simulator.calls(ISSUER) == 2
    await wechat.aclose()


async def test_callers_who_wait_for_a_fetch_that_fails_fail_with_it(base_url: str, simulator: Steering) -> None:
    wechat = MiniProgram(base_url, APPID, "a-wrong-secret", total_s=30)

    results = await asyncio.gather(*(wechat.access_token() for _ in range(50)), return_exceptions=True)

    assert {type(result) for result in results} == {OperatorMustAct}
    assert {getattr(result, "errcode", None) for result in results} == {40125}
    assert simulator.calls(ISSUER) == 1
    with pytest.raises(OperatorMustAct):
        await wechat.access_token()
    assert simulator.calls(ISSUER) == 2, "who comes later asks again"
    await wechat.aclose()


async def test_a_caller_who_gives_up_does_not_stop_the_next_one(wechat: MiniProgram, simulator: Steering) -> None:
    simulator.spoil(ISSUER, delay_s=0.3, times=1)
    impatient = asyncio.create_task(wechat.access_token())
    await asyncio.sleep(0.1)
    patient = asyncio.create_task(wechat.access_token())
    await asyncio.sleep(0)

    impatient.cancel()

    assert len(await patient) > 100
    with pytest.raises(asyncio.CancelledError):
        await impatient


# Lost and broken answers


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
    with httpx.Client(base_url=base_url, trust_env=False) as http:
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


# Secrecy


def told(error: BaseException) -> str:
    """All that an error and whatever it drags along says of itself."""
    parts = ["".join(traceback.format_exception(error))]
    link: BaseException | None = error
    while link is not None:
        parts += [str(link), repr(link), repr(vars(link))]
        link = link.__cause__ or link.__context__
    return "\n".join(parts)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """What this side wrote; the simulator's server keeps a log of its own in the same process."""
    return "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn"))


FAILURES: list[tuple[str, dict[str, object]]] = [
    (SIGN_IN, {"errcode": 40029}),
    (SIGN_IN, {"garbage": f"<p>{SECRET} {CODE}</p>"}),
    (SIGN_IN, {"garbage": f'{{"errcode": 40013, "errmsg": "bad {SECRET} {CODE}"}}'}),
    (SIGN_IN, {"reset": True}),
    (SIGN_IN, {"status": 500}),
    (SIGN_IN, {"drip": 0.05}),
    (PHONE, {"errcode": 40001}),
    (PHONE, {"reset": True}),
    (PHONE, {"garbage": f'{{"phone_info": "{NUMBER}"}}'}),
    (PHONE, {"delay_s": 2.5}),
    (ISSUER, {"errcode": 40125}),
    (ISSUER, {"reset": True}),
]


@pytest.mark.parametrize(("path", "fault"), FAILURES)
async def test_no_failure_tells_a_secret_in_its_texts_or_in_the_log(
    hasty: MiniProgram,
    simulator: Steering,
    caplog: pytest.LogCaptureFixture,
    path: str,
    fault: dict[str, object],
) -> None:
    caplog.set_level(logging.DEBUG)
    token = await hasty.access_token()
    if path == ISSUER:
        simulator.post("tokens/revoke")
    simulator.spoil(path, **fault)

    with pytest.raises(WeChatError) as failed:
        await (hasty.sign_in(CODE) if path == SIGN_IN else hasty.phone_number(PHONE_CODE))

    shown = told(failed.value) + logged(caplog)
    hidden = (SECRET, "secret-code", NUMBER, token, openid(APPID, "worker-1"), unionid("worker-1"))
    assert [value for value in hidden if value in shown] == []


async def test_no_success_tells_a_secret_in_the_log_or_in_a_repr(
    wechat: MiniProgram, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    signed_in = await wechat.sign_in(CODE)
    await wechat.phone_number(PHONE_CODE)
    token = await wechat.access_token()

    shown = logged(caplog) + repr(wechat) + repr(signed_in) + repr(vars(wechat)["_token"])
    hidden = (SECRET, "secret-code", NUMBER, token, signed_in.openid, signed_in.unionid or "?")
    assert [value for value in hidden if value in shown] == []
    assert SIGN_IN in logged(caplog), "httpx still logs which path was called"
