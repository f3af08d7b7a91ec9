"""An import of people who have a file already: shown as changes, written with their history, each union as a whole."""

from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.bulk import columns as c
from app.db.sealing import Keyring
from app.jobs import imports
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.errors import Unavailable
from tests import make
from tests.bulk.filling import Row, family, head, member, workbook
from tests.bulk.importing import commit, errors_of, seen_after_check, tried, upload
from tests.http.refusals import refused
from tests.make import Someone, Town, World

CARD = "6222020000000000000"


def only(someone: Someone, **given: str) -> Row:
    """A row of the head of a file, with nothing but what is given."""
    return {c.RELATION: c.HEAD, c.NAME: someone.name, c.NUMBER: someone.id_number} | given


async def form_of(owner: asyncpg.Connection, keyring: Keyring, household_id: UUID) -> dict[str, Any]:
    sealed = await owner.fetchval("select form from household where id = $1", household_id)
    form: dict[str, Any] = keyring.open_document("household.form", household_id, sealed)
    return form


async def changes_of(client: httpx.AsyncClient, who: Someone, import_id: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/staff/imports/{import_id}/changes", headers=who.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def carried_out(
    client: httpx.AsyncClient, background: Jobs, who: Someone, shown: dict[str, Any], **more: Any
) -> dict[str, Any]:
    answer = await commit(client, who, shown, **more)
    assert answer.status_code == 202, answer.text
    await imports.carry_out(background, UUID(shown["id"]))
    after: dict[str, Any] = (await client.get(f"/staff/imports/{shown['id']}", headers=who.headers)).json()
    return after


# ---- what is written ----


async def test_what_is_filled_in_is_shown_as_changes_and_written_with_its_history(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, world: World, owner: asyncpg.Connection,
    keyring: Keyring,
) -> None:  # fmt: skip
    someone = await world.person(name="郑小红")
    child = make.member("son", name="郑小弟", schooling="senior_high")
    household_id = await world.household(someone, town.units[0], members=[child])
    before = await form_of(owner, keyring, household_id)
    row = only(someone, **{c.HOUSING: "政府廉租房、公租房", c.INCOME: "9600", "患病支出（元）": "8000", "民族": "03"})
    grown = {c.RELATION: "子", c.NAME: "郑小弟", c.NUMBER: child["id_number"], c.OF_HEAD: someone.id_number}
    shown = await tried(
        client, background, clerk, workbook([row, grown | {c.SCHOOLING: "大学本科"}, *family()]), town.units[0]
    )
    told = [shown[name] for name in ("state", "good", "updates", "unchanged", "bad")]
    assert told == ["checked", 2, 1, 0, 0], await errors_of(client, clerk, shown["id"])
    assert await form_of(owner, keyring, household_id) == before
    (changed,) = await changes_of(client, clerk, shown["id"])
    assert (changed["household_id"], changed["line"]) == (str(household_id), 2)
    names = ("line", "column", "by", "before", "after")
    assert [tuple(each[name] for name in names) for each in changed["changes"]] == [
        (2, "民族", "write", None, "****"),
        (2, c.HOUSING, "write", "private_rental", "public_rental"),
        (2, c.INCOME, "write", 24_000_00, 9_600_00),
        (2, "患病支出（元）", "write", 6_000_00, 8_000_00),
        (3, c.SCHOOLING, "write", "senior_high", "undergraduate"),
    ]  # fmt: skip
    refused(await commit(client, clerk, shown), 422, "invalid")
    after = await carried_out(client, background, clerk, shown, reason="年度更新")
    assert [after[name] for name in ("state", "good", "updates", "committed")] == ["committed", 0, 0, 2]
    form = await form_of(owner, keyring, household_id)
    assert form["members"] == [child | {"schooling": "undergraduate"}]
    assert form["rigid_spending"] == [{"kind": "illness", "amount_fen": 8_000_00, "file_ids": []}]
    assert form == before | {
        "head": before["head"] | {"ethnicity": "03"}, "housing": "public_rental", "income_fen_yearly": 9_600_00,
        "rigid_spending": form["rigid_spending"], "members": form["members"],
    }  # fmt: skip
    kept = await owner.fetch(
        "select id, pointer, source, person_id, post_role, reason from household_change where household_id = $1",
        household_id,
    )
    assert {(each["source"], each["person_id"], each["post_role"]) for each in kept} == {
        ("import", clerk.id, "unit_clerk")
    }
    assert {each["pointer"] for each in kept} == {
        "/head/ethnicity", "/housing", "/income_fen_yearly", "/rigid_spending/0/amount_fen", "/members/0/schooling",
    }  # fmt: skip
    assert {keyring.open_text("household_change.reason", each["id"], each["reason"]) for each in kept} == {"年度更新"}


