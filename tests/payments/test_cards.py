"""A card is paid to only after two of finance have confirmed what a bank says of it."""

from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import State
from app.jobs.running import Jobs
from app.jobs.telling.handlers import tell_card_checked
from app.kernel.actor import Role
from tests.calling import every_item, post
from tests.http.refusals import refused
from tests.make import Someone
from tests.paying import carded, why_out
from tests.payments.conftest import Till
from tests.relatives.making import declared

CARDS = "/staff/bank_cards"


async def listed(client: httpx.AsyncClient, by: Someone) -> list[dict[str, Any]]:
    answer = await client.get(CARDS, headers=by.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def enter(
    client: httpx.AsyncClient, by: Someone, *cards: str, outcome: str = "passed", method: str = "name_check"
) -> httpx.Response:
    items = [{"card_id": card, "outcome": outcome} for card in cards]
    return await post(client, by, f"{CARDS}/checks", {"method": method, "items": items})


async def decide(client: httpx.AsyncClient, by: Someone, *checks: str, action: str = "confirm") -> httpx.Response:
    return await post(client, by, f"{CARDS}/checks/decisions", {"action": action, "check_ids": list(checks)})


async def test_one_enters_another_confirms_and_then_it_may_be_paid(client: httpx.AsyncClient, till: Till) -> None:
    case = await till.approved(card=False)
    card_id = str(await carded(till.world, case.applicant, checked=False))
    assert await why_out(client, till.maker, till.town.city) == {case.number: "card_unchecked"}
    (card,) = await listed(client, till.checker)
    assert (card["card_id"], card["number"], card["checked"], card["check"]) == (card_id, case.number, None, None)
    assert "*" in card["card_masked"]
    entered = await enter(client, till.maker, card_id)
    assert entered.status_code == 201, entered.text
    (check_id,) = entered.json()["ids"]
    refused(await enter(client, till.checker, card_id), 409, "check_entered")
    (card,) = await listed(client, till.maker)
    assert (card["check"]["id"], card["check"]["outcome"], card["check"]["mine"]) == (check_id, "passed", True)
    refused(await decide(client, till.maker, check_id), 403, "own_check")
    assert await why_out(client, till.maker, till.town.city) == {case.number: "card_unchecked"}
    done = await decide(client, till.checker, check_id)
    assert (done.status_code, done.json()) == (200, {"count": 1}), done.text
    assert await listed(client, till.checker) == []
    assert await why_out(client, till.maker, till.town.city) == {}
    refused(await decide(client, till.checker, check_id), 409, "check_decided")
    refused(await enter(client, till.maker, card_id), 404, "card_not_found")
    me = (await client.get("/me", headers=case.applicant.headers)).json()
    assert me["bank_cards"][0]["checked"] == "passed"


async def test_what_was_entered_wrongly_is_refused_and_entered_again(
    client: httpx.AsyncClient, till: Till, background: Jobs
) -> None:
    case = await till.approved(card=False)
    card_id = str(await carded(till.world, case.applicant, checked=False))
    (first,) = (await enter(client, till.maker, card_id)).json()["ids"]
    assert (await decide(client, till.checker, first, action="refuse")).status_code == 200
    assert await why_out(client, till.maker, till.town.city) == {case.number: "card_unchecked"}
    (second,) = (await enter(client, till.checker, card_id, outcome="failed", method="penny_test")).json()["ids"]
    assert (await decide(client, till.maker, second)).status_code == 200
    assert await why_out(client, till.maker, till.town.city) == {case.number: "card_check_failed"}
    assert (await listed(client, till.maker))[0]["checked"] == "failed"
    async with background.work() as work:
        fact = {"check_id": second, "person_id": str(case.applicant.id), "outcome": "failed"}
        await tell_card_checked(work, fact)
    (message,) = (await client.get("/me/messages", headers=case.applicant.headers)).json()["items"]
    assert message["title"] == "银行卡没有通过核验"


async def test_whoever_is_near_the_holder_or_the_other_checks_nothing(client: httpx.AsyncClient, till: Till) -> None:
    case = await till.approved(card=False)
    card_id = str(await carded(till.world, case.applicant, checked=False))
    near = await till.world.staff(Role.FINANCE_MAKER, till.town.city, consents=())
    await declared(till.world, near, case.applicant)
    refused(await enter(client, near, card_id), 403, "own_check")
    (check_id,) = (await enter(client, till.maker, card_id)).json()["ids"]
    refused(await decide(client, near, check_id), 403, "own_check")
    cousin = await till.world.staff(Role.FINANCE_CHECKER, till.town.city, consents=())
    await declared(till.world, cousin, till.maker)
    refused(await decide(client, cousin, check_id), 403, "own_check")
    assert (await decide(client, till.checker, check_id)).status_code == 200


async def test_all_of_a_list_or_none_and_nobody_elsewhere(client: httpx.AsyncClient, till: Till) -> None:
    cases = [await till.approved(card=False) for _ in range(3)]
    cards = [str(await carded(till.world, case.applicant, checked=False)) for case in cases]
    elsewhere = await till.approved(card=False, home=(await till.world.town()).units[0])
    foreign = str(await carded(till.world, elsewhere.applicant, checked=False))
    refused(await enter(client, till.maker, *cards, foreign), 404, "card_not_found")
    twice = refused(await enter(client, till.maker, cards[0], cards[0]), 422)
    assert twice["errors"][0]["pointer"] == "/items/1/card_id"
    ids = (await enter(client, till.maker, *cards)).json()["ids"]
    stranger = await till.world.staff(Role.FINANCE_CHECKER, elsewhere.home, consents=())
    refused(await decide(client, stranger, *ids), 404, "check_not_found")
    assert (await decide(client, till.checker, *ids)).json() == {"count": 3}
    reviewer = await till.world.staff(Role.CITY_REVIEWER, till.town.city)
    refused(await client.get(CARDS, headers=reviewer.headers), 403, "not_allowed")


async def test_pages_follow_one_another(client: httpx.AsyncClient, till: Till) -> None:
    for _ in range(3):
        case = await till.approved(card=False, state=State.PUBLIC_NOTICE)
        await carded(till.world, case.applicant, checked=False)
    seen = [item["card_id"] for item in await every_item(client, CARDS, by=till.maker, limit=1)]
    assert len(seen) == len(set(seen)) == 3


async def test_the_database_lets_no_worker_check_their_own_card(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    case = await till.approved(card=False)
    card_id = await carded(till.world, case.applicant, checked=False)
    async with owner.transaction():
        await owner.execute("set local role aid_api")
        await owner.execute("select set_config('app.door', 'worker', true)")
        await owner.execute("select set_config('app.person', $1, true)", str(case.applicant.id))
        with pytest.raises(asyncpg.CheckViolationError, match="checked by two of finance"):
            await owner.execute("update bank_card set checked = 'passed' where id = $1", card_id)
    with pytest.raises(asyncpg.CheckViolationError, match="another number is another card"):
        await owner.execute("update bank_card set number_index = 'x' where id = $1", card_id)
