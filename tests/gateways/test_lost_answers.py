"""Once an answer was lost, whatever is said later of another try is no verdict on the first."""

import pytest

from app.gateways.wechat import account
from app.gateways.wechat.errors import AskedBefore, Busy, Unconnected, Unreachable, WeChatError


async def asked(*told: WeChatError) -> str:
    answers = iter(told)

    async def attempt() -> str:
        raise next(answers)

    return await account.patiently(attempt, Busy, Unreachable)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_PAUSES_S", (0.0, 0.0))


@pytest.mark.parametrize("last", [Unconnected("send"), Busy("send", -1)])
async def test_a_later_refusal_leaves_it_unknown(last: WeChatError) -> None:
    lost = Unreachable("send")
    with pytest.raises(Unreachable) as raised:
        await asked(lost, last, last)
    assert raised.value is lost


async def test_that_it_was_asked_before_is_a_verdict() -> None:
    with pytest.raises(AskedBefore):
        await asked(Unreachable("send"), AskedBefore("send", 45065))


async def test_where_nothing_was_lost_the_last_error_is_told() -> None:
    with pytest.raises(Busy):
        await asked(Unconnected("send"), Unconnected("send"), Busy("send", -1))
