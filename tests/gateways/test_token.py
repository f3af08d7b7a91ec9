import asyncio

import pytest

from app.gateways.wechat.errors import (
    OperatorMustAct,
    TokenRefused,
)
from app.gateways.wechat.miniprogram import ISSUER, PHONE, MiniProgram
from tests.gateways.steering import APPID, NUMBER, PHONE_CODE, SECRET, Steering


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