async def test_the_same_again_changes_nothing_and_says_so(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, world: World, owner: asyncpg.Connection
) -> None:
    someone = await world.person()
    household_id = await world.household(someone, town.units[0])
    shown = await tried(client, background, clerk, workbook([only(someone, **{c.HOUSING: "租房"})]), town.units[0])
    assert [shown[name] for name in ("good", "unchanged", "bad")] == [0, 1, 0]
    assert await changes_of(client, clerk, shown["id"]) == []
    refused(await commit(client, clerk, shown, reason="核对"), 409, "nothing_to_commit")
    assert await owner.fetchval("select version from household where id = $1", household_id) == 1


# ---- what two people decide ----


async def test_a_name_a_card_and_who_belongs_to_it_become_requests_and_nothing_is_written(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, world: World, owner: asyncpg.Connection,
    keyring: Keyring,
) -> None:  # fmt: skip
    someone = await world.person(name="郑小红")
    household_id = await world.household(someone, town.units[0])
    before = await form_of(owner, keyring, household_id)
    row = only(someone, **{c.NAME: "郑晓红", c.BANK: "中国银行", c.CARD: CARD})
    baby = member(row, **{c.NAME: "郑小妹", c.NUMBER: make.id_number(date(2024, 5, 6)), c.RELATION: "女"})
    shown = await tried(client, background, clerk, workbook([row, baby]), town.units[0])
    assert [shown[name] for name in ("good", "updates", "bad")] == [1, 1, 0], await errors_of(
        client, clerk, shown["id"]
    )
    (changed,) = await changes_of(client, clerk, shown["id"])
    assert {(each["by"], each["field"], each["line"]) for each in changed["changes"]} == {
        ("request", "/head", 2), ("request", "/bank_card", 2), ("request", "/members", 3),
    }  # fmt: skip
    said = str(changed)
    assert not any(secret in said for secret in ("郑小红", "郑晓红", "郑小妹", CARD, someone.id_number, baby[c.NUMBER]))
    after = await carried_out(client, background, clerk, shown, reason="名册核对")
    assert (after["state"], after["committed"]) == ("committed", 1)
    assert await form_of(owner, keyring, household_id) == before
    asked = await owner.fetch("select * from change_request where household_id = $1 order by kind", household_id)
    assert [(each["kind"], each["state"], each["asked_by"]) for each in asked] == [
        (kind, "open", clerk.id) for kind in ("bank_card", "household_size", "identity")
    ]
    assert await owner.fetchval("select count(*) from payment_hold where household_id = $1", household_id) == 3
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    for each in asked:
        body = {"action": "approve", "note": "已核对"}
        headers = chair.headers | make.keyed() | {"If-Match": '"1"'}
        done = await client.post(f"/staff/change_requests/{each['id']}/actions", json=body, headers=headers)
        assert done.status_code == 200, done.text
    form = await form_of(owner, keyring, household_id)
    assert (form["head"]["name"], form["members"][-1]["name"]) == ("郑晓红", "郑小妹")
    masked = await owner.fetchval(
        "select number_masked from bank_card where person_id = $1 and state = 'current'", someone.id
    )
    assert masked.endswith(CARD[-4:])


async def test_a_member_who_has_left_is_named_and_who_is_not_listed_stays(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, world: World, owner: asyncpg.Connection
) -> None:
    someone = await world.person()
    gone, stays = make.member("son"), make.member("spouse")
    household_id = await world.household(someone, town.units[0], members=[gone, stays])
    row = only(someone)
    left = {c.RELATION: c.LEFT, c.NAME: gone["name"], c.NUMBER: gone["id_number"], c.OF_HEAD: someone.id_number}
    stranger = left | {c.NUMBER: make.id_number(date(2001, 1, 1))}
    shown = await tried(client, background, clerk, workbook([row, stranger]), town.units[0])
    assert [each["code"] for each in await errors_of(client, clerk, shown["id"])] == ["not_a_member"]
    shown = await tried(client, background, clerk, workbook([row, left]), town.units[0])
    await carried_out(client, background, clerk, shown, reason="迁出")
    kinds = await owner.fetch("select kind from change_request where household_id = $1", household_id)
    assert [each["kind"] for each in kinds] == ["household_size"]
    shown = await tried(client, background, clerk, workbook([row, left, *family()]), town.units[0])
    assert [each["code"] for each in await errors_of(client, clerk, shown["id"])] == ["change_open"]


