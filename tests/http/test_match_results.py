"""What comes back from a department, in plain or by hash: asked about, and never a verdict."""

import ast
import asyncio
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app import matching
from app.households.path import PATH as HOUSEHOLD_PATH
from app.matching.exchange import digest
from tests import make
from tests.calling import post
from tests.http.refusals import refused
from tests.make import World
from tests.matching.making import BASIS, DAY, Case, bring, case, listed, made, own, signed, written


def line_of(rows: list[list[str]], name: str) -> str:
    return next(row[1] for row in rows if row[2] == name)


async def test_each_result_is_shown_to_the_worker_with_source_and_date_and_a_difference_is_asked_about(
    client: httpx.AsyncClient, world: World
) -> None:
    one = await case(world, receives_dibao=False)
    await signed(client, one)
    batch = await made(client, one)
    rows = await listed(client, one, batch)
    content = written(
        batch,
        (line_of(rows, "林晓东"), "是否享受低保", "有记录", "是"),
        (line_of(rows, "林晓东"), "是否单亲", "有记录", "否"),
        (line_of(rows, "林阿妹"), "", "无记录", ""),
    )
    answer = await bring(client, one.reviewer, batch, content)
    assert answer.status_code == 201, answer.text
    assert answer.json()["outcomes"] == {"agree": 1, "disagree": 1, "no_record": 1}
    assert answer.json()["alert"] is None

    results = {each["outcome"]: each for each in await own(client, one.worker)}
    differs = results["disagree"]
    assert (differs["source"], differs["found_on"], differs["basis"]) == ("民政部门", DAY, BASIS["text"])
    assert (differs["pointer"], differs["in_file"], differs["found"]) == ("/receives_dibao", False, True)
    assert results["no_record"]["name_masked"] == "林*妹"
    [asked] = await own(client, one.worker, "discrepancies")
    assert asked["id"] == differs["discrepancy_id"]
    assert (asked["state"], asked["source"], asked["open_actions"]) == ("open", "match", ["answer"])
    said = await client.post(
        f"/me/discrepancies/{asked['id']}/answer",
        json={"text": "上个月刚批下来，还没有更新档案。"},
        headers=one.worker.headers | make.keyed() | {"If-Match": f'"{asked["version"]}"'},
    )
    assert said.status_code == 200, said.text
    stranger = await case(world)
    assert await own(client, stranger.worker) == []


async def test_the_results_of_a_batch_are_read_by_whoever_asked_for_it(client: httpx.AsyncClient, world: World) -> None:
    one = await case(world, receives_dibao=False)
    await signed(client, one)
    batch = await made(client, one)
    rows = await listed(client, one, batch)
    content = written(batch, (line_of(rows, "林晓东"), "是否享受低保", "有记录", "是"))
    assert (await bring(client, one.reviewer, batch, content)).status_code == 201
    seen = await client.get(f"/staff/matches/{batch['id']}/results", headers=one.reviewer.headers)
    assert seen.status_code == 200, seen.text
    [line] = seen.json()["items"]
    assert (line["outcome"], line["pointer"], line["found"]) == ("disagree", "/receives_dibao", True)


async def test_a_match_moves_no_file_whatever_it_says(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    """Everything that a department can say about one file, and the file stands where it stood."""
    one = await case(world)
    await signed(client, one)
    before = await owner.fetchrow("select state, version, form from household where id = $1", one.file)
    for department, lines in {
        "civil_affairs": [("1", "是否享受低保", "有记录", "是"), ("1", "是否单亲", "有记录", "是")],
        "medical_insurance": [("1", "健康状况", "有记录", "健康"), ("2", "健康状况", "有记录", "残疾")],
        "education": [("3", "就读学段", "有记录", "不在学")],
        "human_resources": [("2", "年收入（元）", "有记录", "900000"), ("1", "工作单位", "有记录", "某公司")],
    }.items():
        batch = await made(client, one, department=department)
        answer = await bring(client, one.reviewer, batch, written(batch, *lines))
        assert answer.status_code == 201, answer.text
        assert answer.json()["outcomes"]["disagree"] == len(lines)
    assert await owner.fetchrow("select state, version, form from household where id = $1", one.file) == before
    passages = await owner.fetchval("select count(*) from household_passage where household_id = $1", one.file)
    assert passages == 0
    assert len(await own(client, one.worker, "discrepancies")) == 7


def test_no_step_leads_from_means_checking_to_a_refusal_and_none_is_taken_by_a_match() -> None:
    """A match is no verdict: none of its words is an action of a file, and its code has no hand on one."""
    assert {"match", "disagree", "agree", "no_record"}.isdisjoint(HOUSEHOLD_PATH.actions)
    dead = {"rejected", "lifted", "cancelled", "relieved"}
    assert [step for step in HOUSEHOLD_PATH.steps if step.at == "means_check" and step.to in dead] == []
    imported = {
        name
        for path in Path(matching.__path__[0]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
    }
    assert "app.households.queries" in imported
    assert {"app.households.commands", "app.households.tables.HouseholdPassage"}.isdisjoint(imported)


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        (("9", "是否享受低保", "有记录", "是"), "序号", "person_unknown"),
        (("1", "就读学段", "有记录", "小学"), "项目", "field_unknown"),
        (("2", "是否享受低保", "有记录", "也许"), "核对值", "value_unknown"),
        (("1", "是否享受低保", "有记录", "否"), "序号", "row_repeated"),
    ],
)
async def test_a_bad_line_refuses_the_whole_file_with_its_place(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, line: tuple[str, str, str, str], column: str,
    code: str,
) -> None:  # fmt: skip
    one = await case(world)
    batch = await made(client, one)
    content = written(batch, ("1", "是否享受低保", "有记录", "是"), line)
    problem = refused(await bring(client, one.reviewer, batch, content), 422, "invalid")
    [error] = problem["errors"]
    assert (error["pointer"], error["code"]) == (f"/content/3/{column}", code)
    assert error["message"].startswith(f"第 3 行“{column}”：")
    assert await own(client, one.worker) == []
    assert await own(client, one.worker, "discrepancies") == []
    assert await owner.fetchval("select count(*) from match_return where batch_id = $1", UUID(batch["id"])) == 0


