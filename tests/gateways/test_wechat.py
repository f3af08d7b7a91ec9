from dataclasses import asdict

import pytest

from app.gateways.wechat.errors import (
    Busy,
    CodeRefused,
    OperatorMustAct,
    PhoneNotMainland,
    QuotaSpent,
    WeChatError,
)
from app.gateways.wechat.miniprogram import ISSUER, PHONE, SIGN_IN, MiniProgram, SignIn
from app.simulator.codes import openid, unionid
from tests.gateways.steering import APPID, CODE, NUMBER, PHONE_CODE, Steering, told


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
