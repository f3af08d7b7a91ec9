import logging

import pytest

from app.gateways.wechat.errors import (
    WeChatError,
)
from app.gateways.wechat.miniprogram import ISSUER, PHONE, SIGN_IN, MiniProgram
from app.simulator.codes import openid, unionid
from tests.gateways.steering import APPID, CODE, NUMBER, PHONE_CODE, SECRET, Steering, told


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

    shown = (
        logged(caplog)
        + repr(wechat)
        + repr(signed_in)
        + repr(vars(wechat)["_keeper"])
        + repr(vars(vars(wechat)["_keeper"])["_token"])
    )
    hidden = (SECRET, "secret-code", NUMBER, token, signed_in.openid, signed_in.unionid or "?")
    assert [value for value in hidden if value in shown] == []
    assert SIGN_IN in logged(caplog), "httpx still logs which path was called"
