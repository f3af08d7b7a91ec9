"""The statutory forms over HTTP: who gets them, what they show, and what is kept of it."""

import io
from typing import Any

import asyncpg
import httpx
import pytest
from python_calamine import CalamineWorkbook

from app.documents.printing import MEDIA_TYPES
from app.households.printed import queries
from app.kernel.actor import Role
from tests.documents.reading import pages
from tests.make import Someone, Town, World

SUMMARY, NOTICE = "/staff/households/summary_form", "/staff/households/notice_form"


def rows(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPES["xlsx"]
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    read: list[list[Any]] = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    return [[cell for cell in row if cell] for row in read]


def text(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    return "".join(pages(answer.content)).replace("\n", "")


async def get(client: httpx.AsyncClient, by: Someone, path: str, **query: str) -> httpx.Response:
    return await client.get(path, params=query, headers=by.headers)


async def test_the_register_form_is_masked_for_staff_and_whole_for_the_household(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    worker = await world.person(home=town.units[0], name="欧阳小明")
    household = await world.household(worker, town.units[0])
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    masked = await get(client, chair, f"/staff/households/{household}/register_form")
    whole = await get(client, worker, "/me/household/register_form")
    assert "困难职工登记表" in text(masked)
    assert "欧***" in text(masked)
    for value in ("欧阳小明", worker.id_number, "陈小雨"):
        assert value not in text(masked)
        assert value in text(whole)
    sheet = rows(await get(client, chair, f"/staff/households/{household}/register_form", format="xlsx"))
    assert sheet[0] == ["困难职工登记表"]
    assert worker.id_number not in str(sheet)


async def test_the_opinions_on_the_register_are_those_of_the_reviewers(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    worker = await world.person(home=town.units[0])
    household = await world.household(worker, town.units[0], state="unit_review")
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    act = f"/staff/households/{household}/actions"
    step = await client.post(
        act,
        json={"action": "approve", "note": "情况属实，同意上报"},
        headers=chair.headers | {"If-Match": '"1"', "Idempotency-Key": "one"},
    )
    assert step.status_code == 200, step.text
    printed = text(await get(client, chair, f"/staff/households/{household}/register_form"))
    assert "情况属实，同意上报" in printed
    assert town.units[0].name in printed


async def test_who_signed_stands_on_the_register_by_name_for_staff_and_by_union_for_the_worker(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    worker = await world.person(home=town.units[0])
    household = await world.household(worker, town.units[0], state="submitted")
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0], name="陈冬梅")
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], name="郑学文")
    for version, (by, action) in enumerate(((clerk, "accept"), (chair, "approve")), 1):
        headers = by.headers | {"If-Match": f'"{version}"', "Idempotency-Key": f"signed-{version}"}
        step = await client.post(f"/staff/households/{household}/actions", json={"action": action}, headers=headers)
        assert step.status_code == 200, step.text
    sheet = rows(await get(client, chair, f"/staff/households/{household}/register_form", format="xlsx"))
    (line,) = [row for row in sheet if "建档人" in row]
    assert line[:6] == ["建档人", "陈冬梅", "审核人", "郑学文", "录入人", "本人"]
    own = rows(await get(client, worker, "/me/household/register_form", format="xlsx"))
    (line,) = [row for row in own if "建档人" in row]
    assert line[:6] == ["建档人", town.units[0].name, "审核人", town.units[0].name, "录入人", "本人"]


async def test_a_printed_register_stands_in_the_log_of_the_household(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    worker = await world.person(home=town.units[0])
    household = await world.household(worker, town.units[0])
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    await get(client, chair, f"/staff/households/{household}/register_form")
    log = (await client.get("/me/access_log", headers=worker.headers)).json()["items"]
    assert "household.register_printed" in {entry["action"] for entry in log}


async def test_what_is_out_of_reach_does_not_exist(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    worker = await world.person(home=town.units[0])
    household = await world.household(worker, town.units[0])
    stranger = await world.staff(Role.UNIT_CHAIR, town.units[1])
    admin = await world.staff(Role.SYSTEM_ADMIN, town.city)
    chair_of_own = await world.staff(Role.UNIT_CHAIR, town.units[0])
    own = await world.household(chair_of_own, town.units[0])
    assert (await get(client, stranger, f"/staff/households/{household}/register_form")).status_code == 404
    assert (await get(client, admin, f"/staff/households/{household}/register_form")).status_code == 403
    assert (await get(client, chair_of_own, f"/staff/households/{own}/register_form")).status_code == 404
    for path in (SUMMARY, NOTICE):
        beyond = await get(client, stranger, path, organisation_id=str(town.units[0].id))
        above = await get(client, stranger, path, organisation_id=str(town.districts[0].id))
        assert (beyond.status_code, above.status_code) == (404, 404)


async def listed(client: httpx.AsyncClient, by: Someone, town: Town, union: Any, path: str, **query: str) -> list[Any]:
    return rows(await get(client, by, path, organisation_id=str(union.id), format="xlsx", **query))


async def test_a_list_holds_the_files_of_the_union_in_that_state_in_order(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    for unit, name, state in (
        (0, "欧阳小明", "active"), (0, "陈二", "active"), (1, "林三妹", "active"), (2, "黄四", "active"),
        (0, "张五", "district_review"),
    ):  # fmt: skip
        await world.household(await world.person(home=town.units[unit], name=name), town.units[unit], state=state)
    district = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    everyone = await listed(client, district, town, town.districts[0], SUMMARY)
    assert sorted(row[3] for row in everyone[3:-1]) == ["林*妹", "欧***", "陈*"]
    assert [row[1] for row in everyone[3:-1]] == sorted(row[1] for row in everyone[3:-1])
    assert [row[0] for row in everyone[3:-1]] == ["1", "2", "3"]
    assert "共 3 户" in everyone[1]
    unit = await listed(client, district, town, town.units[0], SUMMARY)
    assert sorted(row[3] for row in unit[3:-1]) == ["欧***", "陈*"]
    waiting = await listed(client, district, town, town.districts[0], NOTICE, state="district_review")
    assert [row[3] for row in waiting[3:-1]] == ["张*"]
    for name in ("欧阳小明", "林三妹", "张五"):
        assert name not in str([everyone, unit, waiting])
    printed = text(await get(client, district, SUMMARY, organisation_id=str(town.districts[0].id)))
    assert "困难职工档案汇总表" in printed


async def test_that_a_list_was_printed_is_recorded(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    await world.household(await world.person(home=town.units[0]), town.units[0])
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    for path in (SUMMARY, NOTICE):
        await get(client, chair, path, organisation_id=str(town.units[0].id))
    kept = await owner.fetch(
        "select action, subject_id, details->>'files' as files from audit_entry where person_id = $1 order by id",
        chair.id,
    )
    assert [tuple(row) for row in kept] == [
        ("household.summary_printed", town.units[0].id, "1"), ("household.notice_printed", town.units[0].id, "0"),
    ]  # fmt: skip


async def test_a_list_that_is_too_long_is_refused_and_says_what_to_do(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = await world.town()
    for _ in range(3):
        await world.household(await world.person(home=town.units[0]), town.units[0])
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    monkeypatch.setattr(queries, "MOST_FILES", 2)
    queries._of_union.cache_clear()
    refused = await get(client, chair, SUMMARY, organisation_id=str(town.units[0].id))
    monkeypatch.undo()
    queries._of_union.cache_clear()
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_files")
    assert "分开打印" in refused.json()["detail"]


@pytest.mark.parametrize(
    "query", [{"format": "docx"}, {"state": "draft"}, {"state": "nonsense"}, {"organisation_id": "1"}]
)
async def test_a_wrong_query_is_refused(client: httpx.AsyncClient, world: World, query: dict[str, str]) -> None:
    town = await world.town()
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    asked = {"organisation_id": str(town.units[0].id)} | query
    assert (await get(client, chair, SUMMARY, **asked)).status_code == 422


async def test_without_a_file_there_is_nothing_to_print(client: httpx.AsyncClient, world: World) -> None:
    someone = await world.person()
    for path in ("register_form", "contact_card", "responsible"):
        assert (await get(client, someone, f"/me/household/{path}")).status_code == 404