# ---- what may not be ----


async def test_only_a_file_of_the_union_in_the_hands_of_the_unit_can_be_changed(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, world: World
) -> None:
    elsewhere, published, own, member_of = [await world.person() for _ in range(4)]
    await world.household(elsewhere, town.units[3])
    await world.household(published, town.units[0], state="public_notice")
    await world.household(clerk, town.units[0])
    child = make.member()
    await world.household(own, town.units[0], members=[child])
    await world.household(member_of, town.units[0])
    rows = [
        only(elsewhere),
        only(published),
        only(clerk),
        head(**{c.NUMBER: child["id_number"]}),
        only(member_of, **{c.UNION: town.units[1].code}),
        only(own, **{c.INCOME: "一万", c.HOUSING: ""}),
    ]
    shown = await tried(client, background, clerk, workbook(rows), town.units[0])
    told = [(each["line"], each["code"]) for each in await errors_of(client, clerk, shown["id"])]
    assert told == [
        (2, "member_elsewhere"), (3, "file_not_correctable"), (4, "own_family"), (5, "member_elsewhere"),
        (6, "union_not_keeper"), (7, "money_format"),
    ]  # fmt: skip
    assert (shown["good"], shown["bad"]) == (0, 6)


# ---- each union as a whole ----


async def test_chosen_unions_are_committed_each_as_a_whole_and_the_others_wait(
    client: httpx.AsyncClient, background: Jobs, town: Town, world: World, owner: asyncpg.Connection
) -> None:
    reviewer = await world.staff(Role.UNIT_CLERK, town.districts[0])
    one, other = [await world.person() for _ in range(2)]
    ids = [await world.household(each, union) for each, union in zip((one, other), town.units[:2], strict=True)]
    rows = [only(one, **{c.INCOME: "1"}), only(other, **{c.INCOME: "2"}), *family(**{c.UNION: town.units[0].code})]
    shown = await tried(client, background, reviewer, workbook(rows), town.districts[0])
    units = (await client.get(f"/staff/imports/{shown['id']}/units", headers=reviewer.headers)).json()["items"]
    assert {(each["code"], each["good"], each["updates"]) for each in units} == {
        (town.units[0].code, 2, 1), (town.units[1].code, 1, 1),
    }  # fmt: skip
    unknown = await commit(client, reviewer, shown, organisation_codes=[town.units[2].code], reason="核对")
    assert refused(unknown, 422, "invalid")["errors"][0]["pointer"] == "/organisation_codes/0"
    after = await carried_out(
        client, background, reviewer, shown, organisation_codes=[town.units[0].code], reason="核对"
    )
    assert [after[name] for name in ("state", "good", "committed")] == ["checked", 1, 2]
    versions = await owner.fetch("select version from household where id = any($1) order by version", ids)
    assert [each["version"] for each in versions] == [1, 2]
    after = await carried_out(client, background, reviewer, after, reason="核对")
    assert [after[name] for name in ("state", "good", "committed")] == ["committed", 0, 3]


async def test_what_is_wrong_in_one_union_keeps_none_of_another_back(
    client: httpx.AsyncClient, background: Jobs, town: Town, world: World
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.districts[0])
    codes = [union.code for union in town.units[:2]]
    rows = [
        *family(**{c.UNION: codes[0]}),
        *family(**{c.UNION: codes[1]}),
        *family(**{c.UNION: codes[1], c.INCOME: "x"}),
    ]
    shown = await tried(client, background, clerk, workbook(rows), town.districts[0])
    refused(await commit(client, clerk, shown), 409, "import_has_errors")
    refused(await commit(client, clerk, shown, organisation_codes=[codes[1]]), 409, "import_has_errors")
    after = await carried_out(client, background, clerk, shown, organisation_codes=[codes[0]])
    assert [after[name] for name in ("state", "good", "bad", "committed")] == ["checked", 1, 1, 1]


