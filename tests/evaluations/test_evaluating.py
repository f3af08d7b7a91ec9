"""The whole path of an evaluation over HTTP: announced, drawn, scored blind by two, closed."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.jobs.handlers import HANDLERS
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.masking import mask_name
from tests.calling import every_item, post
from tests.evaluations.evaluating import (
    EVALUATIONS,
    SECRET,
    SIZES,
    Office,
    announce,
    cases,
    close,
    draw,
    drawn,
    move_days,
    read,
    redrawn,
    request,
    score,
    score_all,
)
from tests.http.refusals import refused
from tests.make import TODAY


async def test_the_whole_path_from_announcing_to_the_result(
    client: httpx.AsyncClient, made: Office, owner: asyncpg.Connection
) -> None:
    listed = await client.get(
        f"{EVALUATIONS}/evaluators", params={"organisation_code": made.town.city.code}, headers=made.auditor.headers
    )
    assert {each["id"] for each in listed.json()["items"]} == {str(made.first.id), str(made.second.id)}
    answer = await announce(client, made)
    assert answer.status_code == 201, answer.text
    announced = answer.json()
    assert (announced["state"], announced["seed"], announced["result"]) == ("announced", None, None)
    shown = (await draw(client, made.auditor, announced)).json()
    assert hashlib.sha256(shown["seed"].encode()).hexdigest() == announced["seed_sha256"]
    assert [(each["files"], each["drawn"]) for each in shown["strata"]] == [(2, 1), (4, 2), (2, 1), (2, 1)]
    await score_all(client, made.first, shown, wrong={1, 2})
    progress = (await read(client, made.auditor, shown)).json()["progress"]
    assert [(each["first"], each["second"], each["both"]) for each in progress] == [
        (1, 0, 0), (2, 0, 0), (1, 0, 0), (1, 0, 0),
    ]  # fmt: skip
    refused(await close(client, made.auditor, shown), 409, "evaluation_underway")
    refused(await read(client, made.auditor, shown, "disagreements"), 409, "evaluation_underway")
    await score_all(client, made.second, shown, wrong={1, 3})
    result = (await close(client, made.auditor, shown)).json()
    assert (result["state"], result["complete"]) == ("closed", True)
    by = {each["stratum"]: each for each in result["result"]}
    assert (by["never_archived"]["agreement_bp"], by["never_archived"]["both_wrong"]["share_bp"]) == (10_000, 10_000)
    assert (by["not_lifted"]["scored"], by["not_lifted"]["agreement_bp"], by["not_lifted"]["kappa_bp"]) == (
        2, 0, -10_000,
    )  # fmt: skip
    assert by["not_lifted"]["either_wrong"]["errors"] == 2
    assert (by["lifted"]["kappa_bp"], by["lifted"]["both_wrong"]["errors"]) == (None, 0)
    apart = (await read(client, made.auditor, shown, "disagreements")).json()["items"]
    assert [each["serial"] for each in apart] == [2, 3]
    assert [(each["first"]["verdict"], each["second"]["verdict"]) for each in apart] == [
        ("wrong", "right"), ("right", "wrong"),
    ]  # fmt: skip
    numbers = await owner.fetch("select number from household where city_id = $1", made.town.city.id)
    assert {each["number"] for each in apart} <= {each["number"] for each in numbers}
    for evaluator in (made.first, made.second):
        seen = (await read(client, evaluator, shown)).json()
        assert (seen["result"], seen["progress"]) == (result["result"], None)
        refused(await read(client, evaluator, shown, "cases"), 409, "evaluation_closed")
        refused(await read(client, evaluator, shown, "disagreements"), 403, "not_allowed")
    for again in (close, draw):
        refused(await again(client, made.auditor, result), 409)


async def test_what_the_system_draws_the_script_draws_again_offline_and_nothing_changes_it(
    client: httpx.AsyncClient, made: Office, tmp_path: Path
) -> None:
    evaluation = await drawn(client, made)
    answer = await read(client, made.first, evaluation, "population")
    content = answer.content
    assert hashlib.sha256(content).hexdigest() == evaluation["population_sha256"]
    assert content.decode().splitlines()[0] == "file_id,stratum"
    found = [case["file_id"] for case in await cases(client, made.first, evaluation)]
    again = redrawn(tmp_path / "list.csv", content, evaluation)
    assert again.stdout.split() == found, again.stderr
    assert len(found) == sum(SIZES.values())
    late = await made.world.person()
    await made.world.household(late, made.town.units[0], state="rejected")
    refused(await draw(client, made.auditor, evaluation), 409, "evaluation_already_drawn")
    assert (await read(client, made.auditor, evaluation, "population")).content == content
    assert [case["file_id"] for case in await cases(client, made.auditor, evaluation)] == found
    tampered = redrawn(tmp_path / "list.csv", content + b"x,lifted\n", evaluation)
    assert (tampered.returncode, tampered.stdout) == (1, "")
    assert "不一致" in tampered.stderr


async def test_an_evaluator_sees_the_file_and_not_whose_it_is_and_the_worker_sees_the_look(
    client: httpx.AsyncClient, made: Office
) -> None:
    evaluation = await drawn(client, made, sizes=dict.fromkeys(SIZES, 10))
    drawn_cases = await cases(client, made.first, evaluation)
    assert len(drawn_cases) == 10
    for case in drawn_cases:
        answer = await read(client, made.first, evaluation, "cases", case["id"])
        assert answer.status_code == 200, answer.text
        (head,) = [each for file_id, each in made.heads.items() if str(file_id) == case["file_id"]]
        told = answer.text
        assert not any(word in told for word in (SECRET, mask_name(SECRET), head.id_number, str(head.id), "DA-"))
        shown = answer.json()
        assert shown["form"]["head"]["health"]
        assert shown["proposed"]["reasons"]
        assert shown["state"]
    log = await every_item(client, "/me/access_log", by=head)
    looks = [each for each in log if each["action"] == "evaluation_case.opened"]
    assert [(look["purpose"], look["by"]["role"], look["by"]["organisation"]) for look in looks] == [
        ("supervision", "evaluator", made.town.city.name)
    ]


async def test_the_file_is_scored_as_it_was_drawn(
    client: httpx.AsyncClient, made: Office, owner: asyncpg.Connection
) -> None:
    evaluation = await drawn(client, made, sizes=SIZES | {"not_lifted": 4})
    (case, *_) = [c for c in await cases(client, made.first, evaluation) if c["stratum"] == "not_lifted"]
    before = (await read(client, made.first, evaluation, "cases", case["id"])).json()
    await owner.execute("update household set state = 'withdrawn', state_before = null where id = $1", case["file_id"])
    assert (await read(client, made.first, evaluation, "cases", case["id"])).json() == before


async def test_neither_sees_what_the_other_said_before_both_have_scored_everything(
    client: httpx.AsyncClient, made: Office
) -> None:
    evaluation = await drawn(client, made)
    listed = await cases(client, made.first, evaluation)
    await score_all(client, made.first, evaluation, wrong={1})
    for case in listed[:-1]:
        mine = (await score(client, made.second, evaluation, case)).json()
        assert (mine["mine"]["verdict"], mine["other"]) == ("right", None)
        theirs = (await read(client, made.first, evaluation, "cases", case["id"])).json()
        assert theirs["other"] is None
    # Until the last is there, everything may be corrected; what was said before is kept.
    changed = (await score(client, made.first, evaluation, listed[0], "right", 2, "再看一遍，识别准确")).json()
    assert (changed["mine"]["verdict"], changed["version"]) == ("right", 3)
    await score(client, made.second, evaluation, listed[-1])
    both = (await read(client, made.first, evaluation, "cases", listed[0]["id"])).json()
    assert (both["mine"]["verdict"], both["other"]["verdict"]) == ("right", "right")
    refused(await score(client, made.first, evaluation, listed[0], "wrong", 3), 409, "scores_complete")


async def test_of_two_scores_at_once_one_counts_and_the_last_two_together_complete_it(
    client: httpx.AsyncClient, made: Office, owner: asyncpg.Connection
) -> None:
    evaluation = await drawn(client, made, sizes=dict.fromkeys(SIZES, 0) | {"lifted": 1})
    (case,) = await cases(client, made.first, evaluation)
    twice = await asyncio.gather(*(score(client, made.first, evaluation, case) for _ in range(4)))
    assert sorted(answer.status_code for answer in twice) == [200, 412, 412, 412]
    refused(await score(client, made.first, evaluation, case), 412, "stale_version")
    both = await asyncio.gather(
        score(client, made.first, evaluation, case, "wrong", 2), score(client, made.second, evaluation, case)
    )
    assert both[1].status_code == 200, both[1].text
    assert both[0].status_code in (200, 409)  # the second score completes it
    assert (await read(client, made.auditor, evaluation)).json()["complete"]
    ended = await asyncio.gather(*(close(client, made.auditor, evaluation) for _ in range(3)))
    assert sorted(answer.status_code for answer in ended) == [200, 409, 409]
    assert await owner.fetchval("select count(*) from evaluation_score where case_id = $1", case["id"]) in (2, 3)


async def test_before_the_first_day_and_after_the_last_an_evaluator_sees_nothing(
    client: httpx.AsyncClient, made: Office, owner: asyncpg.Connection
) -> None:
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    evaluation = await drawn(client, made, first_day=tomorrow, last_day=tomorrow)
    (case, *_) = await cases(client, made.auditor, evaluation)

    async def outside() -> None:
        for rest in ((), ("cases",), ("cases", case["id"]), ("population",)):
            refused(await read(client, made.first, evaluation, *rest), 403, "outside_evaluation_days")
        refused(await score(client, made.first, evaluation, case), 403, "outside_evaluation_days")
        assert await every_item(client, EVALUATIONS, by=made.first) == []

    await outside()
    await move_days(owner, evaluation, 1)
    assert (await score(client, made.first, evaluation, case)).status_code == 200
    await move_days(owner, evaluation, 1)
    await outside()
    result = (await close(client, made.auditor, evaluation)).json()
    assert {each["scored"] for each in result["result"]} == {0}
    assert (await read(client, made.first, evaluation)).json()["result"] == result["result"]
    assert [each["id"] for each in await every_item(client, EVALUATIONS, by=made.first)] == [evaluation["id"]]


async def test_an_evaluation_that_nobody_drew_in_its_days_is_not_drawn_after_them(
    client: httpx.AsyncClient, made: Office, owner: asyncpg.Connection
) -> None:
    announced = (await announce(client, made)).json()
    refused(await read(client, made.first, announced), 404, "evaluation_not_found")
    refused(await read(client, made.auditor, announced, "population"), 409, "evaluation_not_drawn")
    refused(await close(client, made.auditor, announced), 409, "evaluation_not_drawn")
    refused(await post(client, made.auditor, f"{EVALUATIONS}/{announced['id']}/draw", version=7), 412, "stale_version")
    await move_days(owner, announced, 31)
    refused(await draw(client, made.auditor, announced), 409, "evaluation_days_over")


@pytest.mark.parametrize(
    ("given", "pointer", "code"),
    [
        ({"first_day": (TODAY - timedelta(days=1)).isoformat()}, "/first_day", "day_past"),
        ({"last_day": (TODAY + timedelta(days=180)).isoformat()}, "/last_day", "days_out_of_range"),
        ({"last_day": (TODAY - timedelta(days=1)).isoformat()}, "/last_day", "days_out_of_range"),
        ({"sizes": dict.fromkeys(SIZES, 0)}, "/sizes", "sizes_empty"),
        ({"sizes": SIZES | {"lifted": 201}}, "/sizes/lifted", "less_than_equal"),
    ],
)
async def test_what_cannot_be_announced_is_refused_by_name(
    client: httpx.AsyncClient, made: Office, given: dict[str, Any], pointer: str, code: str
) -> None:
    problem = refused(await announce(client, made, **given), 422, "invalid")
    assert pointer in {error["pointer"] for error in problem["errors"]}
    assert code == "less_than_equal" or code in {error["code"] for error in problem["errors"]}
    ok = await announce(client, made, last_day=(TODAY + timedelta(days=179)).isoformat())
    assert ok.status_code == 201, ok.text


async def test_two_different_people_evaluate_who_hold_that_post_and_no_other(
    client: httpx.AsyncClient, made: Office
) -> None:
    world, city = made.world, made.town.city
    both = await world.person(posts=((Role.EVALUATOR, city), (Role.CITY_REVIEWER, city)))
    abroad = await world.staff(Role.EVALUATOR, await world.union("city"))
    unproved = await world.staff(Role.EVALUATOR, city, verified=False)
    for other in (both, abroad, unproved, made.auditor):
        problem = refused(await announce(client, made, second_evaluator_id=str(other.id)), 422, "invalid")
        assert [error["code"] for error in problem["errors"]] == ["not_an_evaluator"]
    problem = refused(await announce(client, made, second_evaluator_id=str(made.first.id)), 422, "invalid")
    assert [error["code"] for error in problem["errors"]] == ["same_evaluator"]


async def test_an_evaluation_of_the_same_days_is_announced_once(client: httpx.AsyncClient, made: Office) -> None:
    body = request(made)
    both = await asyncio.gather(*(post(client, made.auditor, EVALUATIONS, body) for _ in range(2)))
    first, second = sorted(both, key=lambda answer: answer.status_code)
    assert first.status_code == 201, first.text
    refused(second, 409, "evaluation_already_announced")


async def test_the_two_evaluators_are_told_when_it_is_drawn(
    client: httpx.AsyncClient, made: Office, background: Jobs
) -> None:
    evaluation = await drawn(client, made)
    for _ in range(2):
        for state in ("announced", "drawn", "closed"):
            for handle in HANDLERS["EvaluationMoved"]:
                async with background.work() as work:
                    await handle(work, {"evaluation_id": evaluation["id"], "to_state": state})
    for who, told in ((made.first, 1), (made.second, 1), (made.auditor, 0)):
        messages = [each for each in await every_item(client, "/me/messages", by=who) if each["kind"] == "evaluation"]
        assert len(messages) == told
