"""Matching with departments: nobody without a signature, nothing without a basis, and never a verdict."""

import ast
import asyncio
import base64
import csv
import hashlib
import io
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app import matching
from app.households.path import PATH as HOUSEHOLD_PATH
from app.kernel.actor import Role
from app.matching.exchange import digest
from app.people.consents import Purpose
from tests import make
from tests.http.refusals import refused
from tests.make import Someone, Town, World

BASIS = {"code": "《社会救助暂行办法》第五十八条", "text": "经授权，可以向有关部门查询、核对家庭收入和财产状况。"}
DAY = str(make.TODAY)
HEAD = {"plain": "序号", "hashed": "摘要"}


@dataclass(frozen=True)
class Case:
    """A worker of the first district with an adult spouse who has signed and a child of nine."""

    town: Town
    worker: Someone
    file: UUID
    reviewer: Someone
    spouse: str
    child: str
    paper: str
    """What the worker uploaded."""


async def case(world: World, *, consents: tuple[Purpose, ...] = tuple(Purpose), **given: Any) -> Case:
    town = await world.town()
    worker = await world.person(name="林晓东", home=town.units[0], consents=consents)
    spouse, child = make.id_number(date(1982, 5, 6)), make.id_number(make.TODAY - timedelta(days=9 * 365))
    members = [
        make.member("spouse", name="林阿妹", number=spouse, schooling=None),
        make.member("son", name="林小雨", number=child, schooling="primary"),
    ]
    file = await world.household(worker, town.units[0], members=members, **given)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    return Case(town, worker, file, reviewer, spouse, child, str(await world.file(worker)))


async def post(client: httpx.AsyncClient, who: Someone, path: str, body: Any = None) -> httpx.Response:
    return await client.post(path, json=body, headers=who.headers | make.keyed())


async def signed(client: httpx.AsyncClient, one: Case, member: int = 0) -> str:
    body = {"member": member, "file_id": one.paper, "signed_on": DAY}
    answer = await post(client, one.worker, "/me/household/match_authorisations", body)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


async def ask(client: httpx.AsyncClient, one: Case, **given: Any) -> httpx.Response:
    body = {"department": "civil_affairs", "purpose": "identification", "basis": BASIS, "mode": "plain"}
    return await post(client, one.reviewer, "/staff/matches", body | {"household_ids": [str(one.file)]} | given)


async def made(client: httpx.AsyncClient, one: Case, **given: Any) -> dict[str, Any]:
    answer = await ask(client, one, **given)
    assert answer.status_code == 201, answer.text
    batch: dict[str, Any] = answer.json()
    return batch


async def listed(client: httpx.AsyncClient, one: Case, batch: dict[str, Any]) -> list[list[str]]:
    answer = await client.get(f"/staff/matches/{batch['id']}/file", headers=one.reviewer.headers)
    assert answer.status_code == 200, answer.text
    content = base64.b64decode(answer.json()["content"])
    assert answer.json()["sha256"] == hashlib.sha256(content).hexdigest()
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def written(batch: dict[str, Any], *lines: tuple[str, str, str, str], mode: str = "plain") -> bytes:
    """Lines of who, field, result and value, all of today."""
    heads = f"批次,{HEAD[mode]},项目,结果,核对值,记录日期"
    return "\r\n".join((heads, *(f"{batch['number']},{','.join(line)},{DAY}" for line in lines))).encode()


async def bring(
    client: httpx.AsyncClient, who: Someone, batch: dict[str, Any], content: bytes, sha256: str | None = None
) -> httpx.Response:
    body = {
        "sha256": sha256 or hashlib.sha256(content).hexdigest(),
        "content": base64.b64encode(content).decode(),
    }
    return await post(client, who, f"/staff/matches/{batch['id']}/results", body)


