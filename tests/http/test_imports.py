"""An import from the template to filings, its errors, its corrections; and exports as they leave."""

import asyncio
from datetime import timedelta
from typing import Any, get_args
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.bulk import columns as c
from app.db.sealing import Keyring
from app.files.store import SHEETS, FileStore
from app.households.path import PATH
from app.households.printed.words import text_of
from app.http.routes.bulk import State
from app.jobs import exports, imports
from app.jobs.handlers import LONG_HANDLERS, followed_by
from app.jobs.relay import relay
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.bulk.filling import family, head, member, workbook
from tests.bulk.importing import cells, commit, errors_of, seen_after_check, tried, upload
from tests.http.refusals import refused
from tests.make import Someone, Town, World
from tests.relatives.making import declared
from tests.spreadsheets.bombs import BOMBS


async def filings(owner: asyncpg.Connection, who: Someone) -> int:
    count: int = await owner.fetchval("select count(*) from proxy_filing where assisted_by = $1", who.id)
    return count


# ---- the whole way ----


async def test_a_filled_in_template_becomes_filings_once_it_was_tried_and_confirmed(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, owner: asyncpg.Connection, keyring: Keyring
) -> None:
    template = await client.get("/staff/imports/template", headers=clerk.headers)
    assert cells(template.content)[0] == list(c.TITLES)
    rows = [row for _ in range(3) for row in family(2)]
    shown = await tried(client, background, clerk, workbook(rows), town.units[0])
    told = ("state", "percent", "good", "bad", "lines", "errors", "committed", "has_error_file")
    assert [shown[name] for name in told] == ["checked", 100, 3, 0, 9, 0, 0, False]
    assert await filings(owner, clerk) == 0
    assert (await commit(client, clerk, shown)).status_code == 202
    await imports.carry_out(background, UUID(shown["id"]))
    after = (await client.get(f"/staff/imports/{shown['id']}", headers=clerk.headers)).json()
    assert [after[name] for name in told] == ["committed", 100, 0, 0, 9, 0, 3, False]
    kept = await owner.fetch("select * from proxy_filing where assisted_by = $1", clerk.id)
    assert {row["state"] for row in kept} == {"open"}
    assert {row["unit_id"] for row in kept} == {town.units[0].id}
    numbers = {keyring.open_text("proxy_filing.id_number", row["id"], row["id_number"]) for row in kept}
    assert numbers == {row[c.NUMBER] for row in rows if row[c.RELATION] == c.HEAD}
    forms = [keyring.open_document("proxy_filing.form", row["id"], row["form"]) for row in kept]
    assert [len(form["members"]) for form in forms] == [2, 2, 2]
    actions = await owner.fetch("select action from audit_entry where subject_id = $1 order by id", after["id"])
    assert [row["action"] for row in actions] == ["import.uploaded", "import.confirmed", "import.committed"]


async def test_facts_lead_to_the_jobs(client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town) -> None:
    assert {"ImportAsked", "ImportConfirmed", "ExportAsked", "FileKept"} <= set(LONG_HANDLERS)
    answer = await upload(client, clerk, workbook(family()), town.units[0])
    for handle in LONG_HANDLERS["ImportAsked"]:
        await handle(background, {"import_id": answer.json()["id"]})
    async with background.work() as work:
        await relay(work, followed_by())
    shown = (await client.get(f"/staff/imports/{answer.json()['id']}", headers=clerk.headers)).json()
    assert shown["state"] == "checked"


