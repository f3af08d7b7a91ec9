import time
from typing import Any

import httpx
import pytest

from tests.simulator.calls import advance, sign_in, stable_token
from tests.simulator.conftest import EVENING

SIGN_IN = "/sns/jscode2session"


def set_fault(wechat: httpx.Client, path: str = SIGN_IN, **fault: Any) -> None:
    wechat.post("/_sim/faults", json={path: fault}).raise_for_status()


@pytest.mark.parametrize(
    ("errcode", "begins"),
    [
        (-1, "system error, rid: "),
        (40226, "code blocked, rid: "),
        (45011, "api minute-quota reach limit, must slower, retry next minute, rid: "),
        (12345, "error, rid: "),
    ],
)
def test_an_errcode_is_answered_instead_of_the_call(wechat: httpx.Client, errcode: int, begins: str) -> None:
    set_fault(wechat, errcode=errcode, times=1)

    refused = sign_in(wechat)

    assert refused["errcode"] == errcode
    assert refused["errmsg"].startswith(begins)
    assert "openid" in sign_in(wechat), "the code was not used, and the fault is over"


def test_a_fault_spoils_as_many_calls_as_it_says(wechat: httpx.Client) -> None:
    set_fault(wechat, errcode=-1, times=2)

    assert [sign_in(wechat).get("errcode") for _ in range(3)] == [-1, -1, None]


def test_a_fault_without_times_lasts_until_it_is_taken_away(wechat: httpx.Client) -> None:
    set_fault(wechat, errcode=-1)
    assert [sign_in(wechat)["errcode"] for _ in range(5)] == [-1] * 5

    assert wechat.post("/_sim/faults", json={SIGN_IN: None}).json() == {}

    assert "openid" in sign_in(wechat)


def test_a_fault_is_of_one_path_alone(wechat: httpx.Client) -> None:
    set_fault(wechat, errcode=-1)

    assert "access_token" in stable_token(wechat)


def test_faults_are_answered_as_they_stand(wechat: httpx.Client) -> None:
    set_fault(wechat, "/cgi-bin/token", errcode=45009)

    standing = wechat.post("/_sim/faults", json={SIGN_IN: {"status": 502, "times": 1}}).json()

    assert standing["/cgi-bin/token"]["errcode"] == 45009
    assert (standing[SIGN_IN]["status"], standing[SIGN_IN]["times"]) == (502, 1)


def test_a_status_comes_with_a_page_of_html(wechat: httpx.Client) -> None:
    set_fault(wechat, status=502)

    response = wechat.get(SIGN_IN)

    assert response.status_code == 502
    assert response.text.startswith("<html>")


def test_garbage_is_html_or_a_given_text(wechat: httpx.Client) -> None:
    set_fault(wechat, garbage=True)
    assert wechat.get(SIGN_IN).text.startswith("<html>")
    set_fault(wechat, garbage="")
    assert (wechat.get(SIGN_IN).status_code, wechat.get(SIGN_IN).content) == (200, b"")
    set_fault(wechat, garbage='{"openid": 5}')
    assert wechat.get(SIGN_IN).json() == {"openid": 5}


def test_a_delay_comes_before_the_answer(wechat: httpx.Client) -> None:
    set_fault(wechat, delay_s=0.2)

    asked_at = time.monotonic()
    answer = sign_in(wechat)

    assert "openid" in answer
    assert time.monotonic() - asked_at >= 0.2


def test_a_dripping_answer_arrives_whole_in_the_end(wechat: httpx.Client) -> None:
    set_fault(wechat, drip=0.001)

    asked_at = time.monotonic()
    answer = sign_in(wechat)

    assert "openid" in answer
    assert time.monotonic() - asked_at >= 0.1, "some 120 bytes, a millisecond apart"


def test_a_reset_cuts_the_answer_of_a_call_that_was_carried_out(wechat: httpx.Client) -> None:
    set_fault(wechat, reset=True, times=1)

    with pytest.raises(httpx.RemoteProtocolError):
        sign_in(wechat)

    assert sign_in(wechat)["errcode"] == 40163


@pytest.mark.parametrize(
    "fault",
    [
        {"unknown": 1},
        {"errcode": "40029"},
        {"errcode": True},
        {"times": 0},
        {"status": 99},
        {"delay_s": -1},
        {"drip": "slow"},
        {"garbage": False},
        {"reset": "yes"},
        [],
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_and_changes_nothing(wechat: httpx.Client, fault: object) -> None:
    response = wechat.post("/_sim/faults", json={SIGN_IN: fault})

    assert response.status_code == 400
    assert "openid" in sign_in(wechat)


def test_calls_are_counted_by_path_faults_included(wechat: httpx.Client) -> None:
    set_fault(wechat, errcode=-1, times=1)
    sign_in(wechat)
    sign_in(wechat)
    stable_token(wechat)

    assert wechat.get("/_sim/calls").json() == {SIGN_IN: 2, "/cgi-bin/stable_token": 1}


def test_nothing_has_been_sent_by_signing_in(wechat: httpx.Client) -> None:
    sign_in(wechat)

    assert wechat.get("/_sim/sent").json() == {"items": []}


def test_a_reset_of_the_simulator_forgets_everything(wechat: httpx.Client) -> None:
    set_fault(wechat, "/cgi-bin/token", errcode=-1)
    wechat.post("/_sim/unionid", json={"bound": False})
    advance(wechat, 60)
    sign_in(wechat)
    token = stable_token(wechat)["access_token"]

    wechat.post("/_sim/reset").raise_for_status()

    assert wechat.get("/_sim/calls").json() == {}
    assert wechat.post("/_sim/faults", json={}).json() == {}
    assert wechat.post("/_sim/clock", json={"advance_s": 0}).json() == {"now": EVENING}
    assert "unionid" in sign_in(wechat), "the code is unused again, and the binding is back"
    assert stable_token(wechat)["access_token"] != token


@pytest.mark.parametrize("wish", [{}, {"name": ""}, {"name": "a", "phone": "13800000001"}, {"phone": "1380-000"}])
def test_a_code_is_minted_for_one_name_or_one_number(wechat: httpx.Client, wish: dict[str, str]) -> None:
    assert wechat.post("/_sim/codes", json=wish).status_code == 400
    assert wechat.get("/_sim/codes", params=wish).status_code == 400


def test_the_clock_only_goes_forward(wechat: httpx.Client) -> None:
    assert wechat.post("/_sim/clock", json={"advance_s": -1}).status_code == 400


def test_an_unknown_control_is_not_found(wechat: httpx.Client) -> None:
    assert wechat.get("/_sim/nothing").status_code == 404
