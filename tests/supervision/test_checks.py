"""What is found of each sampled payment, by whom it may be written down, and what it says of all payments."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from tests.calling import post
from tests.http.refusals import refused
from tests.make import AMOUNT_FEN, Someone
from tests.paying import paid
from tests.payments.conftest import Till
from tests.relatives.making import declared
from tests.supervision.sampling import SAMPLES, checks, drawn

GOOD = {"action": "close", "reached": "yes", "arrived": "yes", "amount": "right", "papers": "complete"}
WRONG = GOOD | {"amount": "wrong", "note": "少付了五百元"}
AWAY = GOOD | {"reached": "no", "arrived": "unknown", "amount": "unknown", "note": "电话打不通"}


async def act(client: httpx.AsyncClient, by: Someone, sample: Any, check: Any, body: dict[str, Any]) -> httpx.Response:
    return await post(client, by, f"{SAMPLES}/{sample['id']}/checks/{check['id']}/actions", body, check["version"])


@pytest.fixture
async def sample(client: httpx.AsyncClient, till: Till, auditor: Someone) -> Any:
    """Three payments, all of them drawn."""
    for _ in range(3):
        await till.approved()
    await paid(client, till.maker, till.checker, till.town.city)
    return await drawn(client, auditor, till.town.city, size=3)


async def test_the_summary_counts_errors_and_says_between_which_limits_the_share_lies(
    client: httpx.AsyncClient, auditor: Someone, sample: Any
) -> None:
    listed = await checks(client, auditor, sample)
    for check, body in zip(listed, (GOOD, WRONG, AWAY), strict=True):
        answer = await act(client, auditor, sample, check, body)
        assert answer.status_code == 200, answer.text
    shown = (await client.get(f"{SAMPLES}/{sample['id']}", headers=auditor.headers)).json()["summary"]
    assert {name: shown[name] for name in ("open", "in_order", "error", "unverifiable", "error_fen")} == {
        "open": 0, "in_order": 1, "error": 1, "unverifiable": 1, "error_fen": AMOUNT_FEN,
    }  # fmt: skip
    assert shown["findings"] == {"not_arrived": 0, "wrong_amount": 1, "papers_missing": 0, "not_reached": 1}
    # Of two that could be verified one was wrong: Wilson's interval at 95 %.
    assert shown["share"] == {"checked": 2, "errors": 1, "share_bp": 5000, "low_bp": 945, "high_bp": 9055}
    assert [check["result"] for check in await checks(client, auditor, sample, state="closed")] == [
        "in_order", "error", "unverifiable",
    ]  # fmt: skip
    assert await checks(client, auditor, sample, state="open") == []


async def test_what_was_found_is_sealed_read_with_a_trace_and_corrected_in_the_open(
    client: httpx.AsyncClient, auditor: Someone, sample: Any, owner: asyncpg.Connection
) -> None:
    check = (await checks(client, auditor, sample))[0]
    closed = (await act(client, auditor, sample, check, WRONG)).json()
    assert (closed["result"], closed["findings"], closed["version"]) == ("error", ["wrong_amount"], 2)
    note = await owner.fetchval("select note from payment_check where id = $1", check["id"])
    assert "少付" not in note.decode("utf-8", "replace")
    path = f"{SAMPLES}/{sample['id']}/checks/{check['id']}"
    assert (await client.get(path, headers=auditor.headers)).json()["note"] == WRONG["note"]
    entry = await owner.fetchrow(
        "select action, details::text as details from audit_entry where subject_id = $1 order by created_at desc",
        check["id"],
    )
    assert entry["action"] == "payment_check.opened"
    assert '"purpose": "supervision"' in entry["details"]
    refused(await act(client, auditor, sample, closed, GOOD), 409, "check_already_closed")
    refused(await act(client, auditor, sample, closed, {"action": "reopen"}), 422, "invalid")
    reopen = {"action": "reopen", "note": "看错了一笔"}
    opened = (await act(client, auditor, sample, closed, reopen)).json()
    assert (opened["state"], opened["result"], opened["arrived"]) == ("open", None, None)
    refused(await act(client, auditor, sample, opened, reopen), 409, "check_still_open")
    again = (await act(client, auditor, sample, opened, GOOD)).json()
    assert (again["result"], again["note"]) == ("in_order", None)
    kept = await owner.fetchval(
        "select details->>'amount' from audit_entry where subject_id = $1 and action = 'payment_check.reopened'",
        check["id"],
    )
    assert kept == "wrong"


TOO_LITTLE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"action": "close"}, "/reached"),
    (GOOD | {"papers": None}, "/papers"),
    (GOOD | {"arrived": "maybe"}, "/arrived"),
    (WRONG | {"note": None}, "/note"),
    (AWAY | {"note": " "}, "/note"),
    (GOOD | {"action": "reopen", "note": "x"}, "/action"),
    (GOOD | {"result": "in_order"}, ""),
)


async def test_an_answer_that_says_too_little_or_contradicts_itself_is_refused(
    client: httpx.AsyncClient, auditor: Someone, sample: Any
) -> None:
    check = (await checks(client, auditor, sample))[0]
    for body, field in TOO_LITTLE:
        problem = refused(await act(client, auditor, sample, check, body), 422, "invalid")
        assert problem["errors"][0]["pointer"] == field


async def test_whoever_had_a_part_in_the_case_or_knows_who_was_paid_does_not_check_it(
    client: httpx.AsyncClient, till: Till, auditor: Someone
) -> None:
    city = till.town.city
    # The checker of the payment holds an auditor's post as well, and so does somebody who was paid.
    payer = await till.world.person(posts=((Role.FINANCE_CHECKER, city), (Role.AUDITOR, city)), consents=())
    worker = await till.world.person(home=till.town.units[0], posts=((Role.AUDITOR, city),))
    await till.approved(who=worker)
    await paid(client, till.maker, payer, city)
    sample = await drawn(client, auditor, city, size=1)
    (check,) = await checks(client, auditor, sample)
    relative = await till.world.staff(Role.AUDITOR, city, consents=())
    await declared(till.world, relative, worker)
    for near in (payer, worker, relative):
        refused(await act(client, near, sample, check, GOOD), 403, "near_the_payment")
    unknown = await till.world.person(posts=((Role.AUDITOR, city),), verified=False, consents=())
    refused(await act(client, unknown, sample, check, GOOD), 409, "identity_required")
    stale = dict(check) | {"version": 9}
    refused(await act(client, auditor, sample, stale, GOOD), 412, "stale_version")
    assert (await act(client, auditor, sample, check, GOOD)).status_code == 200


async def test_two_who_write_at_once_do_not_overwrite_one_another(
    client: httpx.AsyncClient, till: Till, auditor: Someone, sample: Any
) -> None:
    other = await till.world.staff(Role.AUDITOR, till.town.city, consents=())
    check = (await checks(client, auditor, sample))[0]
    both = await asyncio.gather(*(act(client, who, sample, check, WRONG) for who in (auditor, other)))
    assert sorted(answer.status_code for answer in both) == [200, 412]