async def own(client: httpx.AsyncClient, who: Someone, what: str = "matches") -> list[dict[str, Any]]:
    answer = await client.get(f"/me/household/{what}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def line_of(rows: list[list[str]], name: str) -> str:
    return next(row[1] for row in rows if row[2] == name)


# ---- who may be on a list ----


async def test_an_adult_who_has_not_signed_is_left_out_and_named_and_a_child_goes_with_the_head(
    client: httpx.AsyncClient, world: World
) -> None:
    one = await case(world)
    batch = await made(client, one)
    assert batch["people"] == 2
    assert [(each["pointer"], each["name_masked"], each["why"]) for each in batch["left_out"]] == [
        ("/members/0", "林*妹", "not_authorised")
    ]
    rows = await listed(client, one, batch)
    assert [row[2] for row in rows[1:]] == ["林晓东", "林小雨"]
    assert rows[1][3] == one.worker.id_number

    await signed(client, one)
    again = await made(client, one)
    assert (again["people"], again["left_out"]) == (3, [])


async def test_withdrawing_stops_the_next_batch_and_leaves_the_last_one(
    client: httpx.AsyncClient, world: World
) -> None:
    one = await case(world)
    authorisation = await signed(client, one)
    first = await made(client, one)
    path = f"/me/household/match_authorisations/{authorisation}/withdraw"
    assert (await post(client, one.worker, path)).status_code == 200
    refused(await post(client, one.worker, path), 404, "authorisation_not_found")
    consent = next(each for each in (await client.get("/me/consents", headers=one.worker.headers)).json()["items"]
                   if each["purpose"] == "data_matching")  # fmt: skip
    second = await made(client, one)
    assert (first["people"], second["people"]) == (3, 2)

    withdrawn = await post(client, one.worker, f"/me/consents/{consent['id']}/withdraw")
    assert withdrawn.status_code < 300, withdrawn.text
    problem = refused(await ask(client, one), 409, "nobody_authorised")
    assert [error["code"] for error in problem["errors"]] == ["not_authorised"] * 3
    assert len(await listed(client, one, first)) == 4


async def test_a_head_without_consent_takes_the_children_along_but_not_those_who_signed(
    client: httpx.AsyncClient, world: World
) -> None:
    one = await case(world, consents=(Purpose.PRIVACY_POLICY,))
    await signed(client, one)
    batch = await made(client, one)
    assert [row[2] for row in (await listed(client, one, batch))[1:]] == ["林阿妹"]
    assert {each["pointer"] for each in batch["left_out"]} == {"/head", "/members/1"}


async def test_a_member_signs_once_not_tomorrow_and_only_if_there_is_one(
    client: httpx.AsyncClient, world: World
) -> None:
    one = await case(world)
    await signed(client, one)
    path = "/me/household/match_authorisations"
    again = {"member": 0, "file_id": one.paper, "signed_on": DAY}
    refused(await post(client, one.worker, path, again), 409, "already_authorised")
    nobody = await post(client, one.worker, path, again | {"member": 9})
    assert refused(nobody, 422)["errors"][0]["pointer"] == "/member"
    tomorrow = await post(client, one.worker, path, again | {"signed_on": str(make.TODAY + timedelta(days=1))})
    assert refused(tomorrow, 422)["errors"][0]["code"] == "signed_in_future"
    clerk = await world.staff(Role.UNIT_CLERK, one.town.units[0])
    theirs = again | {"member": 1, "file_id": str(await world.file(clerk))}
    by_clerk = await post(client, clerk, f"/staff/households/{one.file}/match_authorisations", theirs)
    assert by_clerk.status_code == 201, by_clerk.text
    other = await world.staff(Role.UNIT_CLERK, one.town.units[1])
    beyond = await post(client, other, f"/staff/households/{one.file}/match_authorisations", again | {"member": 1})
    refused(beyond, 404, "household_not_found")
    assert [each["name_masked"] for each in await own(client, one.worker, "match_authorisations")] == [
        "林*妹",
        "林*雨",
    ]


# ---- what for, by what right, by whom ----


@pytest.mark.parametrize("missing", [{"purpose": None}, {"basis": None}, {"purpose": None, "basis": None}])
async def test_without_purpose_or_basis_there_is_no_list_and_a_trace(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, missing: dict[str, None]
) -> None:
    one = await case(world)
    problem = refused(await ask(client, one, **missing), 403, "match_purpose_missing")
    assert "已记录" in problem["detail"]
    traces = await owner.fetch("select action from audit_entry where person_id = $1", one.reviewer.id)
    assert [trace["action"] for trace in traces] == ["match.refused"]
    mine = await client.get("/staff/matches", headers=one.reviewer.headers)
    assert mine.json()["items"] == []


async def test_only_city_and_district_reviewers_match_and_only_within_their_reach(
    client: httpx.AsyncClient, world: World
) -> None:
    one = await case(world)
    batch = await made(client, one)
    for role in set(Role) - {Role.CITY_REVIEWER, Role.DISTRICT_REVIEWER}:
        someone = await world.staff(role, one.town.city)
        refused(await client.get("/staff/matches", headers=someone.headers), 403, "not_allowed")
        answer = await post(client, someone, "/staff/matches", {"department": "education", "household_ids": [DAY]})
        assert answer.status_code in (403, 422)
    beside = await world.staff(Role.DISTRICT_REVIEWER, one.town.districts[1])
    body = {"department": "education", "purpose": "annual_review", "basis": BASIS, "household_ids": [str(one.file)]}
    refused(await post(client, beside, "/staff/matches", body), 404, "household_not_found")
    for path in ("", "/file", "/results"):
        answer = await client.get(f"/staff/matches/{batch['id']}{path}", headers=beside.headers)
        refused(answer, 404, "match_not_found")
    refused(await bring(client, beside, batch, written(batch, ("1", "", "无记录", ""))), 404, "match_not_found")
    assert (await client.get("/staff/matches", headers=beside.headers)).json()["items"] == []
    city = await world.staff(Role.CITY_REVIEWER, one.town.city)
    seen = (await client.get("/staff/matches", headers=city.headers)).json()["items"]
    assert [each["id"] for each in seen] == [batch["id"]]
    of_city = await post(client, city, "/staff/matches", body)
    assert of_city.status_code == 201
    hidden = await client.get(f"/staff/matches/{of_city.json()['id']}", headers=one.reviewer.headers)
    refused(hidden, 404, "match_not_found")


async def test_a_batch_stands_under_one_post_so_that_no_colleague_sees_another_unions_people(
    client: httpx.AsyncClient, world: World
) -> None:
    one, other = await case(world), await case(world)
    posts = ((Role.DISTRICT_REVIEWER, one.town.districts[0]), (Role.DISTRICT_REVIEWER, other.town.districts[0]))
    both = await world.person(posts=posts)
    body = {"department": "education", "purpose": "annual_review", "basis": BASIS}
    files = {"household_ids": [str(one.file), str(other.file)]}
    refused(await post(client, both, "/staff/matches", body | files), 409, "match_across_unions")
    second = await post(client, both, "/staff/matches", body | {"household_ids": [str(other.file)]})
    assert second.status_code == 201, second.text
    path = f"/staff/matches/{second.json()['id']}"
    assert (await client.get(path, headers=other.reviewer.headers)).status_code == 200
    refused(await client.get(path, headers=one.reviewer.headers), 404, "match_not_found")


async def test_nobody_matches_their_own_file(client: httpx.AsyncClient, world: World) -> None:
    one = await case(world)
    mine = await world.household(one.reviewer, one.town.units[0])
    refused(await ask(client, one, household_ids=[str(mine)]), 404, "household_not_found")


async def test_whose_file_it_is_sees_that_it_was_listed_and_why(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    one = await case(world)
    batch = await made(client, one)
    log = (await client.get("/me/access_log", headers=one.worker.headers)).json()
    assert "match.listed" in str(log)
    shown = (await client.get(f"/staff/matches/{batch['id']}", headers=one.reviewer.headers)).json()
    assert (shown["basis_code"], shown["purpose"], shown["returns"]) == (BASIS["code"], "identification", [])
    await listed(client, one, batch)
    taken = await owner.fetchval(
        "select count(*) from audit_entry where subject_id = $1 and action = 'match.list_taken'", UUID(batch["id"])
    )
    assert taken == 1


async def test_what_a_batch_was_is_never_changed_and_holds_nothing_plain(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    one = await case(world)
    batch = await made(client, one)
    answer = await bring(client, one.reviewer, batch, written(batch, ("1", "是否享受低保", "有记录", "否")))
    assert answer.status_code == 201, answer.text
    for table in ("match_batch", "match_person", "match_return", "match_result"):
        for sql in (f"update {table} set created_at = created_at", f"delete from {table}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await owner.execute(sql)
        kept = await owner.fetchval(f"select string_agg(t::text, '') from {table} t")
        for said in (one.worker.id_number, one.child, "林晓东", "林小雨"):
            assert said not in kept


async def test_the_workbook_holds_the_same_list(client: httpx.AsyncClient, world: World) -> None:
    from python_calamine import CalamineWorkbook

    one = await case(world)
    batch = await made(client, one)
    answer = await client.get(f"/staff/matches/{batch['id']}/file?format=xlsx", headers=one.reviewer.headers)
    content = base64.b64decode(answer.json()["content"])
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert rows == await listed(client, one, batch)


# ---- what comes back ----


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


# ---- by hash ----


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
