"""One file for one household: filled in on a phone, confirmed, visited, reviewed, published, approved."""

from uuid import UUID

import httpx

from tests import make
from tests.discrepancies.making import discrepancy_of
from tests.http import household_notices
from tests.http.household_acts import act, of, officed, put, save, submit
from tests.make import Town, World
from tests.visits.making import confirmed_visit


async def test_a_draft_survives_partial_and_says_what_is_missing(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    someone = await world.person(home=town.units[0])
    assert (await client.get("/me/household", headers=someone.headers)).status_code == 404
    first = await save(client, someone, {"address": "金霞街道", "members": [{"relation": "son"}]})
    assert first.status_code == 200, first.text
    pointers = {warning["pointer"] for warning in first.json()["warnings"]}
    assert {"/head", "/members/0/id_number", "/income_fen_yearly"} <= pointers
    assert first.json()["form"] == {"address": "金霞街道", "members": [{"relation": "son"}]}
    without_version = await save(client, someone, {})
    assert (without_version.status_code, without_version.json()["code"]) == (428, "version_missing")
    stale = await save(client, someone, {}, '"7"')
    assert (stale.status_code, stale.json()["version"]) == (412, 1)
    incomplete = await submit(client, someone, first.headers["etag"])
    assert incomplete.status_code == 422
    assert "/head" in {error["pointer"] for error in incomplete.json()["errors"]}


async def test_a_file_goes_from_the_phone_to_active_and_then_supports_aid(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    someone, office = await world.person(), await officed(world, town)
    saved = await save(client, someone, of(someone, town.units[0]))
    assert saved.json()["warnings"] == [], saved.text
    assert "/head/ethnicity" in {gap["pointer"] for gap in saved.json()["gaps"]}
    submitted = await submit(client, someone, saved.headers["etag"])
    assert (submitted.status_code, submitted.json()["state"]) == (200, "submitted"), submitted.text
    file = submitted.json()
    tasks = (await client.get("/staff/households/tasks", headers=office["clerk"].headers)).json()["items"]
    assert [task["household_id"] for task in tasks] == [file["id"]]
    shown = await client.get(f"/staff/households/{file['id']}", headers=office["clerk"].headers)
    assert someone.id_number not in shown.text
    assert someone.name not in shown.text
    assert shown.json()["open_actions"] == ["accept", "return"]
    assert shown.json()["proposed"]["category"] == "deep"
    file = (await act(client, office["clerk"], file, action="accept")).json()
    file = (await act(client, office["chair"], file, action="approve")).json()
    assert file["state"] == "home_visit"
    early = await act(client, office["clerk"], file, action="report")
    assert (early.status_code, early.json()["code"]) == (409, "visit_not_confirmed")
    await confirmed_visit(world, UUID(file["id"]), someone, town.units[0])
    early = await act(client, office["clerk"], file, action="report")
    assert (early.status_code, early.json()["code"]) == (409, "register_incomplete")
    assert {error["pointer"] for error in early.json()["errors"]} >= {"/head/ethnicity", "/non_wage_income_fen_yearly"}
    register = make.REGISTER | {"head": make.REGISTER_OF_HEAD}
    file = (await put(client, office["clerk"], file, "form", form=register, reason="入户时补填")).json()
    file = (await act(client, office["clerk"], file, action="report")).json()
    assert file["state"] == "district_review"
    rejected = await act(client, office["district"], file, action="reject", note="不符合")
    assert rejected.json()["errors"][0]["code"] == "reason_required"
    file = (await act(client, office["district"], file, action="approve")).json()
    assert file["state"] == "means_check"
    unclassified = await act(client, office["district"], file, action="conclude")
    assert (unclassified.status_code, unclassified.json()["code"]) == (409, "not_classified")
    file = (await put(client, office["district"], file, "class", category="deep", archive_level="municipal")).json()
    discrepancy = await discrepancy_of(world, someone, town.units[0])
    unclear = await act(client, office["district"], file, action="conclude")
    assert (unclear.status_code, unclear.json()["code"]) == (409, "discrepancies_open")
    for by, path, body, version in (
        (someone, f"/me/discrepancies/{discrepancy}/answer", {"text": "上年度的收入，现在已经没有了"}, 1),
        (office["district"], f"/staff/discrepancies/{discrepancy}/actions",
         {"action": "resolve", "outcome": "explained", "note": "已向用人单位核实"}, 2),
    ):  # fmt: skip
        headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
        assert (await client.post(path, json=body, headers=headers)).status_code == 200
    file = (await act(client, office["district"], file, action="conclude")).json()
    assert file["state"] == "public_notice"
    file |= await household_notices.end(world, file["id"])
    assert file["state"] == "city_approval"
    file = (await act(client, office["city"], file, action="approve")).json()
    assert file["state"] == "active"
    late = await save(client, someone, of(someone, town.units[0]), f'"{file["version"]}"')
    assert (late.status_code, late.json()["code"]) == (409, "household_not_editable")
    case = (await client.get(f"/staff/households/{file['id']}", headers=office["clerk"].headers)).json()
    said = [(each["action"], each["role"]) for each in case["opinions"]]
    assert ("correct", "unit_clerk") in said
    assert case["opinions"][-1]["organisation"] == town.city.name


async def test_a_returned_file_is_corrected_and_comes_back(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    someone, office = await world.person(), await officed(world, town)
    saved = await save(client, someone, of(someone, town.units[0]))
    file = (await submit(client, someone, saved.headers["etag"])).json()
    file = (await act(client, office["clerk"], file, action="return", note="请补充收入")).json()
    assert file["state"] == "returned"
    saved = await save(client, someone, of(someone, town.units[0], income_fen_yearly=1), f'"{file["version"]}"')
    file = (await submit(client, someone, saved.headers["etag"])).json()
    assert (await act(client, office["clerk"], file, action="accept")).json()["state"] == "unit_review"


async def test_a_file_is_withdrawn_by_whom_it_is_of_and_another_can_be_begun(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    someone = await world.person(home=town.units[0])
    await world.household(someone, town.units[0], state="submitted")
    headers = someone.headers | make.keyed() | {"If-Match": '"1"'}
    gone = await client.post("/me/household/withdraw", headers=headers)
    assert (gone.status_code, gone.json()["state"], gone.headers["etag"]) == (200, "withdrawn", '"2"')
    assert (await client.get("/me/household", headers=someone.headers)).status_code == 404
    again = await client.put("/me/household", json={"address": "龙湖区", "members": []}, headers=someone.headers)
    assert (again.status_code, again.json()["state"]) == (200, "draft")


async def test_one_identity_number_belongs_to_one_living_household(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    spouse = make.member("spouse")
    first, second = await world.person(), await world.person()
    for someone, status in ((first, 200), (second, 409)):
        saved = await save(client, someone, of(someone, town.units[0], members=[spouse]))
        filed = await submit(client, someone, saved.headers["etag"])
        assert filed.status_code == status, filed.text
    assert filed.json()["code"] == "member_elsewhere"
    assert spouse["id_number"] not in filed.text


async def test_the_head_is_the_person_who_signed_in(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    someone, other = await world.person(), await world.person()
    saved = await save(client, someone, of(other, town.units[0]))
    refused = await submit(client, someone, saved.headers["etag"])
    assert refused.json()["errors"][0]["code"] == "head_differs"
