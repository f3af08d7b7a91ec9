"""The list that goes to a department: nobody without a signature, nothing without a basis, nobody out of reach."""

import base64
import io
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from app.people.consents import Purpose
from tests import make
from tests.calling import post
from tests.http.refusals import refused
from tests.make import World
from tests.matching.making import BASIS, DAY, ask, bring, case, listed, made, own, signed, written


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
