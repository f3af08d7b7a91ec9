from collections.abc import Callable

import httpx
import pytest

from tests.simulator.calls import APPID, Json, advance, classic_token, phone, stable_token
from tests.simulator.conftest import OTHER_APPID, OTHER_SECRET

FRESH_CODES = (f"simphone:13800000001#{n}" for n in range(1_000_000))


def errcode_of(wechat: httpx.Client, token: str) -> int:
    """What a call with this token is answered; 0 is yes."""
    errcode: int = phone(wechat, next(FRESH_CODES), token)["errcode"]
    return errcode


def test_the_stable_issuer_gives_the_same_token_with_what_remains_of_its_life(wechat: httpx.Client) -> None:
    first = stable_token(wechat)
    advance(wechat, 1000)
    again = stable_token(wechat)

    assert (first["expires_in"], again["expires_in"]) == (7200, 6200)
    assert first["access_token"] == again["access_token"]
    assert len(first["access_token"]) <= 512


def test_five_minutes_before_the_end_a_new_token_lives_beside_the_old_one(wechat: httpx.Client) -> None:
    old = stable_token(wechat)["access_token"]
    advance(wechat, 6899)
    assert stable_token(wechat)["access_token"] == old
    advance(wechat, 1)

    new = stable_token(wechat)

    assert (new["access_token"] != old, new["expires_in"]) == (True, 7200)
    assert (errcode_of(wechat, old), errcode_of(wechat, new["access_token"])) == (0, 0)
    advance(wechat, 300)
    assert (errcode_of(wechat, old), errcode_of(wechat, new["access_token"])) == (42001, 0)


def test_a_forced_refresh_kills_the_former_token_at_once(wechat: httpx.Client) -> None:
    old = stable_token(wechat)["access_token"]
    new = stable_token(wechat, force_refresh=True)["access_token"]

    assert (errcode_of(wechat, old), errcode_of(wechat, new)) == (40001, 0)


def test_a_second_force_within_thirty_seconds_is_not_obeyed(wechat: httpx.Client) -> None:
    first = stable_token(wechat, force_refresh=True)["access_token"]
    advance(wechat, 29)
    assert stable_token(wechat, force_refresh=True)["access_token"] == first
    advance(wechat, 1)
    assert stable_token(wechat, force_refresh=True)["access_token"] != first


def test_force_is_obeyed_twenty_times_a_day_and_again_after_midnight_in_shanghai(wechat: httpx.Client) -> None:
    tokens: list[str] = []
    for _ in range(21):
        tokens.append(stable_token(wechat, force_refresh=True)["access_token"])
        advance(wechat, 30)

    assert len(set(tokens)) == 20
    assert tokens[20] == tokens[19]
    advance(wechat, 3 * 3600)
    assert stable_token(wechat, force_refresh=True)["access_token"] not in tokens


def test_the_classic_issuer_gives_a_new_token_each_time_and_the_former_lives_five_minutes_more(
    wechat: httpx.Client,
) -> None:
    old, new = classic_token(wechat), classic_token(wechat)

    assert (old["expires_in"], new["expires_in"]) == (7200, 7200)
    assert old["access_token"] != new["access_token"]
    advance(wechat, 299)
    assert errcode_of(wechat, old["access_token"]) == 0
    advance(wechat, 1)
    assert errcode_of(wechat, old["access_token"]) == 40001
    assert errcode_of(wechat, new["access_token"]) == 0


def test_the_two_issuers_leave_each_other_alone(wechat: httpx.Client) -> None:
    stable, classic = stable_token(wechat)["access_token"], classic_token(wechat)["access_token"]
    classic_token(wechat)
    stable_token(wechat, force_refresh=True)

    assert errcode_of(wechat, stable) == 40001
    assert errcode_of(wechat, classic) == 0
    advance(wechat, 300)
    assert errcode_of(wechat, classic) == 40001


def test_a_token_expires_after_two_hours(wechat: httpx.Client) -> None:
    token = classic_token(wechat)["access_token"]
    advance(wechat, 7199)
    assert errcode_of(wechat, token) == 0
    advance(wechat, 1)
    assert errcode_of(wechat, token) == 42001


def test_tokens_can_be_revoked_and_expired_by_hand(wechat: httpx.Client) -> None:
    stable, classic = stable_token(wechat)["access_token"], classic_token(wechat)["access_token"]

    assert wechat.post("/_sim/tokens/revoke", json={"appid": OTHER_APPID}).json() == {"tokens": 0}
    assert errcode_of(wechat, stable) == 0
    assert wechat.post("/_sim/tokens/revoke").json() == {"tokens": 2}
    assert (errcode_of(wechat, stable), errcode_of(wechat, classic)) == (40001, 40001)
    after = stable_token(wechat)["access_token"]
    assert after != stable
    assert wechat.post("/_sim/tokens/expire", json={"appid": APPID}).json() == {"tokens": 1}
    assert errcode_of(wechat, after) == 42001
    assert stable_token(wechat)["access_token"] != after


def test_a_malformed_token_is_invalid_and_a_well_formed_unknown_one_not_the_latest(wechat: httpx.Client) -> None:
    known = stable_token(wechat)["access_token"]
    unknown = known[:-8] + "AAAAAAAA"

    assert errcode_of(wechat, "nonsense") == 40014
    assert errcode_of(wechat, unknown) == 40001


def test_a_token_is_its_accounts_own(wechat: httpx.Client) -> None:
    token = stable_token(wechat, appid=OTHER_APPID, secret=OTHER_SECRET)["access_token"]

    answer = phone(wechat, next(FRESH_CODES), token)

    assert answer["phone_info"]["watermark"]["appid"] == OTHER_APPID


@pytest.mark.parametrize("fetch", [stable_token, classic_token])
@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"grant_type": ""}, 40002),
        ({"grant_type": "authorization_code"}, 40002),
        ({"appid": ""}, 41002),
        ({"appid": "wx0000000000000bad"}, 40013),
        ({"secret": ""}, 41004),
        ({"secret": "wrong"}, 40125),
    ],
)
def test_a_wrong_or_missing_parameter_has_its_errcode(
    wechat: httpx.Client, fetch: Callable[..., Json], changed: dict[str, str], errcode: int
) -> None:
    assert fetch(wechat, **changed)["errcode"] == errcode


def test_the_stable_issuer_wants_a_json_object_posted_with_a_boolean_force(wechat: httpx.Client) -> None:
    assert wechat.get("/cgi-bin/stable_token").json()["errcode"] == 43002
    assert wechat.post("/cgi-bin/stable_token", content="appid=1").json()["errcode"] == 47001
    assert wechat.post("/cgi-bin/token").json()["errcode"] == 43001
    assert stable_token(wechat, force_refresh="true")["errcode"] == 47001
    assert stable_token(wechat, appid=5)["errcode"] == 40013
