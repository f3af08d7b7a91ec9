"""The calls of the mini-program beside signing in: messages, templates, checks, codes and links."""

import pytest

from app.gateways.wechat.errors import (
    Busy,
    CodeRefused,
    ContentRefused,
    NotDeliverable,
    OperatorMustAct,
    QuotaSpent,
    Unreachable,
    WeChatError,
)
from app.gateways.wechat.miniprogram import CODE_IMAGE, MiniProgram
from app.gateways.wechat.subscribing import SEND, SubscribeMessage
from app.simulator.codes import openid
from tests.gateways.steering import APPID, Steering

WHO = openid(APPID, "worker-1")
DATA = {"thing1": "申请已经通过", "time2": "2026-11-30 08:20", "thing3": "请打开小程序查看"}
MESSAGE = SubscribeMessage(WHO, "sim-progress", "pages/messages/index", DATA)


@pytest.fixture
def allowed(simulator: Steering) -> None:
    """The worker allowed three messages."""
    for _ in range(3):
        simulator.post("choices", {"appid": APPID, "name": "worker-1", "templates": {"sim-progress": "accept"}})


@pytest.mark.usefixtures("allowed")
async def test_a_message_goes_once_for_each_consent(wechat: MiniProgram, simulator: Steering) -> None:
    references = [await wechat.send(MESSAGE) for _ in range(3)]
    with pytest.raises(NotDeliverable) as refused:
        await wechat.send(MESSAGE)

    assert refused.value.errcode == 43101
    assert len({*references}) == 3
    items = simulator.http.get("/_sim/sent", params={"name": "worker-1"}).json()["items"]
    assert [each["data"] for each in items] == [DATA] * 3


@pytest.mark.usefixtures("allowed")
async def test_a_strict_server_says_no_id_and_that_is_fine(wechat: MiniProgram, simulator: Steering) -> None:
    simulator.post("mode", {"mode": "strict"})

    assert await wechat.send(MESSAGE) is None


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("fault", [{"reset": True}, {"garbage": True}, {"garbage": ""}, {"status": 502}])
async def test_a_message_whose_answer_was_lost_is_not_sent_again(
    wechat: MiniProgram, simulator: Steering, fault: dict[str, object]
) -> None:
    simulator.spoil(SEND, **fault)

    with pytest.raises(Unreachable):
        await wechat.send(MESSAGE)

    assert simulator.calls(SEND) == 1


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [(43101, NotDeliverable), (43004, NotDeliverable), (40003, NotDeliverable), (47003, ContentRefused),
     (45168, ContentRefused), (40037, OperatorMustAct), (43107, OperatorMustAct), (45009, QuotaSpent), (43108, Busy)],
)  # fmt: skip
async def test_each_refusal_of_a_message_says_whose_turn_it_is(
    wechat: MiniProgram, simulator: Steering, errcode: int, kind: type[WeChatError]
) -> None:
    simulator.spoil(SEND, errcode=errcode)

    with pytest.raises(WeChatError) as refused:
        await wechat.send(MESSAGE)

    assert type(refused.value) is kind
    assert simulator.calls(SEND) == (3 if kind is Busy else 1)


@pytest.mark.usefixtures("allowed")
async def test_the_simulator_refuses_what_wechat_would(wechat: MiniProgram) -> None:
    wrong = {**DATA, "thing1": "一" * 21}
    for message, errcode in (
        (SubscribeMessage(WHO, "sim-progress", "", wrong), 47003),
        (SubscribeMessage(WHO, "sim-progress", "", {}), 47003),
        (SubscribeMessage(WHO, "no-such-template", "", DATA), 40037),
        (SubscribeMessage("somebody", "sim-progress", "", DATA), 40003),
    ):
        with pytest.raises(WeChatError) as refused:
            await wechat.send(message)
        assert refused.value.errcode == errcode


async def test_templates_are_listed_chosen_and_given_up(wechat: MiniProgram) -> None:
    before = {each.id for each in await wechat.templates()}
    added = await wechat.add_template("AA1234", [1, 2, 3], "办理进度")

    assert {each.id for each in await wechat.templates()} == before | {added}
    await wechat.delete_template(added)
    assert {each.id for each in await wechat.templates()} == before


async def test_a_text_is_looked_at_only_for_somebody_who_was_here_lately(
    wechat: MiniProgram, simulator: Steering
) -> None:
    with pytest.raises(CodeRefused) as refused:
        await wechat.check_text("你好", WHO, scene=2)
    assert refused.value.errcode == 61010
    await wechat.sign_in("sim:worker-1#check")

    found = [(await wechat.check_text(text, WHO, scene=2)).result.suggest for text in ("你好", "代办证件", "来赌博")]

    assert found == ["pass", "review", "risky"]
    simulator.post("clock", {"advance_s": 7201})
    with pytest.raises(CodeRefused):
        await wechat.check_text("你好", WHO, scene=2)
    with pytest.raises(ContentRefused):
        await wechat.check_text("长" * 2501, WHO, scene=2)


async def test_a_code_is_a_picture_and_its_refusal_is_none(wechat: MiniProgram, simulator: Steering) -> None:
    assert (await wechat.code_image("t=abc", "pages/index")).startswith(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(OperatorMustAct) as refused:
        await wechat.code_image("t=abc", "unreleased/index")
    assert refused.value.errcode == 41030
    for scene, page in (("有汉字", "pages/index"), ("t" * 33, "pages/index"), ("t", "/pages/index")):
        with pytest.raises(ContentRefused):
            await wechat.code_image(scene, page)
    simulator.spoil(CODE_IMAGE, garbage="x" * 100)
    with pytest.raises(Unreachable):
        await wechat.code_image("t=abc", "pages/index")


async def test_links_live_thirty_days_at_most(wechat: MiniProgram) -> None:
    assert (await wechat.link("pages/index", "a=1")).startswith("https://wxaurl.cn/")
    assert (await wechat.scheme("pages/index", days=1)).startswith("weixin://")
    with pytest.raises(ContentRefused):
        await wechat.link("pages/index", days=31)