async def test_a_field_that_has_no_place_for_this_person_is_refused(client: httpx.AsyncClient, world: World) -> None:
    one = await case(world)
    batch = await made(client, one, department="education")
    answer = await bring(client, one.reviewer, batch, written(batch, ("1", "就读学段", "有记录", "小学")))
    assert refused(answer, 422)["errors"][0]["code"] == "field_misplaced"


async def test_a_file_with_another_hash_or_of_another_batch_is_refused(client: httpx.AsyncClient, world: World) -> None:
    one = await case(world)
    batch, other = await made(client, one), await made(client, one)
    content = written(batch, ("1", "是否享受低保", "有记录", "是"))
    answer = await bring(client, one.reviewer, batch, content, sha256="0" * 64)
    assert refused(answer, 422)["errors"][0]["code"] == "hash_differs"
    answer = await bring(client, one.reviewer, other, content)
    assert {error["code"] for error in refused(answer, 422)["errors"]} == {"batch_differs"}


async def test_the_same_file_is_taken_once_also_when_it_comes_ten_times_at_once(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    one = await case(world)
    batch = await made(client, one)
    content = written(batch, ("1", "是否享受低保", "有记录", "是"))
    answers = await asyncio.gather(*(bring(client, one.reviewer, batch, content) for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 9}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"match_file_taken"}
    refused(await bring(client, one.reviewer, batch, content), 409, "match_file_taken")
    assert await owner.fetchval("select count(*) from match_result where batch_id = $1", UUID(batch["id"])) == 1
    assert len(await own(client, one.worker, "discrepancies")) == 1


async def test_who_has_left_the_file_is_counted_and_nothing_is_kept_of_them(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    one = await case(world)
    batch = await made(client, one)
    await owner.execute("update household set state = 'returned' where id = $1", one.file)
    answer = await bring(client, one.reviewer, batch, written(batch, ("1", "是否享受低保", "有记录", "是")))
    assert answer.status_code == 201, answer.text
    assert (answer.json()["matched"], answer.json()["gone"]) == (0, 1)
    assert await own(client, one.worker) == []


async def key_of(client: httpx.AsyncClient, one: Case, batch: dict[str, Any]) -> bytes:
    answer = await post(client, one.reviewer, f"/staff/matches/{batch['id']}/key")
    assert answer.status_code == 200, answer.text
    return bytes.fromhex(answer.json()["key"])


async def test_by_hash_no_name_or_number_leaves_and_the_register_of_the_department_stays_unknown(
    client: httpx.AsyncClient, world: World
) -> None:
    one = await case(world)
    batch = await made(client, one, mode="hashed")
    rows = await listed(client, one, batch)
    key = await key_of(client, one, batch)
    assert {row[1] for row in rows[1:]} == {digest(key, number) for number in (one.worker.id_number, one.child)}
    assert "林" not in str(rows)

    register = [one.worker.id_number.lower(), *(make.id_number() for _ in range(20))]
    lines = [(digest(key, number), "是否享受低保", "有记录", "是") for number in register]
    answer = await bring(client, one.reviewer, batch, written(batch, *lines, mode="hashed"))
    assert answer.status_code == 201, answer.text
    assert (answer.json()["matched"], answer.json()["unknown"], answer.json()["alert"]) == (1, 20, None)
    assert [each["outcome"] for each in await own(client, one.worker)] == ["disagree"]


async def test_a_wrong_key_matches_nobody_and_raises_an_alert(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    one = await case(world)
    batch, other = await made(client, one, mode="hashed"), await made(client, one, mode="hashed")
    wrong, right = await key_of(client, one, other), await key_of(client, one, batch)
    assert wrong != right
    lines = [(digest(wrong, number), "是否享受低保", "有记录", "是") for number in (one.worker.id_number, one.child)]
    answer = await bring(client, one.reviewer, batch, written(batch, *lines, mode="hashed"))
    assert answer.status_code == 201, answer.text
    assert (answer.json()["matched"], answer.json()["alert"]) == (0, "no_digest_matches")
    assert await own(client, one.worker) == []
    shown = (await client.get(f"/staff/matches/{batch['id']}", headers=one.reviewer.headers)).json()
    assert [each["alert"] for each in shown["returns"]] == ["no_digest_matches"]
    facts = await owner.fetch("select name from out_message where body->>'batch_id' = $1", batch["id"])
    assert [fact["name"] for fact in facts] == ["MatchAlert"]
    lines = [(digest(right, one.worker.id_number), "是否享受低保", "有记录", "是")]
    answer = await bring(client, one.reviewer, batch, written(batch, *lines, mode="hashed"))
    assert answer.json()["matched"] == 1


async def test_a_plain_batch_has_no_key(client: httpx.AsyncClient, world: World) -> None:
    one = await case(world)
    batch = await made(client, one)
    answer = await post(client, one.reviewer, f"/staff/matches/{batch['id']}/key")
    assert refused(answer, 422)["errors"][0]["code"] == "match_not_hashed"
