"""A break is explained by a person with a reason, and not by whoever made the batch or is near them."""

import asyncio
import json
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.audit.tables import AuditEntry
from app.jobs.running import Jobs
from app.jobs.telling.handlers import tell_supervisors
from app.kernel.actor import Role
from app.messaging.tables import OutMessage
from tests.calling import post
from tests.http.refusals import refused
from tests.make import Someone
from tests.reconciliations.making import PLACE, Books, Told
from tests.relatives.making import declared

REASON = "银行书面答复：系统重复记账，已经更正"


async def broken(client: httpx.AsyncClient, books: Books, jobs: Jobs) -> dict[str, Any]:
    (line,) = await books.plant([(50_000, "paid")])
    await books.told(client, [line.out(50_001)])
    await books.reconciled(client, jobs)
    (one,) = await books.breaks(client)
    return one


async def explain(client: httpx.AsyncClient, by: Someone, one: dict[str, Any], version: int = 1) -> httpx.Response:
    body = {"action": "explain", "reason": REASON}
    return await post(client, by, f"{PLACE}/breaks/{one['id']}/actions", body, version)


async def test_another_than_the_maker_says_why_and_other_figures_open_it_anew(
    client: httpx.AsyncClient, books: Books, background: Jobs, owner: asyncpg.Connection
) -> None:
    one = await broken(client, books, background)
    refused(await explain(client, books.maker, one), 403, "not_allowed")
    both = await books.world.person(posts=((Role.FINANCE_CHECKER, books.city),), consents=())
    await books.past("update payment_batch set maker_id = $1 where id = $2", both.id, UUID(one["batch_id"]))
    refused(await explain(client, both, one), 403, "own_batch_break")
    near = await books.world.staff(Role.FINANCE_CHECKER, books.city, consents=())
    await declared(books.world, near, both)
    refused(await explain(client, near, one), 403, "own_batch_break")
    refused(await explain(client, books.checker, one, 7), 412, "stale_version")
    answers = await asyncio.gather(*(explain(client, books.checker, one) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    shown = (await client.get(f"{PLACE}/breaks/{one['id']}", headers=books.maker.headers)).json()
    assert shown["state"] == "explained"
    assert [each["reason"] for each in shown["explanations"]] == [REASON]
    sealed = await owner.fetchval("select reason from break_explanation where break_id = $1", UUID(one["id"]))
    assert REASON.encode() not in sealed
    await books.reconciled(client, background)
    assert await books.found(client) == set(), "what was explained stays explained"
    change = "update bank_statement_line set amount_fen = amount_fen + 1 where organisation_id = $1"
    await books.past(change, books.city.id)
    await books.reconciled(client, background)
    (again,) = await books.breaks(client)
    assert (again["id"], again["times"], again["found_fen"]) == (one["id"], 2, 50_002)
    refused(await explain(client, books.checker, one, shown["version"]), 412, "stale_version")
    assert (await explain(client, books.checker, one, again["version"])).status_code == 200
    shown = (await client.get(f"{PLACE}/breaks/{one['id']}", headers=books.checker.headers)).json()
    assert [each["found_fen"] for each in shown["explanations"]] == [50_001, 50_002]
    done = f"select count(*) from {AuditEntry.__tablename__} where subject_id = $1 and action like '%explained'"
    assert await owner.fetchval(done, UUID(one["id"])) == 2
    refused(await explain(client, books.checker, one, shown["version"]), 409, "break_not_open")


async def test_nobody_who_made_any_batch_with_a_line_of_the_application_says_why(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    """A second payment has a batch of its own: whoever made the first knows why there are two."""
    one = await broken(client, books, background)
    (again,) = await books.plant([(50_000, "returned")])
    first, case = UUID(one["subject_id"]), UUID(one["application_id"])
    await books.past(
        "update payment_line set application_id = $1, reissue_of = $2 where id = $3", case, first, again.id
    )
    for column in ("maker_id", "maker_for"):
        maker = await books.world.staff(Role.FINANCE_CHECKER, books.city, consents=())
        await books.past(f"update payment_batch set {column} = $1 where id = $2", maker.id, again.batch_id)
        refused(await explain(client, maker, one), 403, "own_batch_break")
    assert (await explain(client, books.checker, one)).status_code == 200


async def test_whose_own_application_it_is_stands_aside(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    one = await broken(client, books, background)
    change = "update application set applicant_id = $1 where id = $2"
    await books.past(change, books.checker.id, UUID(one["application_id"]))
    refused(await explain(client, books.checker, one), 403, "recused")


async def test_breaks_are_of_ones_own_unions_and_counted_by_age(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    one = await broken(client, books, background)
    old = "update reconciliation_break set opened_at = now() - interval '12 days' where id = $1"
    await books.told(client, [Told("out", 5)])
    await books.reconciled(client, background)
    await books.past(old, UUID(one["id"]))
    counted = (await client.get(f"{PLACE}/breaks/count", headers=books.checker.headers)).json()
    assert (counted["count"], [band["count"] for band in counted["bands"]]) == (2, [1, 0, 1, 0])
    assert {each["kind"]: each["count"] for each in counted["kinds"]} == {"amount_differs": 1, "unknown_payment": 1}
    first, second = await books.breaks(client)
    assert (first["id"], first["age_days"], second["age_days"]) == (one["id"], 12, 0)
    assert 0 < first["age_working_days"] < 12
    of_kind = await client.get(f"{PLACE}/breaks?kind=unknown_payment", headers=books.checker.headers)
    assert [each["id"] for each in of_kind.json()["items"]] == [second["id"]]
    other = await books.world.staff(Role.FINANCE_CHECKER, await books.world.union("city"), consents=())
    for path in (f"breaks/{one['id']}", "breaks"):
        answer = await client.get(f"{PLACE}/{path}", headers=other.headers)
        assert answer.status_code == 404 if path != "breaks" else answer.json()["items"] == []
    refused(await explain(client, other, one), 404, "money_break_not_found")
    for role in set(Role) - {Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.CITY_LEADER, Role.AUDITOR}:
        somebody = await books.world.staff(role, books.city, consents=())
        for path in ("", "/breaks", "/breaks/count", "/statements", "/closings", f"/breaks/{one['id']}"):
            refused(await client.get(f"{PLACE}{path}", headers=somebody.headers), 403, "not_allowed")


async def test_those_who_supervise_money_are_told_once_of_what_a_run_found(
    client: httpx.AsyncClient, books: Books, background: Jobs, owner: asyncpg.Connection
) -> None:
    leader = await books.world.staff(Role.CITY_LEADER, books.city, consents=())
    await broken(client, books, background)
    query = f"select body from {OutMessage.__tablename__} where name = 'BreaksOpened' and body->>'organisation_id' = $1"
    await owner.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    (row,) = await owner.fetch(query, str(books.city.id))
    for _ in range(2):
        async with background.work() as work:
            await tell_supervisors(work, row["body"])
    for who, count in ((leader, 1), (books.checker, 1), (books.maker, 0)):
        told = (await client.get("/me/messages", headers=who.headers)).json()["items"]
        assert len(told) == count
    assert "差异1条" in (await client.get("/me/messages", headers=leader.headers)).json()["items"][0]["text"]


@pytest.mark.parametrize(
    "change",
    [
        "insert into reconciliation_break select * from reconciliation_break",
        "update reconciliation_break set found_fen = expected_fen",
        "update reconciliation_break set state = 'mended', closed_at = now(), version = 2",
        "update reconciliation_break set state = 'explained', closed_at = now(), version = 2",
        "update reconciliation set state = 'done'",
        "update bank_statement_line set amount_fen = 1",
        "delete from break_explanation",
    ],
)
async def test_the_api_may_not_write_breaks_whatever_a_command_forgets(
    client: httpx.AsyncClient, books: Books, background: Jobs, owner: asyncpg.Connection, change: str
) -> None:
    await broken(client, books, background)
    async with owner.transaction():
        await owner.execute("set local role aid_api")
        told = {"app.door": "staff", "app.person": str(books.checker.id), "app.organisations": f"{{{books.city.id}}}"}
        for name, value in told.items():
            await owner.execute("select set_config($1, $2, true)", name, value)
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.CheckViolationError)):
            async with owner.transaction():
                await owner.execute(change)
        assert await owner.fetchval("select count(*) from reconciliation_break") == 1
        await owner.execute("select set_config('app.organisations', '{}', true)")
        for table in "bank_statement bank_statement_line reconciliation reconciliation_break month_closing".split():
            assert await owner.fetchval(f"select count(*) from {table}") == 0, table
