"""A batch from building to the bank and back: who is in it, what is frozen, and that it is told once."""

import hashlib
from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import Kind
from tests import make
from tests.http.refusals import refused
from tests.make import Case, Someone
from tests.paying import (
    BATCHES,
    FROZEN_ACCOUNT,
    SUCCESS,
    WRONG_NUMBER,
    answered,
    build,
    built,
    confirmed,
    lines_of,
    paid,
    result_file,
    sent,
    stepped,
    tell,
    turn,
)
from tests.payments.conftest import Till


async def state_of(client: httpx.AsyncClient, case: Case) -> str:
    shown = await client.get(f"/applications/{case.id}", headers=case.applicant.headers)
    state: str = shown.json()["state"]
    return state


async def download(client: httpx.AsyncClient, by: Someone, batch: dict[str, Any]) -> httpx.Response:
    return await client.get(f"{BATCHES}/{batch['id']}/file", headers=by.headers)


async def test_all_three_kinds_are_paid_in_one_batch(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    cases = [await till.approved(kind=kind) for kind in Kind]
    batch = await built(client, till.maker, till.town.city)
    assert (batch["state"], batch["line_count"], batch["total_fen"]) == ("built", 3, 3 * make.AMOUNT_FEN)
    assert (batch["sha256"], batch["open_actions"]) == (None, ["freeze", "cancel"])
    batch = await stepped(client, till.maker, batch, "freeze")
    content = await owner.fetchval("select content from payment_batch where id = $1", batch["id"])
    assert hashlib.sha256(content).hexdigest() == batch["sha256"]
    seen = (await client.get(f"{BATCHES}/{batch['id']}", headers=till.checker.headers)).json()
    assert seen["open_actions"] == ["confirm"]
    assert {await state_of(client, case) for case in cases} == {"approved"}
    batch = await stepped(client, till.checker, batch, "confirm")
    assert {await state_of(client, case) for case in cases} == {"paying"}
    batch = await stepped(client, till.maker, batch, "export")
    assert batch["tally"] == [{"state": "sent", "count": 3, "fen": 3 * make.AMOUNT_FEN}]
    done = await answered(client, till.checker, batch)
    assert (done["paid"], done["failed"], done["breaks"], done["missing"]) == (3, 0, 0, 0)
    assert {await state_of(client, case) for case in cases} == {"paid"}
    after = (await client.get(f"{BATCHES}/{batch['id']}", headers=till.maker.headers)).json()
    assert (after["state"], after["open_actions"]) == ("settled", [])
    shown = (await client.get(f"/applications/{cases[0].id}", headers=cases[0].applicant.headers)).json()
    assert [(s["action"], s["by"]["role"]) for s in shown["timeline"][1:]] == [
        ("start_payment", "finance_maker"), ("check_payment", "finance_checker"),
        ("confirm_payment", None),
    ]  # fmt: skip


@pytest.mark.parametrize(("bank", "encoding"), [(None, "gb18030"), ("standard_utf8", "utf-8-sig")])
async def test_the_file_says_whom_to_pay_and_by_which_reference_and_stays_what_it_is(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection, bank: str | None, encoding: str
) -> None:
    who = await till.world.person(name="欧阳𬸣·阿依", home=till.town.units[0])
    case = await till.approved(who=who)
    batch = await confirmed(client, till.maker, till.checker, till.town.city, **({"bank": bank} if bank else {}))
    refused(await download(client, till.maker, batch), 409, "file_not_there")
    refused(await turn(client, till.checker, batch, "export"), 403, "not_allowed")
    batch = await stepped(client, till.maker, batch, "export")
    first, again, theirs = [await download(client, by, batch) for by in (till.maker, till.maker, till.checker)]
    assert first.content == again.content == theirs.content
    assert hashlib.sha256(first.content).hexdigest() == batch["file_sha256"]
    banner, titles, row = first.content.decode(encoding).splitlines()
    assert banner.startswith(f"批次 {batch['number']}　校验码 {batch['sha256']}")
    (line,) = await lines_of(client, till.maker, batch)
    cells = dict(zip(titles.split(","), row.split(","), strict=True))
    assert (cells["收款人户名"], cells["金额（元）"], cells["参考号"]) == ("欧阳𬸣·阿依", "3000.00", line["reference"])
    assert (cells["用途"], len(cells["收款账号"]), line["number"]) == ("困难帮扶金", 18, case.number)
    other = await till.world.staff("finance_maker", till.town.city)
    refused(await download(client, other, batch), 403, "not_your_batch")
    audited = "select count(*) from audit_entry where subject_id = $1 and action = 'payment_batch.downloaded'"
    assert await owner.fetchval(audited, batch["id"]) == 3
    refused(await turn(client, till.maker, batch, "export"), 409, "not_allowed_now")
    refused(await turn(client, till.maker, batch, "cancel"), 409, "not_allowed_now")


async def test_what_a_bank_refuses_is_told_to_the_worker_with_what_to_do(client: httpx.AsyncClient, till: Till) -> None:
    good, bad = await till.approved(), await till.approved()
    batch = await sent(client, till.maker, till.checker, till.town.city)
    done = await answered(client, till.checker, batch, {bad.number: WRONG_NUMBER})
    assert (done["paid"], done["failed"]) == (1, 1)
    assert (await state_of(client, good), await state_of(client, bad)) == ("paid", "payment_failed")
    shown = (await client.get(f"/applications/{bad.id}", headers=bad.applicant.headers)).json()
    assert shown["timeline"][-1]["action"] == "fail_payment"
    assert "银行卡号" in shown["timeline"][-1]["note"]
    line = next(line for line in await lines_of(client, till.maker, batch) if line["number"] == bad.number)
    assert (line["state"], line["return_code"], line["remedy"]) == ("failed", "E01", "fix_card")


async def test_nothing_of_a_result_is_guessed(client: httpx.AsyncClient, till: Till) -> None:
    cases = [await till.approved() for _ in range(5)]
    batch = await sent(client, till.maker, till.checker, till.town.city)
    lines = {line["number"]: line for line in await lines_of(client, till.maker, batch)}
    by = [lines[case.number] for case in cases]
    rows = [
        (by[0]["reference"], by[0]["amount_fen"], SUCCESS),
        (by[1]["reference"], by[1]["amount_fen"] + 1, SUCCESS),
        (by[2]["reference"], by[2]["amount_fen"], SUCCESS), (by[2]["reference"], by[2]["amount_fen"], WRONG_NUMBER),
        ("0" * 32, 100, SUCCESS), ("not a reference", 100, SUCCESS), (by[3]["reference"], "三千", SUCCESS),
    ]  # fmt: skip
    content = result_file(rows)
    refused(await tell(client, till.checker, batch, content, "0" * 64), 409, "result_for_another_batch")
    done = (await tell(client, till.checker, batch, content)).json()
    assert (done["rows"], done["paid"], done["failed"], done["breaks"], done["missing"]) == (7, 1, 0, 6, 4)
    found = (await client.get(f"{BATCHES}/{batch['id']}/breaks", headers=till.checker.headers)).json()["items"]
    assert [(each["row_number"], each["kind"]) for each in found] == [
        (3, "wrong_amount"), (4, "repeated"), (5, "repeated"), (6, "unknown_reference"), (7, "unreadable"),
        (8, "unreadable"),
    ]  # fmt: skip
    assert [await state_of(client, case) for case in cases] == ["paid", *["paying"] * 4]
    refused(await tell(client, till.checker, batch, content), 409, "result_already_imported")
    columns = refused(await tell(client, till.checker, batch, "甲,乙\n1,2\n".encode()), 422)
    assert columns["errors"][0]["code"] == "columns_missing"
    damaged = refused(await tell(client, till.checker, batch, b"\x00\x01"), 422)
    assert damaged["errors"][0]["code"] == "text_undecodable"
    again = await answered(client, till.checker, batch, {cases[4].number: FROZEN_ACCOUNT})
    assert (again["paid"], again["failed"], again["breaks"], again["missing"]) == (3, 1, 0, 0)
    late = result_file([(by[4]["reference"], by[4]["amount_fen"], SUCCESS)])
    contradicted = (await tell(client, till.checker, batch, late)).json()
    assert (contradicted["paid"], contradicted["breaks"]) == (0, 1)


async def test_a_maker_confirms_nothing_of_their_own_and_a_checker_makes_nothing(
    client: httpx.AsyncClient, till: Till
) -> None:
    both = await till.world.person(posts=(("finance_maker", till.town.city), ("finance_checker", till.town.city)))
    await till.approved()
    refused(await build(client, till.checker, till.town.city), 403, "not_allowed")
    batch = await stepped(client, both, await built(client, both, till.town.city), "freeze")
    refused(await turn(client, both, batch, "confirm"), 403, "own_batch")
    refused(await turn(client, till.maker, batch, "confirm"), 403, "not_allowed")
    assert (await stepped(client, till.checker, batch, "confirm"))["state"] == "confirmed"


async def test_what_is_cancelled_before_the_bank_knows_is_approved_again_and_goes_into_another(
    client: httpx.AsyncClient, till: Till
) -> None:
    case = await till.approved()
    batch = await confirmed(client, till.maker, till.checker, till.town.city)
    refused(await build(client, till.maker, till.town.city), 409, "nothing_to_pay")
    batch = await stepped(client, till.maker, batch, "cancel")
    assert (batch["state"], batch["tally"][0]["state"], await state_of(client, case)) == (
        "cancelled", "dropped", "approved",
    )  # fmt: skip
    await paid(client, till.maker, till.checker, till.town.city)
    assert await state_of(client, case) == "paid"


async def test_nothing_under_another_union_is_seen_or_paid(client: httpx.AsyncClient, till: Till) -> None:
    case = await till.approved(home=till.town.units[2])
    await till.approved()
    near = await till.world.staff("finance_maker", till.town.districts[0])
    refused(await build(client, near, till.town.districts[1]), 404, "organisation_not_found")
    batch = await built(client, till.maker, till.town.districts[1])
    assert [line["number"] for line in await lines_of(client, till.maker, batch)] == [case.number]
    refused(await client.get(f"{BATCHES}/{batch['id']}", headers=near.headers), 404, "payment_batch_not_found")
    refused(await turn(client, near, batch, "freeze"), 404, "payment_batch_not_found")
    assert (await client.get(BATCHES, headers=near.headers)).json()["items"] == []
    listed = (await client.get(BATCHES, headers=till.checker.headers)).json()["items"]
    assert [each["id"] for each in listed] == [batch["id"]]


async def test_what_waits_past_the_cut_off_or_is_of_another_kind_waits_on(
    client: httpx.AsyncClient, till: Till
) -> None:
    early = await till.approved()
    await till.approved(kind=Kind.SECONDARY_MEDICAL)
    wanted = {"kinds": ["hardship_aid"], "approved_until": "2020-01-01T00:00:00+08:00"}
    refused(await build(client, till.maker, till.town.city, **wanted), 409, "nothing_to_pay")
    batch = await built(client, till.maker, till.town.city, kinds=["hardship_aid"])
    assert [line["number"] for line in await lines_of(client, till.maker, batch)] == [early.number]
    unknown = refused(await build(client, till.maker, till.town.city, bank="nobody"), 422)
    assert unknown["errors"][0]["code"] == "bank_unknown"