async def test_what_is_wrong_is_told_by_row_and_column_and_in_the_users_own_file(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, world: World, owner: asyncpg.Connection
) -> None:
    elsewhere = await world.worker(town.units[3])
    twin = head()
    rows = [
        *family(),
        head(**{c.NUMBER: "440507198001011234", c.INCOME: "一万"}),
        head(**{c.NUMBER: elsewhere.id_number}),
        twin,
        dict(twin),
        head(**{c.UNION: town.units[1].code}),
    ]
    shown = await tried(client, background, clerk, workbook(rows), town.units[0])
    assert (shown["good"], shown["bad"], shown["errors"], shown["has_error_file"]) == (2, 4, 5, True)
    told = [(each["line"], each["column"], each["code"]) for each in await errors_of(client, clerk, shown["id"])]
    assert told == [
        (4, c.NUMBER, "id_number_checksum"),
        (4, c.INCOME, "money_format"),
        (5, c.NUMBER, "member_elsewhere"),
        (7, c.NUMBER, "member_repeated"),
        (8, c.UNION, "union_unknown"),
    ]
    back = await client.get(f"/staff/imports/{shown['id']}/file", headers=clerk.headers)
    assert back.status_code == 200
    given = cells(back.content)
    assert given[0] == [*c.TITLES, c.ERRORS]
    assert [bool(row[-1]) for row in given[1:]] == [False, False, True, True, False, True, True]
    assert (
        given[3][-1] == f"{c.NUMBER}：身份证号不正确，请对照证件逐位核对。{c.INCOME}：请填写金额（元），最多两位小数。"
    )
    assert given[2][: len(c.TITLES)] == [rows[1].get(title, "") for title in c.TITLES]
    refused(await commit(client, clerk, shown), 409, "import_has_errors")
    kept = await owner.fetch("select message from bulk_error where import_id = $1", shown["id"])
    assert not any("440507198001011234" in row["message"] for row in kept)


async def test_nobody_imports_the_family_of_somebody_near_or_without_having_proved_who_they_are(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, world: World
) -> None:
    relative, child = await world.person(), await world.person()
    for each in (relative, child):
        await declared(world, clerk, each)
    parent = head()
    rows = [head(**{c.NUMBER: relative.id_number}), parent, member(parent, **{c.NUMBER: child.id_number}), head()]
    shown = await tried(client, background, clerk, workbook(rows), town.units[0])
    told = [(each["line"], each["column"], each["code"]) for each in await errors_of(client, clerk, shown["id"])]
    assert told == [(2, c.NUMBER, "own_family"), (3, c.NUMBER, "own_family")]
    unknown = await world.staff(Role.UNIT_CLERK, town.units[0], verified=False, consents=())
    shown = await tried(client, background, unknown, workbook([head()]), town.units[0])
    assert [each["code"] for each in await errors_of(client, unknown, shown["id"])] == ["identity_required"]


async def test_the_rest_of_an_import_is_corrected_and_what_was_committed_is_not_done_twice(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, owner: asyncpg.Connection
) -> None:
    good, bad = family(), family(**{c.INCOME: "一万"})
    shown = await tried(client, background, clerk, workbook([*good, *bad]), town.units[0])
    assert (await commit(client, clerk, shown, "valid")).status_code == 202
    await imports.carry_out(background, UUID(shown["id"]))
    corrected = workbook([*good, bad[0] | {c.INCOME: "10000"}, bad[1]])
    again = await client.post(
        f"/staff/imports/{shown['id']}/corrections",
        files={"file": corrected},
        headers=clerk.headers | make.keyed(),
    )
    assert again.status_code == 202, again.text
    shown = await seen_after_check(client, background, clerk, shown["id"])
    assert (shown["state"], shown["good"], shown["bad"], shown["committed"]) == ("checked", 1, 0, 1)
    assert (await commit(client, clerk, shown)).status_code == 202
    await imports.carry_out(background, UUID(shown["id"]))
    assert await filings(owner, clerk) == 2


