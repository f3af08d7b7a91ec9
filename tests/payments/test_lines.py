"""What the bank refused, or sent back: put right and paid again in another batch, or written off; never paid twice."""

from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.jobs.running import Jobs
from app.jobs.telling.handlers import tell_of_application
from tests.calling import post
from tests.http.refusals import refused
from tests.make import Case, Someone
from tests.paying import (
    BATCHES,
    DIED,
    FROZEN_ACCOUNT,
    WRONG_NUMBER,
    answered,
    built,
    carded,
    lines_of,
    result_file,
    sent,
    tell,
    why_out,
)
from tests.payments.conftest import Till, appealed


async def failed(client: httpx.AsyncClient, till: Till, code: str = WRONG_NUMBER) -> tuple[Case, dict[str, Any]]:
    """An application whose payment the bank refused, and its line."""
    case = await till.approved()
    batch = await sent(client, till.maker, till.checker, till.town.city)
    await answered(client, till.checker, batch, {case.number: code})
    (line,) = await lines_of(client, till.maker, batch)
    return case, line | {"batch": batch}


async def turn_line(
    client: httpx.AsyncClient, by: Someone, line: dict[str, Any], action: str, note: str | None = None
) -> httpx.Response:
    path = f"{BATCHES}/{line['batch']['id']}/lines/{line['id']}/actions"
    return await post(client, by, path, {"action": action} | ({"note": note} if note else {}), line["version"])


async def state_of(client: httpx.AsyncClient, case: Case) -> str:
    shown = (await client.get(f"/applications/{case.id}", headers=case.applicant.headers)).json()
    return str(shown["state"])


async def test_what_failed_is_not_paid_again_while_there_is_an_appeal(client: httpx.AsyncClient, till: Till) -> None:
    case, line = await failed(client, till)
    await carded(till.world, case.applicant)
    await appealed(till, case)
    refused(await turn_line(client, till.maker, line, "reissue"), 409, "appeal_open")