async def test_when_a_file_has_changed_since_nothing_of_its_union_is_written_and_it_is_tried_again(
    client: httpx.AsyncClient, background: Jobs, town: Town, world: World, owner: asyncpg.Connection
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.districts[0])
    people = [await world.person() for _ in range(3)]
    ids = [
        await world.household(each, town.units[n]) for each, n in zip(people, (0, 0, 1), strict=True)
    ]  # fmt: skip
    rows = [only(each, **{c.INCOME: "5"}) for each in people]
    shown = await tried(client, background, clerk, workbook(rows), town.districts[0])
    assert (await commit(client, clerk, shown, reason="核对")).status_code == 202
    await owner.execute("update household set version = version + 1 where id = $1", ids[1])
    await imports.carry_out(background, UUID(shown["id"]))
    versions = await owner.fetch("select id, version from household where id = any($1)", ids)
    assert {each["id"]: each["version"] for each in versions} == {ids[0]: 1, ids[1]: 2, ids[2]: 2}
    shown = await seen_after_check(client, background, clerk, shown["id"])
    assert [shown[name] for name in ("state", "good", "committed")] == ["checked", 2, 1]
    after = await carried_out(client, background, clerk, shown, reason="核对")
    assert [after[name] for name in ("state", "good", "committed")] == ["committed", 0, 3]


async def test_a_commit_that_broke_off_between_two_unions_goes_on_with_the_rest(
    client: httpx.AsyncClient, background: Jobs, town: Town, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.districts[0])
    rows = [row for union in town.units[:2] for row in family(**{c.UNION: union.code})]
    shown = await tried(client, background, clerk, workbook(rows), town.districts[0])
    assert (await commit(client, clerk, shown)).status_code == 202
    whole, done = imports._commit_union, list[UUID]()

    async def once(jobs: Jobs, row: Any, union: Any, progress: Any) -> bool:
        if done:
            raise Unavailable
        done.append(union["id"])
        return await whole(jobs, row, union, progress)

    with monkeypatch.context() as broken:
        broken.setattr(imports, "_commit_union", once)
        with pytest.raises(Unavailable):
            await imports.carry_out(background, UUID(shown["id"]))
    path = f"/staff/imports/{shown['id']}"
    assert (await client.get(path, headers=clerk.headers)).json()["state"] == "committing"
    await imports.carry_out(background, UUID(shown["id"]))
    after = (await client.get(path, headers=clerk.headers)).json()
    assert [after[name] for name in ("state", "good", "committed")] == ["committed", 0, 2]


@pytest.mark.parametrize("cells", [{c.INCOME: "5"}, {c.NAME: "郑晓红"}], ids=["written", "asked for"])
async def test_whose_post_has_ended_since_changes_nothing(
    client: httpx.AsyncClient,
    background: Jobs,
    clerk: Someone,
    town: Town,
    world: World,
    owner: asyncpg.Connection,
    cells: Row,
) -> None:
    someone = await world.person()
    household_id = await world.household(someone, town.units[0])
    shown = await tried(client, background, clerk, workbook([only(someone, **cells)]), town.units[0])
    assert (await commit(client, clerk, shown, reason="核对")).status_code == 202
    await owner.execute("update post set ended_at = now() where person_id = $1", clerk.id)
    await imports.carry_out(background, UUID(shown["id"]))
    assert await owner.fetchval("select version from household where id = $1", household_id) == 1
    asked = await owner.fetchval("select count(*) from change_request where household_id = $1", household_id)
    state = await owner.fetchval("select state from bulk_import where id = $1", UUID(shown["id"]))
    assert (asked, state) == (0, "queued")


async def test_what_would_change_is_shown_to_those_who_take_in_cases_of_the_union(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, world: World
) -> None:
    answer = await upload(client, clerk, workbook(family()), town.units[0])
    beside = await world.staff(Role.UNIT_CLERK, town.units[1])
    for what in ("changes", "units"):
        path = f"/staff/imports/{answer.json()['id']}/{what}"
        refused(await client.get(path, headers=beside.headers), 404, "import_not_found")
        assert (await client.get(path, headers=clerk.headers)).status_code == 200
