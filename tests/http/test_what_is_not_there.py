"""What is not there, not ready, or not to be had: refusals that come from how things stand, each with its own code."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.applications.path import Kind, State
from app.files.store import FilesUnavailable
from app.kernel.actor import Role
from app.kernel.errors import Overtaken
from app.kernel.ids import new_id
from tests import make
from tests.calling import post
from tests.contract import only_recorded
from tests.http.change_requests import Place, ask, decide
from tests.http.refusals import refused
from tests.make import Town, World
from tests.paying import built
from tests.payments.conftest import Till, till

__all__ = ["till"]
CARD = {"holder": "陈小明", "number": "6222021234567890128", "bank_name": "中国工商银行"}


@pytest.mark.parametrize(
    ("role", "path", "code"),
    [
        (Role.PUBLICITY_EDITOR, "/staff/articles/{}", "article_not_found"),
        (Role.FINANCE_MAKER, "/staff/reconciliations/{}", "reconciliation_not_found"),
        (Role.AUDITOR, "/public/notice_batches/{}", "notice_batch_not_found"),
    ],
)
async def test_what_is_not_there_is_said_not_to_be_there(
    client: httpx.AsyncClient, world: World, town: Town, role: Role, path: str, code: str
) -> None:
    who = await world.staff(role, town.city)
    refused(await client.get(path.format(new_id()), headers=who.headers), 404, code)


async def test_an_address_that_there_is_not_and_a_way_of_asking_that_it_has_not(client: httpx.AsyncClient) -> None:
    refused(await client.get("/nowhere"), 404, "not_found")
    refused(await client.delete("/programmes"), 405, "method_not_allowed")


async def test_whoever_is_not_signed_in_is_asked_to_and_whoever_was_is_told_so(client: httpx.AsyncClient) -> None:
    refused(await client.get("/me"), 401, "unauthenticated")
    refused(await client.get("/me", headers={"Authorization": "Basic eA=="}), 401, "unauthenticated")
    refused(await client.get("/me", headers={"Authorization": "Bearer x"}), 401, "token_refused")


async def test_an_account_that_was_closed_a_moment_ago_is_gone(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    who = await world.person()
    assert (await client.get("/me", headers=who.headers)).status_code == 200
    await owner.execute("update person set closed_at = now() where id = $1", who.id)
    refused(await client.get("/me", headers=who.headers), 404, "person_not_found")


async def test_what_is_under_review_is_not_edited(client: httpx.AsyncClient, world: World, town: Town) -> None:
    worker = await world.worker(town.units[0])
    case = await world.application(worker, town.units[0], state=State.UNIT_REVIEW)
    shown = await client.get(f"/applications/{case.id}", headers=worker.headers)
    headers = worker.headers | {"If-Match": shown.headers["ETag"]}
    answer = await client.put(f"/applications/{case.id}", json={"form": make.living_aid()}, headers=headers)
    refused(answer, 409, "not_editable")


async def test_what_no_standard_governs_yet_is_not_decided(client: httpx.AsyncClient, world: World, town: Town) -> None:
    worker = await world.person(home=town.units[0])
    form = make.secondary_medical()
    long_ago = form | {"stay": form["stay"] | {"admitted_on": "1950-01-01", "discharged_on": "1950-01-09"}}
    draft = await post(client, worker, "/applications", {"kind": Kind.SECONDARY_MEDICAL, "form": long_ago})
    assert draft.status_code == 201, draft.text
    refused(await post(client, worker, f"/applications/{draft.json()['id']}/preview"), 409, "no_policy_in_force")


async def test_a_card_that_waits_no_more_is_not_confirmed(
    client: httpx.AsyncClient, world: World, place: Place, owner: asyncpg.Connection
) -> None:
    card = CARD | {"holder": place.worker.name}
    assert (await client.put("/me/bank_card", json=card, headers=place.worker.headers)).status_code == 200
    other = card | {"number": "6217001234567890122"}
    request = await ask(client, place, place.worker, kind="bank_card", bank_card=other)
    assert request.status_code == 201, request.text
    await owner.execute(
        "update bank_card set state = 'withdrawn' where person_id = $1 and state = 'pending'", place.worker.id
    )
    refused(await decide(client, place.chair, request.json()), 409, "bank_card_gone")


async def test_an_article_goes_nowhere_where_no_official_account_is_connected(
    client: httpx.AsyncClient, world: World, town: Town, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = await world.staff(Role.PUBLICITY_EDITOR, town.city)
    service = app.state.service
    monkeypatch.setattr(service, "wechat_accounts", replace(service.wechat_accounts, official=None))
    body = {"action": "schedule", "way": "publish", "publish_at": "2099-01-01T08:00:00+08:00"}
    refused(await post(client, editor, f"/staff/articles/{new_id()}/actions", body, 1), 409, "no_official_account")


async def test_help_is_written_down_under_a_measure_that_runs(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    household_id = await world.household(await world.person(), town.units[0], plan=("counselling",))
    measure_id = world.measures[household_id, "counselling"]
    await owner.execute("update measure set state = 'proposed', responsible_role = null where id = $1", measure_id)
    given: dict[str, Any] = {"given_on": make.TODAY.isoformat(), "provider": "某单位", "quantity": 1, "unit": "hour"}
    answer = await post(client, clerk, f"/staff/measures/{measure_id}/services", given)
    refused(answer, 409, "measure_not_running")


async def test_a_batch_of_which_no_bank_knows_is_not_compared_with_what_banks_say(
    client: httpx.AsyncClient, till: Till
) -> None:
    await till.approved()
    batch = await built(client, till.maker, till.town.city)
    refused(await post(client, till.maker, "/staff/reconciliations", {"batch_id": batch["id"]}), 409, "batch_not_sent")


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (asyncpg.UniqueViolationError("a rule that nobody asked about before"), 409, "conflict"),
        (Overtaken(), 409, "overtaken"),
        (asyncpg.CannotConnectNowError("starting"), 503, "unavailable"),
        (FilesUnavailable(), 503, "files_unavailable"),
    ],
)
async def test_what_fails_below_is_told_as_what_may_be_tried_again_or_not(
    client: httpx.AsyncClient,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    status: int,
    code: str,
) -> None:
    monkeypatch.setattr("app.http.routes.relatives.declare", failing(failure))
    who = await world.person()
    relative = {"name": "陈小红", "id_number": make.id_number(), "relation": "spouse"}
    answer = await post(client, who, "/me/relatives", relative)
    refused(answer, status, code)
    assert ("retry-after" in answer.headers) is (status == 503)


async def test_a_defect_of_ours_tells_nothing_but_where_to_report_it(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer that the contract promises, so it is asked for past the client that holds answers against it."""
    monkeypatch.setattr("app.http.routes.notices.notices", failing(RuntimeError("secret")))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    hooks = {"response": [only_recorded]}
    async with httpx.AsyncClient(transport=transport, base_url="http://aid.test/api/v1", event_hooks=hooks) as http:
        answer = await http.get("/public/notices")
    refused(answer, 500, "internal_error")
    assert "secret" not in answer.text


def failing(failure: Exception) -> Callable[..., Any]:
    async def fail(*_: Any, **__: Any) -> None:
        raise failure

    return fail
