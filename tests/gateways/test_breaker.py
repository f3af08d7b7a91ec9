"""Who does not answer is left alone for a while (W01)."""

import time

import pytest

from app.gateways.wechat.breaker import Breaker
from app.gateways.wechat.errors import CodeRefused, Resting, Unreachable
from app.gateways.wechat.miniprogram import SIGN_IN, MiniProgram
from tests.gateways.steering import APPID, SECRET, Steering


async def test_after_five_failures_in_thirty_seconds_nobody_asks_until_one_has_tried(
    base_url: str, simulator: Steering
) -> None:
    now = [0.0]
    wechat = MiniProgram(base_url, APPID, SECRET, breaker=Breaker(clock=lambda: now[0]))
    simulator.spoil(SIGN_IN, status=503)
    for n in range(5):
        with pytest.raises(Unreachable, match="HTTP 503"):
            await wechat.sign_in(f"sim:a#{n}")
    began = time.monotonic()
    for n in range(20):
        with pytest.raises(Resting):
            await wechat.sign_in(f"sim:a#more-{n}")
    assert simulator.calls(SIGN_IN) == 5
    assert time.monotonic() - began < 0.5, "they are told at once"

    now[0] += 15
    with pytest.raises(Unreachable):
        await wechat.sign_in("sim:a#try")
    with pytest.raises(Resting):
        await wechat.sign_in("sim:a#not-yet")
    simulator.post("faults", {SIGN_IN: None})
    now[0] += 15
    await wechat.sign_in("sim:a#works")
    await wechat.sign_in("sim:a#works-again")

    assert simulator.calls(SIGN_IN) == 8
    await wechat.aclose()


async def test_failures_further_apart_and_refusals_are_no_reason_to_rest(base_url: str, simulator: Steering) -> None:
    now = [0.0]
    wechat = MiniProgram(base_url, APPID, SECRET, breaker=Breaker(clock=lambda: now[0]))
    simulator.spoil(SIGN_IN, status=503)
    for n in range(8):
        now[0] += 7.6
        with pytest.raises(Unreachable):
            await wechat.sign_in(f"sim:a#{n}")
    simulator.spoil(SIGN_IN, errcode=40029)
    for n in range(8):
        with pytest.raises(CodeRefused):
            await wechat.sign_in(f"sim:a#refused-{n}")
    await wechat.aclose()
