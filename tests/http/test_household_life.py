"""What becomes of a household file: left for one of several reasons, come back, merged, split, moved."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from app.db.sealing import Keyring
from app.households.exits import DECISION, EVIDENCE
from app.kernel.actor import Role
from tests import make
from tests.http import household_notices
from tests.http.test_households import act, of, officed, put, save, submit
from tests.make import Guild, Someone, Town, World

PROOF = ["01890000-0000-7000-8000-000000000001"]
"""Stands for an upload of whoever proposes."""
LIFTED = {
    "kind": "lifted", "file_ids": PROOF, "income_fen_yearly": 60_000_00, "rigid_spending_fen": 6_000_00,
    "months_above": 8,
}  # fmt: skip
RELIEVED = {
    "kind": "relieved", "file_ids": PROOF, "income_fen_yearly": 24_000_00, "rigid_spending_fen": 6_000_00,
    "floor_aid_fen_yearly": 12_000_00, "standing_aid_fen_yearly": 3_000_00,
}  # fmt: skip
CANCELLED = {"kind": "cancelled", "code": "voluntary", "file_ids": PROOF}


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture(scope="module")
async def office(world: World, town: Town) -> dict[str, Someone]:
    return await officed(world, town)


def seen(household_id: Any, version: int = 1) -> dict[str, Any]:
    return {"id": str(household_id), "version": version}


async def propose(
    client: httpx.AsyncClient, world: World, office: dict[str, Someone], file: Any, exit: Any
) -> httpx.Response:
    if exit["file_ids"] == PROOF:
        exit = exit | {"file_ids": [str(await world.file(office["clerk"]))]}
    return await act(client, office["clerk"], file, action="propose_exit", note="建议退出", exit=exit)


async def left(client: httpx.AsyncClient, world: World, office: dict[str, Someone], file: Any, exit: Any) -> Any:
    """The whole way out: proposed, approved, published, over."""
    moved = (await propose(client, world, office, file, exit)).json()
    assert moved["state"] == "exit_proposed", moved
    moved = (await act(client, office["district"], moved, action="approve")).json()
    assert moved["state"] == "exit_notice", moved
    return moved | await household_notices.end(world, moved["id"])


@pytest.mark.parametrize(("exit", "state"), [(LIFTED, "lifted"), (RELIEVED, "relieved"), (CANCELLED, "cancelled")])
async def test_each_way_out_ends_in_its_own_state(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection,
    exit: dict[str, Any], state: str,
) -> None:  # fmt: skip
    someone = await world.person()
    file = await world.household(someone, town.units[0])
    assert (await left(client, world, office, seen(file), exit))["state"] == state
    row = await owner.fetchrow("select cancel_code, left_at, relieved_at from household where id = $1", file)
    living = await owner.fetchval("select count(*) from household_member where household_id = $1 and living", file)
    if state == "relieved":
        assert (row["cancel_code"], row["left_at"], living) == (None, None, 3)
        assert row["relieved_at"] is not None
    else:
        assert (row["cancel_code"], living) == ("voluntary" if state == "cancelled" else None, 0)
        assert row["left_at"] is not None
    mine = await client.get("/me/household", headers=someone.headers)
    assert mine.status_code == (200 if state == "relieved" else 404)


async def test_the_recheck_is_kept_sealed_with_its_evidence(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection,
    keyring: Keyring,
) -> None:  # fmt: skip
    file = await world.household(await world.person(), town.units[0])
    await propose(client, world, office, seen(file), LIFTED)
    row = await owner.fetchrow("select * from household_exit where household_id = $1", file)
    assert b"income" not in row["evidence"] + row["decision"]
    decision = keyring.open_document(DECISION, row["id"], row["decision"])
    assert [(reason["rule"], reason["met"]) for reason in decision["reasons"]] == [
        ("exit_income_above_standard", True),
        ("exit_months_above_standard", True),
    ]
    assert decision["facts"]["members"] == 3
    assert keyring.open_document(EVIDENCE, row["id"], row["evidence"])["file_ids"] == [
        str(await owner.fetchval("select file_id from file_use where subject_id = $1", row["id"]))
    ]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"months_above": 5}, 409, "exit_months_above_standard"),
        ({"income_fen_yearly": 20_000_00}, 409, "exit_income_above_standard"),
        ({"months_above": None}, 422, "missing"),
        ({"rigid_spending_fen": None}, 422, "missing"),
        ({"file_ids": []}, 422, "evidence_required"),
        ({"code": "death"}, 422, "cancel_code_unwanted"),
        ({"kind": "cancelled"}, 422, "cancel_code_unknown"),
        ({"kind": "cancelled", "code": "whim"}, 422, "cancel_code_unknown"),
        ({"kind": "cancelled", "code": "duplicate"}, 422, "merge_instead"),
        ({"kind": "relieved", "income_fen_yearly": 0}, 409, "exit_level_reached"),
    ],
)
async def test_an_exit_that_is_not_supported_is_not_proposed(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], change: dict[str, Any],
    status: int, code: str,
) -> None:  # fmt: skip
    file = await world.household(await world.person(), town.units[0])
    refused = await propose(client, world, office, seen(file), LIFTED | change)
    assert refused.status_code == status, refused.text
    assert code in {error["code"] for error in refused.json()["errors"]}
    shown = await client.get(f"/staff/households/{file}", headers=office["clerk"].headers)
    assert (shown.json()["state"], shown.json()["version"]) == ("active", 1)


async def test_an_objection_to_an_exit_is_looked_into_and_published_again(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    file = await world.household(await world.person(), town.units[0])
    moved = (await propose(client, world, office, seen(file), LIFTED)).json()
    moved = (await act(client, office["district"], moved, action="approve")).json()
    await household_notices.publish(world, file)
    moved = (await act(client, office["district"], moved, action="object", note="邻居反映情况不实")).json()
    assert moved["state"] == "exit_proposed"
    # The first notice is over now; it ends nothing.
    assert (await household_notices.end(world, file))["state"] == "exit_proposed"
    moved = (await act(client, office["district"], moved, action="approve")).json()
    moved |= await household_notices.end(world, file)
    assert moved["state"] == "lifted"
    notices = await owner.fetch(
        "select round, kind, amount_fen from notice where household_id = $1 order by round", file
    )
    assert [tuple(notice) for notice in notices] == [(2, "household_exit", None), (3, "household_exit", None)]


async def test_an_exit_that_is_returned_leaves_the_file_as_it_was(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    file = await world.household(await world.person(), town.units[0], state="relieved")
    moved = (await propose(client, world, office, seen(file), CANCELLED)).json()
    moved = (await act(client, office["district"], moved, action="return", note="材料不足")).json()
    assert moved["state"] == "relieved"
    assert await owner.fetchval("select state from household_exit where household_id = $1", file) == "dropped"
    again = await propose(client, world, office, moved, RELIEVED)
    assert "already_relieved" in {error["code"] for error in again.json()["errors"]}
    assert (await propose(client, world, office, moved, CANCELLED)).status_code == 200


async def test_a_notice_of_a_file_shows_who_and_nothing_else(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    someone = await world.person(name="欧阳小明")
    file = await world.household(someone, town.units[0])
    moved = (await propose(client, world, office, seen(file), CANCELLED)).json()
    await act(client, office["district"], moved, action="approve")
    await household_notices.publish(world, file)
    page = (await client.get("/public/notices", params={"limit": 100})).json()["items"]
    shown = next(item for item in page if item["organisation"] == town.units[0].name and item["name_masked"] == "欧***")
    assert (shown["kind"], shown["amount_fen"]) == ("household_exit", None)
    assert set(shown) == {
        "id", "number", "kind", "name_masked", "organisation", "amount_fen", "amount_band", "published_at", "ends_at",
        "working_days", "batch_id", "sha256",
    }  # fmt: skip
    alone = await client.get(f"/public/notices/{shown['id']}")
    assert alone.json() == shown
    assert "voluntary" not in alone.text


async def test_who_comes_back_opens_a_new_file_that_knows_the_old(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    someone = await world.person()
    file = await world.household(someone, town.units[0])
    await left(client, world, office, seen(file), LIFTED)
    saved = await save(client, someone, of(someone, town.units[0]))
    assert saved.json()["previous_id"] == str(file)
    again = (await submit(client, someone, saved.headers["etag"])).json()
    shown = await client.get(f"/staff/households/{again['id']}", headers=office["clerk"].headers)
    assert shown.json()["previous_id"] == str(file)


@pytest.mark.parametrize("state", ["rejected", "withdrawn", "transferred"])
async def test_a_file_that_was_not_left_is_not_come_back_from(
    client: httpx.AsyncClient, world: World, town: Town, state: str
) -> None:
    someone = await world.person()
    await world.household(someone, town.units[0], state=state)
    saved = await save(client, someone, of(someone, town.units[0]))
    assert saved.json()["previous_id"] is None


# ---- merging and splitting ----


async def merge(
    client: httpx.AsyncClient, by: Someone, file: UUID, into: UUID, version: int = 1, relation: str = "sibling"
) -> httpx.Response:
    told = {"household_id": str(into), "version": version, "head_relation": relation}
    return await act(client, by, seen(file), action="merge", note="同一家庭重复建档", merge=told)


async def test_two_files_of_one_household_become_one(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    first, second = await world.person(name="陈大明"), await world.person(name="陈二明")
    stays = await world.household(first, town.units[0], members=[make.member()])
    goes = await world.household(second, town.units[1], members=[make.member("son")])
    moved = await merge(client, office["district"], goes, stays)
    assert (moved.status_code, moved.json()["state"]) == (200, "cancelled"), moved.text
    gone = await owner.fetchrow("select cancel_code, merged_into_id from household where id = $1", goes)
    assert tuple(gone) == ("duplicate", stays)
    shown = (await client.get(f"/staff/households/{stays}", headers=office["district"].headers)).json()
    assert [member["relation"] for member in shown["members"]] == ["daughter", "sibling", "other"]
    living = "select household_id, count(*) from household_member where household_id = any($1) and living group by 1"
    assert [tuple(row) for row in await owner.fetch(living, [stays, goes])] == [(stays, 4)]
    assert shown["opinions"][-1]["action"] == "take_in"


@pytest.mark.parametrize(
    ("state", "code"), [("district_review", "other_file_not_standing"), ("draft", "household_not_found")]
)
async def test_only_what_stands_takes_another_in(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], state: str, code: str
) -> None:
    goes = await world.household(await world.person(), town.units[0])
    stays = await world.household(await world.person(), town.units[0], state=state)
    assert (await merge(client, office["district"], goes, stays)).json()["code"] == code
    itself = await merge(client, office["district"], goes, goes)
    assert itself.json()["errors"][0]["code"] == "merge_into_itself"
    abroad = await world.household(await world.person(), town.units[2])
    assert (await merge(client, office["district"], goes, abroad)).status_code == 404


async def test_of_two_merges_that_cross_one_is_done(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    leader = await world.staff(Role.DISTRICT_LEADER, town.districts[0])
    for _ in range(5):
        one, two = [await world.household(await world.person(), town.units[0]) for _ in range(2)]
        answers = await asyncio.gather(merge(client, office["district"], one, two), merge(client, leader, two, one))
        assert sorted(answer.status_code for answer in answers) == [200, 412], [a.text for a in answers]
        states = await owner.fetch("select state from household where id = any($1)", [one, two])
        assert sorted(row["state"] for row in states) == ["active", "cancelled"]


async def split(client: httpx.AsyncClient, by: Someone, file: UUID, head: int, *others: int) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": '"1"'}
    body = {"head": head, "members": list(others), "note": "儿子成家，分户"}
    return await client.post(f"/staff/households/{file}/split", json=body, headers=headers)


async def test_members_leave_into_a_file_of_their_own(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    someone, son = await world.person(), await world.person(name="陈小军")
    members = [make.member("spouse"), make.member("son", number=son.id_number, name=son.name), make.member()]
    file = await world.household(someone, town.units[0], members=members)
    parted = await split(client, office["district"], file, 1, 2)
    assert parted.status_code == 200, parted.text
    new = UUID(parted.json()["new_household_id"])
    mine = (await client.get("/me/household", headers=son.headers)).json()
    assert (mine["id"], mine["state"], mine["form"]["head"]["name"]) == (str(new), "draft", son.name)
    assert "/members/0/relation" in {warning["pointer"] for warning in mine["warnings"]}
    assert await owner.fetchval("select split_from_id from household where id = $1", new) == file
    living = "select count(*) from household_member where household_id = $1 and living"
    assert [await owner.fetchval(living, each) for each in (file, new)] == [2, 2]
    shown = (await client.get(f"/staff/households/{file}", headers=office["district"].headers)).json()
    assert [member["relation"] for member in shown["members"]] == ["spouse"]
    # Those who left belong to the new file at once, although it is a draft.
    other = await world.person()
    saved = await save(client, other, of(other, town.units[0], members=[members[2]]))
    assert (await submit(client, other, saved.headers["etag"])).json()["code"] == "member_elsewhere"
    saved = await save(client, son, of(son, town.units[0], members=[members[2]]), '"1"')
    assert (await submit(client, son, saved.headers["etag"])).status_code == 200


async def test_a_new_head_is_a_person_who_can_have_a_file(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    file = await world.household(await world.person(), town.units[0])
    assert (await split(client, office["district"], file, 0)).json()["code"] == "new_head_not_registered"
    assert (await split(client, office["district"], file, 7)).json()["errors"][0]["code"] == "member_unknown"
    assert (await split(client, office["district"], file, 0, 0)).json()["errors"][0]["code"] == "member_unknown"
    son = await world.person()
    await save(client, son, of(son, town.units[0]))
    members = [make.member("son", number=son.id_number)]
    file = await world.household(await world.person(), town.units[0], members=members)
    assert (await split(client, office["district"], file, 0)).json()["code"] == "new_head_has_file"


# ---- moving ----


async def offer(client: httpx.AsyncClient, by: Someone, file: UUID, to: Guild, version: int = 1) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
    body = {"organisation_code": to.code, "note": "职工调动工作"}
    return await client.post(f"/staff/households/{file}/transfers", json=body, headers=headers)


async def reply(client: httpx.AsyncClient, by: Someone, transfer: dict[str, Any], action: str) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{transfer["version"]}"'}
    path = f"/staff/households/transfers/{transfer['id']}/actions"
    return await client.post(path, json={"action": action}, headers=headers)


async def test_a_file_moves_when_the_other_union_takes_it(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    someone = await world.person(home=town.units[0])
    file = await world.household(someone, town.units[0])
    there = await world.staff(Role.UNIT_CLERK, town.units[2])
    offered = (await offer(client, office["clerk"], file, town.units[2])).json()
    twice = await offer(client, office["clerk"], file, town.units[3])
    assert (twice.status_code, twice.json()["code"]) == (409, "transfer_open")
    assert (await client.get(f"/staff/households/{file}", headers=there.headers)).status_code == 404
    listed = (await client.get("/staff/households/transfers", headers=there.headers)).json()["items"]
    assert [(each["id"], each["from_organisation"]) for each in listed] == [(offered["id"], town.units[0].name)]
    assert someone.name not in str(listed)
    assert (await reply(client, office["clerk"], offered, "accept")).status_code == 403
    taken = await reply(client, there, offered, "accept")
    assert (taken.status_code, taken.json()["state"]) == (200, "accepted"), taken.text
    assert (await client.get(f"/staff/households/{file}", headers=office["clerk"].headers)).status_code == 404
    shown = (await client.get(f"/staff/households/{file}", headers=there.headers)).json()
    assert (shown["opinions"][-1]["action"], shown["opinions"][-1]["organisation"]) == ("transfer", town.units[2].name)
    me = (await client.get("/me", headers=someone.headers)).json()
    assert me["organisation"]["code"] == town.units[2].code if "organisation" in me else True
    again = await reply(client, there, taken.json(), "accept")
    assert (again.status_code, again.json()["code"]) == (409, "transfer_ended")
    fact = await owner.fetchval(
        "select body from out_message where name = 'HouseholdMoved' and body ->> 'household_id' = $1 "
        "order by id desc limit 1", str(file),
    )  # fmt: skip
    assert orjson.loads(fact)["action"] == "transfer"


@pytest.mark.parametrize("action", ["refuse", "withdraw"])
async def test_an_offer_that_is_not_taken_leaves_everything_as_it_was(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], action: str
) -> None:
    file = await world.household(await world.person(), town.units[0])
    there = await world.staff(Role.UNIT_CLERK, town.units[2])
    stranger = await world.staff(Role.UNIT_CLERK, town.units[3])
    offered = (await offer(client, office["clerk"], file, town.units[2])).json()
    assert (await reply(client, stranger, offered, "accept")).status_code == 404
    by = {"refuse": there, "withdraw": office["clerk"]}[action]
    assert (await reply(client, by, offered, action)).status_code == 200
    shown = await client.get(f"/staff/households/{file}", headers=office["clerk"].headers)
    assert (shown.status_code, shown.json()["version"]) == (200, 1)
    assert (await offer(client, office["clerk"], file, town.units[2])).status_code == 201


async def test_a_file_goes_to_a_basic_union_of_the_city_and_no_other(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    file = await world.household(await world.person(), town.units[0])
    elsewhere = (await world.town()).units[0]
    for to, code in (
        (town.districts[1], "organisation_not_basic"),
        (town.units[0], "organisation_not_basic"),
        (elsewhere, "organisation_not_here"),
    ):
        refused = await offer(client, office["clerk"], file, to)
        assert refused.json()["errors"][0]["code"] == code
    out = await act(client, office["district"], seen(file), action="transfer_out", note="随单位迁往广州")
    assert out.json()["state"] == "transferred"


async def test_of_taking_refusing_and_taking_back_at_once_one_counts(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    there = await world.staff(Role.UNIT_CLERK, town.units[2])
    for _ in range(6):
        file = await world.household(await world.person(), town.units[0])
        offered = (await offer(client, office["clerk"], file, town.units[2])).json()
        answers = await asyncio.gather(
            reply(client, there, offered, "accept"),
            reply(client, there, offered, "refuse"),
            reply(client, office["clerk"], offered, "withdraw"),
        )
        counted = Counter(answer.status_code for answer in answers)
        assert counted[200] == 1, [answer.text for answer in answers]
        state = await owner.fetchval("select state from household_transfer where id = $1", UUID(offered["id"]))
        unit = await owner.fetchval("select unit_id from household where id = $1", file)
        assert unit == (town.units[2].id if state == "accepted" else town.units[0].id)


# ---- corrections, class, cohort ----


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"head": {"name": "别人"}}, "identity_needs_request"),
        ({"head": {"id_number": make.id_number()}}, "identity_needs_request"),
        ({"members": [{"name": "别人"}, {}]}, "identity_needs_request"),
        ({"members": [{"id_number": make.id_number()}, {}]}, "identity_needs_request"),
        ({"members": [{}]}, "household_size_needs_request"),
        ({"members": [{}, {}, {}]}, "household_size_needs_request"),
    ],
)
async def test_a_clerk_never_corrects_who_the_household_is(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], change: dict[str, Any], code: str
) -> None:
    file = await world.household(await world.person(), town.units[0])
    refused = await put(client, office["clerk"], seen(file), "form", form=change, reason="更正")
    assert (refused.status_code, refused.json()["code"]) == (409, code), refused.text


async def test_a_clerk_completes_and_corrects_the_rest(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    someone = await world.person()
    file = await world.household(someone, town.units[0])
    change = {
        "head": {"sex": "male"},
        "members": [{}, {"health": "weak"}],
        "address": "新地址",
        "floor_area": "up_to_20",
    }
    done = await put(client, office["clerk"], seen(file), "form", form=change, reason="入户核实")
    assert (done.status_code, done.json()["version"]) == (200, 2), done.text
    mine = (await client.get("/me/household", headers=someone.headers)).json()["form"]
    assert (mine["head"]["sex"], mine["members"][1]["health"], mine["address"]) == ("male", "weak", "新地址")
    assert mine["head"]["id_number"] == someone.id_number
    wrong = await put(client, office["clerk"], seen(file, 2), "form", form={"floor_area": "palace"}, reason="更正")
    assert [(e["pointer"], e["code"]) for e in wrong.json()["errors"]] == [("/form/floor_area", "code_unknown")]
    chair = await put(client, office["chair"], seen(file, 2), "form", form={}, reason="更正")
    assert chair.status_code == 403


@pytest.mark.parametrize("state", ["returned", "district_review", "public_notice", "exit_notice", "lifted"])
async def test_a_file_that_is_not_with_the_unit_is_not_corrected_there(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], state: str
) -> None:
    file = await world.household(await world.person(), town.units[0], state=state)
    refused = await put(client, office["clerk"], seen(file), "form", form={"address": "新地址"}, reason="更正")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_allowed_now")


async def test_another_class_than_the_criteria_find_needs_words(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    file = await world.household(await world.person(), town.units[0], state="district_review")
    silent = await put(client, office["district"], seen(file), "class", category="relative", archive_level="grassroots")
    assert silent.json()["errors"][0]["code"] == "note_required"
    older = await put(
        client, office["district"], seen(file), "class", category="dibao_household", archive_level="county", note="旧"
    )
    assert older.json()["code"] == "class_not_of_criteria"
    done = await put(
        client, office["district"], seen(file), "class", category="relative", archive_level="grassroots", note="核实"
    )
    assert done.status_code == 200
    shown = (await client.get(f"/staff/households/{file}", headers=office["district"].headers)).json()
    assert (shown["category"], shown["archive_level"], shown["self_raised_only"]) == ("relative", "grassroots", True)
    assert shown["proposed"]["category"] == "deep"


async def test_the_cohort_of_2016_is_marked_by_the_city_alone(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    file = await world.household(await world.person(), town.units[0])
    refused = await put(client, office["district"], seen(file), "cohort", fixed_on="2016-10-31")
    assert refused.status_code == 403
    future = await put(client, office["city"], seen(file), "cohort", fixed_on="2099-01-01")
    assert future.json()["errors"][0]["code"] == "date_in_future"
    done = await put(client, office["city"], seen(file), "cohort", fixed_on="2016-10-31")
    assert done.status_code == 200
    shown = (await client.get(f"/staff/households/{file}", headers=office["city"].headers)).json()
    assert (shown["cohort_2016"], shown["cohort_fixed_on"]) == (True, "2016-10-31")
    taken = await put(client, office["city"], seen(file, 2), "cohort", fixed_on=None)
    assert taken.status_code == 200