async def test_it_is_paid_again_to_a_card_that_was_corrected_and_checked_in_a_line_that_names_the_first(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    case, line = await failed(client, till)
    refused(await turn_line(client, till.maker, line | {"id": str(case.id)}, "reissue"), 404, "line_not_found")
    refused(await turn_line(client, till.maker, line, "reissue"), 409, "card_not_corrected")
    await carded(till.world, case.applicant, checked=False)
    refused(await turn_line(client, till.maker, line, "reissue"), 409, "card_not_corrected")
    await carded(till.world, case.applicant)
    refused(await turn_line(client, till.checker, line, "reissue"), 403, "not_allowed")
    again = await turn_line(client, till.maker, line, "reissue")
    assert (again.status_code, again.json()["state"]) == (200, "approved"), again.text
    refused(await turn_line(client, till.maker, line, "reissue"), 409, "not_allowed_now")
    batch = await sent(client, till.maker, till.checker, till.town.city)
    (second,) = await lines_of(client, till.maker, batch)
    assert (second["reissue_of"], second["amount_fen"]) == (line["id"], line["amount_fen"])
    assert second["reference"] != line["reference"]
    await answered(client, till.checker, batch)
    assert await state_of(client, case) == "paid"
    paid = "select sum(amount_fen) from payment_line where application_id = $1 and state = 'paid'"
    assert await owner.fetchval(paid, case.id) == line["amount_fen"]


async def test_what_was_sent_back_after_it_was_paid_is_told_and_paid_again(
    client: httpx.AsyncClient, till: Till, background: Jobs
) -> None:
    case = await till.approved()
    batch = await sent(client, till.maker, till.checker, till.town.city)
    await answered(client, till.checker, batch)
    (line,) = await lines_of(client, till.maker, batch)
    back = result_file([(line["reference"], line["amount_fen"], FROZEN_ACCOUNT)])
    done = (await tell(client, till.checker, batch, back)).json()
    assert (done["returned"], done["breaks"], await state_of(client, case)) == (1, 0, "payment_failed")
    for _ in range(2):
        async with background.work() as work:
            fact = {"application_id": str(case.id), "action": "return_payment", "to_state": "payment_failed"}
            await tell_of_application(work, fact)
    (message,) = (await client.get("/me/messages", headers=case.applicant.headers)).json()["items"]
    assert message["title"] == "款项没有发放成功"
    assert "冻结" in message["text"]
    rated = await post(client, case.applicant, f"/applications/{case.id}/rating", {"score": 5})
    refused(rated, 409, "not_allowed_now")
    (line,) = await lines_of(client, till.maker, batch)
    assert (line["state"], line["remedy"]) == ("returned", "hold")
    again = await turn_line(client, till.maker, line | {"batch": batch}, "reissue", "账户已经解冻")
    assert again.json()["state"] == "approved"
    second = await sent(client, till.maker, till.checker, till.town.city)
    await answered(client, till.checker, second)
    assert await state_of(client, case) == "paid"


async def test_what_is_not_paid_again_is_written_off_with_a_reason_by_another_than_makes_payments(
    client: httpx.AsyncClient, till: Till
) -> None:
    case, line = await failed(client, till, DIED)
    assert line["remedy"] == "write_off"
    refused(await turn_line(client, till.maker, line, "reissue"), 409, "not_reissued")
    refused(await turn_line(client, till.maker, line, "write_off", "家属确认"), 403, "not_allowed")
    bare = refused(await turn_line(client, till.checker, line, "write_off"), 422)
    assert bare["errors"][0]["code"] == "note_required"
    done = await turn_line(client, till.checker, line, "write_off", "收款人已经死亡，家属确认不再发放")
    assert (done.status_code, done.json()["state"]) == (200, "withdrawn"), done.text
    shown = (await client.get(f"/applications/{case.id}", headers=case.applicant.headers)).json()
    assert shown["timeline"][-1]["note"] == "收款人已经死亡，家属确认不再发放"
    (line,) = [each | {"batch": line["batch"]} for each in await lines_of(client, till.checker, line["batch"])]
    assert line["state"] == "written_off"
    refused(await turn_line(client, till.checker, line, "write_off", "再一次"), 409, "not_allowed_now")
    refused(await turn_line(client, till.maker, line | {"version": 1}, "reissue"), 412, "stale_version")


async def test_a_line_of_a_round_that_is_over_is_no_news(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    """It was paid, and more was granted since: that the first is sent back now is for people to look into."""
    case = await till.approved()
    batch = await sent(client, till.maker, till.checker, till.town.city)
    await answered(client, till.checker, batch)
    (line,) = await lines_of(client, till.maker, batch)
    await owner.execute("update application set state = 'public_notice', round = 2 where id = $1", case.id)
    back = result_file([(line["reference"], line["amount_fen"], WRONG_NUMBER)])
    done = (await tell(client, till.checker, batch, back)).json()
    assert (done["returned"], done["breaks"]) == (0, 1)
    (found,) = (await client.get(f"{BATCHES}/{batch['id']}/breaks", headers=till.maker.headers)).json()["items"]
    assert (found["kind"], found["line_id"]) == ("moved_on", line["id"])


async def test_only_the_rest_is_paid_of_what_was_raised(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    case = await till.approved(amount_fen=1_000_00)
    await answered(client, till.checker, await sent(client, till.maker, till.checker, till.town.city))
    await till.world.noticed(case.id, case.applicant, case.home, case.kind, round=2)
    await owner.execute(
        "update application set state = 'approved', round = 2, amount_fen = 250000, paid_before_fen = 100000 "
        "where id = $1", case.id,
    )  # fmt: skip
    batch = await sent(client, till.maker, till.checker, till.town.city)
    (line,) = await lines_of(client, till.maker, batch)
    assert line["amount_fen"] == 1_500_00
    await answered(client, till.checker, batch)
    paid = "select sum(amount_fen) from payment_line where application_id = $1 and state = 'paid'"
    assert await owner.fetchval(paid, case.id) == 2_500_00


# ---- what the database says, whatever a command forgets ----


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("amount_fen = 300001", "ck_payment_line_path"),
        ("state = 'paid', answered_at = now()", "ck_payment_line_path"),
        ("state = 'sent', sent_at = now()", "ck_payment_line_path"),
        ("state = 'dropped'", "ck_payment_line_path"),
    ],
)
async def test_a_line_is_neither_changed_nor_moved_out_of_turn(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection, change: str, constraint: str
) -> None:
    await till.approved()
    batch = await built(client, till.maker, till.town.city)
    with pytest.raises(asyncpg.CheckViolationError) as no:
        await owner.execute(f"update payment_line set {change} where batch_id = $1", UUID(batch["id"]))
    assert no.value.constraint_name == constraint


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("total_fen = 1", "ck_payment_batch_unchanged"),
        ("content = 'x', sha256 = encode(sha256('x'), 'hex')", "ck_payment_batch_unchanged"),
        ("state = 'built'", "ck_payment_batch_path"),
        ("state = 'frozen'", "ck_payment_batch_path"),
    ],
)
async def test_what_is_sent_stays_what_it_is(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection, change: str, constraint: str
) -> None:
    await till.approved()
    batch = await sent(client, till.maker, till.checker, till.town.city)
    with pytest.raises(asyncpg.CheckViolationError) as no:
        await owner.execute(f"update payment_batch set {change} where id = $1", UUID(batch["id"]))
    assert no.value.constraint_name == constraint


async def test_never_more_is_paid_than_was_approved_and_never_to_a_card_that_nobody_checked(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    """A line that would pay it a second time, in whatever way it came into the table."""
    case = await till.approved()
    await answered(client, till.checker, await sent(client, till.maker, till.checker, till.town.city))
    other = await till.approved()
    batch = await built(client, till.maker, till.town.city)
    copied = """
        insert into payment_line (id, created_at, batch_id, serial, application_id, round, number, kind,
          applicant_masked, organisation_name, amount_fen, card_id, card_masked, bank_name, state)
        select gen_random_uuid(), now(), $1, 9, application_id, round, number, kind, applicant_masked,
          organisation_name, amount_fen, card_id, card_masked, bank_name, 'waiting'
        from payment_line where application_id = $2 limit 1
    """
    with pytest.raises(asyncpg.CheckViolationError, match="pays what was approved"):
        await owner.execute(copied, UUID(batch["id"]), case.id)
    await owner.execute("update application set state = 'approved' where id = $1", case.id)
    with pytest.raises(asyncpg.CheckViolationError, match="never more than was approved"):
        await owner.execute(copied, UUID(batch["id"]), case.id)
    with pytest.raises(asyncpg.UniqueViolationError, match="uq_payment_line"):
        await owner.execute(copied, UUID(batch["id"]), other.id)
    third = await till.approved()
    await owner.execute("update bank_card set checked = null where person_id = $1", third.applicant.id)
    left_out = await why_out(client, till.maker, till.town.city)
    assert (left_out[third.number], left_out[other.number]) == ("card_unchecked", "in_another_batch")