async def test_the_same_file_is_not_taken_twice_under_one_union_even_at_once(
    client: httpx.AsyncClient, clerk: Someone, town: Town, world: World
) -> None:
    content = workbook(family())
    answers = await asyncio.gather(*(upload(client, clerk, content, town.units[0]) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    problem = refused(await upload(client, clerk, content, town.units[0]), 409, "imported_before")
    assert problem["import_id"] == next(a.json()["id"] for a in answers if a.status_code == 202)
    other = await world.staff(Role.UNIT_CLERK, town.units[1])
    assert (await upload(client, other, content, town.units[1])).status_code == 202


async def test_the_same_request_again_gets_the_first_answer(
    client: httpx.AsyncClient, clerk: Someone, town: Town
) -> None:
    content, key = workbook(family()), make.keyed()
    first = await upload(client, clerk, content, town.units[0], key=key)
    again = await upload(client, clerk, content, town.units[0], key=key)
    assert (again.status_code, again.json()) == (202, first.json())


async def test_an_import_that_two_workers_try_at_once_is_tried_once(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, owner: asyncpg.Connection
) -> None:
    answer = await upload(client, clerk, workbook([*family(), *family(**{c.INCOME: "一万"})]), town.units[0])
    import_id = UUID(answer.json()["id"])
    await asyncio.gather(*(imports.check(background, import_id) for _ in range(3)))
    shown = (await client.get(f"/staff/imports/{import_id}", headers=clerk.headers)).json()
    assert [shown[name] for name in ("state", "good", "bad", "errors")] == ["checked", 1, 1, 1]
    rows = await owner.fetchval("select count(*) from bulk_row where import_id = $1", import_id)
    errors = await owner.fetchval("select count(*) from bulk_error where import_id = $1", import_id)
    assert (rows, errors) == (2, 1)
    assert (await commit(client, clerk, shown, "valid")).status_code == 202
    await asyncio.gather(*(imports.carry_out(background, import_id) for _ in range(3)))
    assert await filings(owner, clerk) == 1
    shown = (await client.get(f"/staff/imports/{import_id}", headers=clerk.headers)).json()
    assert [shown[name] for name in ("state", "committed")] == ["committed", 1]


# ---- what may not be ----


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bombed_file_is_refused_before_it_is_an_import(
    client: httpx.AsyncClient, clerk: Someone, town: Town, name: str
) -> None:
    content, code = BOMBS[name]
    problem = refused(await upload(client, clerk, content, town.units[0]), 422, "invalid")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/file", code)]


async def test_a_file_that_is_no_template_fails_by_name_and_may_come_again(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town
) -> None:
    content = workbook(family(), titles=(c.NAME, c.NUMBER))
    for _ in range(2):
        shown = await tried(client, background, clerk, content, town.units[0])
        assert (shown["state"], shown["failure"]) == ("failed", "columns_missing")
        assert shown["failure_message"].endswith("。")
        refused(await commit(client, clerk, shown | {"dry_run": "0" * 64}), 409, "import_not_ready")


async def test_only_the_dry_run_that_was_seen_can_be_committed_and_only_once(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town
) -> None:
    shown = await tried(client, background, clerk, workbook(family()), town.units[0])
    refused(await commit(client, clerk, shown | {"dry_run": "0" * 64}), 409, "dry_run_changed")
    answers = await asyncio.gather(*(commit(client, clerk, shown) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]


async def test_when_one_family_has_moved_since_the_dry_run_nothing_is_committed_and_it_is_tried_again(
    client: httpx.AsyncClient, background: Jobs, clerk: Someone, town: Town, world: World, owner: asyncpg.Connection
) -> None:
    someone = await world.person()
    rows = [*family(), head(**{c.NUMBER: someone.id_number})]
    shown = await tried(client, background, clerk, workbook(rows), town.units[0])
    assert shown["good"] == 2
    assert (await commit(client, clerk, shown)).status_code == 202
    await world.household(someone, town.units[3])
    await imports.carry_out(background, UUID(shown["id"]))
    assert await filings(owner, clerk) == 0
    shown = await seen_after_check(client, background, clerk, shown["id"])
    assert (shown["state"], shown["good"], shown["bad"]) == ("checked", 1, 1)


async def test_an_import_belongs_to_those_who_take_in_cases_of_its_union(
    client: httpx.AsyncClient, clerk: Someone, town: Town, world: World
) -> None:
    refused(await upload(client, clerk, workbook(family()), town.units[1]), 403, "union_out_of_reach")
    answer = await upload(client, clerk, workbook(family()), town.units[0])
    import_id = answer.json()["id"]
    beside = await world.staff(Role.UNIT_CLERK, town.units[1])
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    for path in (
        f"/staff/imports/{import_id}",
        f"/staff/imports/{import_id}/errors",
        f"/staff/imports/{import_id}/file",
    ):
        refused(await client.get(path, headers=beside.headers), 404, "import_not_found")
        refused(await client.get(path, headers=chair.headers), 403)
    refused(await commit(client, beside, {"id": import_id, "dry_run": "0" * 64}), 404, "import_not_found")
    refused(await upload(client, chair, workbook(family()), town.units[0]), 403)
    colleague = await world.staff(Role.UNIT_CLERK, town.units[0])
    assert (await client.get(f"/staff/imports/{import_id}", headers=colleague.headers)).status_code == 200


# ---- exports ----


async def exported(client: httpx.AsyncClient, background: Jobs, who: Someone, **wanted: Any) -> str:
    answer = await client.post(
        "/staff/exports", json={"reason": "年度核查", "filter": wanted}, headers=who.headers | make.keyed()
    )
    assert answer.status_code == 202, answer.text
    export_id: str = answer.json()["id"]
    await exports.make(background, UUID(export_id))
    return export_id


async def test_an_export_holds_what_its_asker_may_see_masked_and_marked(
    client: httpx.AsyncClient, background: Jobs, town: Town, world: World, owner: asyncpg.Connection
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], name="林主席")
    someone = await world.person(name="郑小红")
    own = await world.household(someone, town.units[0])
    await world.household(await world.person(), town.units[0], state="rejected")
    await world.household(await world.person(), town.units[0], state="draft")
    await world.household(await world.person(), town.units[1])
    await world.household(chair, town.units[0])
    export_id = await exported(client, background, chair, states=["active"])
    told = (await client.get(f"/staff/exports/{export_id}", headers=chair.headers)).json()
    assert (told["state"], told["rows"]) == ("done", 1)
    got = await client.get(f"/staff/exports/{export_id}/file", headers=chair.headers)
    assert got.status_code == 200
    banner, titles, row = cells(got.content)
    assert "林主席" in banner[0]
    assert titles[:4] == ["档案编号", "状态", "户主", "证件号码"]
    assert (row[2], row[3][6:14], someone.id_number in str(row)) == ("郑*红", "********", False)
    assert (row[1], row[6]) == ("在档", "患重特大疾病")
    number = await owner.fetchval("select number from household where id = $1", own)
    assert row[0] == number
    audited = await owner.fetch(
        "select action, details->>'rows' as rows from audit_entry where subject_id = $1", export_id
    )
    assert sorted((each["action"], each["rows"]) for each in audited) == [
        ("export.asked", None), ("export.downloaded", "1"), ("export.made", "1"),
    ]  # fmt: skip
    whole = (
        await client.get(f"/staff/exports/{await exported(client, background, chair)}", headers=chair.headers)
    ).json()
    assert whole["rows"] == 2


def test_every_state_that_can_be_exported_is_told_in_words() -> None:
    assert {state: text_of("state", state) for state in get_args(State) if text_of("state", state).isascii()} == {}
    assert set(get_args(State)) == set(PATH.states) - {"draft"}


async def test_an_export_is_its_askers_alone_and_ends_after_a_day(
    client: httpx.AsyncClient, background: Jobs, town: Town, world: World, owner: asyncpg.Connection, files: FileStore
) -> None:
    chair, other = [await world.staff(Role.UNIT_CHAIR, town.units[0]) for _ in range(2)]
    export_id = await exported(client, background, chair)
    for path in (f"/staff/exports/{export_id}", f"/staff/exports/{export_id}/file"):
        refused(await client.get(path, headers=other.headers), 404, "export_not_found")
    await owner.execute(
        "update bulk_export set expires_at = $1 where id = $2", make.NOW - timedelta(hours=1), export_id
    )
    refused(await client.get(f"/staff/exports/{export_id}/file", headers=chair.headers), 404, "export_not_found")
    await exports.forget_exports(background)
    assert await files.beside(SHEETS).get(UUID(export_id)) is None
    refused(await client.get(f"/staff/exports/{new_id()}", headers=chair.headers), 404, "export_not_found")


async def test_a_post_that_ended_meanwhile_exports_nothing(
    client: httpx.AsyncClient, background: Jobs, town: Town, world: World, owner: asyncpg.Connection
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    await world.household(await world.person(), town.units[0])
    answer = await client.post("/staff/exports", json={"reason": "核查"}, headers=chair.headers | make.keyed())
    refused(
        await client.get(f"/staff/exports/{answer.json()['id']}/file", headers=chair.headers), 409, "export_not_ready"
    )
    await owner.execute("update post set ended_at = now() where person_id = $1", chair.id)
    await exports.make(background, UUID(answer.json()["id"]))
    told = await owner.fetchrow("select state, rows from bulk_export where id = $1", answer.json()["id"])
    assert told is not None
    assert (told["state"], told["rows"]) != ("done", 1)
