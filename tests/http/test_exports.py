"""Statutory lists made by the worker for whoever need not wait, and documents that hold up no connection."""

from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.documents.printing import MEDIA_TYPES, Press
from app.households.printed import queries
from app.jobs import exports
from app.jobs.running import Jobs
from app.kernel.actor import Role
from tests import make
from tests.bulk.importing import cells
from tests.documents.reading import pages
from tests.http.refusals import refused
from tests.make import Someone, Town, World

SUMMARY = "/staff/households/summary_form"


async def ask(client: httpx.AsyncClient, who: Someone, states: list[str], **wanted: Any) -> httpx.Response:
    body = {"reason": "上报", "filter": {"states": states}, **wanted}
    return await client.post("/staff/exports", json=body, headers=who.headers | make.keyed())


async def made(client: httpx.AsyncClient, background: Jobs, who: Someone, states: list[str], **wanted: Any) -> Any:
    """An export, and its file."""
    answer = await ask(client, who, states, **wanted)
    assert answer.status_code == 202, answer.text
    await exports.make(background, UUID(answer.json()["id"]))
    path = f"/staff/exports/{answer.json()['id']}"
    shown = (await client.get(path, headers=who.headers)).json()
    return shown, await client.get(f"{path}/file", headers=who.headers)


async def test_a_statutory_list_is_drawn_by_the_worker_masked_and_marked(
    client: httpx.AsyncClient, background: Jobs, town: Town, world: World
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], name="林主席")
    await world.household(await world.person(name="郑小红"), town.units[0])
    await world.household(await world.person(name="黄小山"), town.units[0], state="public_notice")
    await world.household(await world.person(name="陈别处"), town.units[1])
    code = town.units[0].code
    shown, got = await made(
        client, background, chair, ["active"], form="summary", format="pdf", organisation_code=code
    )  # fmt: skip
    assert [shown[name] for name in ("state", "percent", "rows", "form", "format")] == [
        "done", 100, 1, "summary", "pdf",
    ]  # fmt: skip
    assert got.headers["content-type"] == MEDIA_TYPES["pdf"]
    text = "".join(pages(got.content)).replace("\n", "")
    for words in ("困难职工档案汇总表", "郑*红", "共 1 户", "导出人：林主席"):
        assert words in text, words
    assert not any(name in text for name in ("郑小红", "黄*山", "陈*处"))
    shown, got = await made(
        client, background, chair, ["public_notice"], form="notice", format="xlsx", organisation_code=code
    )  # fmt: skip
    assert got.headers["content-type"] == MEDIA_TYPES["xlsx"]
    assert "黄*山" in str(cells(got.content))


async def test_a_pdf_that_would_keep_somebody_waiting_is_made_as_an_export(
    client: httpx.AsyncClient, background: Jobs, town: Town, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    for _ in range(3):
        await world.household(await world.person(), town.units[0])
    monkeypatch.setattr(queries, "MOST_AT_ONCE", 2)
    query = {"organisation_id": str(town.units[0].id)}
    waiting = await client.get(SUMMARY, params=query, headers=chair.headers)
    assert "导出" in refused(waiting, 422, "too_many_at_once")["detail"]
    sheet = await client.get(SUMMARY, params=query | {"format": "xlsx"}, headers=chair.headers)
    assert sheet.status_code == 200
    shown, got = await made(
        client, background, chair, ["active"], form="summary", format="pdf", organisation_code=town.units[0].code
    )
    assert (shown["rows"], got.status_code) == (3, 200)


async def test_more_than_fits_into_a_form_fails_by_name(
    client: httpx.AsyncClient, background: Jobs, town: Town, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    for _ in range(3):
        await world.household(await world.person(), town.units[0])
    monkeypatch.setattr(queries, "MOST_FILES", 2)
    queries._of_union.cache_clear()
    shown, got = await made(client, background, chair, ["active"], form="summary", organisation_code=town.units[0].code)
    queries._of_union.cache_clear()
    assert (shown["state"], shown["failure"]) == ("failed", "export_form_too_large")
    assert shown["failure_message"].endswith("。")
    refused(got, 409, "export_not_ready")


async def test_a_form_needs_a_union_within_reach_and_one_state(
    client: httpx.AsyncClient, town: Town, world: World
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    own, other = town.units[0].code, town.units[1].code
    for states, wanted in (
        ([], {"form": "summary", "organisation_code": own}),
        (["active", "lifted"], {"form": "notice", "organisation_code": own}),
        (["active"], {"form": "summary"}),
        ([], {"format": "pdf"}),
        ([], {"organisation_code": own}),
    ):
        answer = refused(await ask(client, chair, states, **wanted), 422, "invalid")
        assert answer["errors"][0]["code"] == "export_parts"
    refused(
        await ask(client, chair, ["active"], form="summary", organisation_code=other), 404, "organisation_not_found"
    )


async def test_no_connection_is_held_while_a_document_is_drawn(
    client: httpx.AsyncClient,
    app: FastAPI,
    town: Town,
    world: World,
    owner: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker, chair = await world.person(home=town.units[0]), await world.staff(Role.UNIT_CHAIR, town.units[0])
    household_id = await world.household(worker, town.units[0])
    body = {"person_id": str(chair.id), "phone": "0754-88123456"}
    headers = chair.headers | {"If-Match": '"1"'}
    await client.put(f"/staff/households/{household_id}/responsible", json=body, headers=headers)
    database, draw, held = app.state.service.database, Press._print, list[int]()

    async def watched(press: Press, job: dict[str, Any]) -> bytes:
        held.append(database.pool.get_size() - len(database.at_hand))
        return await draw(press, job)

    monkeypatch.setattr(Press, "_print", watched)
    union = f"organisation_id={town.units[0].id}"
    asked = [
        (worker, "/me/household/register_form"),
        (worker, "/me/household/register_form?format=xlsx"),
        (worker, "/me/household/contact_card"),
        (chair, f"/staff/households/{household_id}/register_form"),
        (chair, f"{SUMMARY}?{union}"),
        (chair, f"/staff/households/notice_form?{union}&format=xlsx"),
    ]
    for who, path in asked:
        answer = await client.get(path, headers=who.headers)
        assert (answer.status_code, bool(answer.content)) == (200, True), path
    assert held == [0] * len(asked)
    # What was recorded on the way is kept all the same.
    actions = await owner.fetch("select action from audit_entry where person_id = $1 order by id", chair.id)
    assert [each["action"] for each in actions][-3:] == [
        "household.register_printed", "household.summary_printed", "household.notice_printed",
    ]  # fmt: skip
