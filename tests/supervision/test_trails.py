"""The trail of a payment that came back and was paid again, and that of a fund to the fen."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from app.applications.path import Kind
from app.funds import ledger
from app.jobs.running import Jobs
from app.kernel.actor import Role
from tests import calling
from tests.funds.making import treasury_of
from tests.make import AMOUNT_FEN, TODAY, Case, Someone, World, unique
from tests.paying import BATCHES, DIED, FROZEN_ACCOUNT, answered, lines_of, paid, result_file, sent, tell
from tests.payments.conftest import Till


async def paid_twice(client: httpx.AsyncClient, till: Till) -> tuple[Case, dict[str, Any], dict[str, Any]]:
    """Paid, sent back by the bank, and paid again by another line."""
    case = await till.approved()
    first = await paid(client, till.maker, till.checker, till.town.city)
    (line,) = await lines_of(client, till.maker, first)
    back = await tell(client, till.checker, first, result_file([(line["reference"], AMOUNT_FEN, FROZEN_ACCOUNT)]))
    assert back.json()["returned"] == 1, back.text
    (line,) = await lines_of(client, till.maker, first)
    path = f"{BATCHES}/{first['id']}/lines/{line['id']}/actions"
    again = await calling.post(client, till.maker, path, {"action": "reissue"}, line["version"])
    assert again.status_code == 200, again.text
    second = await sent(client, till.maker, till.checker, till.town.city)
    await answered(client, till.checker, second)
    return case, first, second


async def trail(client: httpx.AsyncClient, by: Someone, case: Case) -> Any:
    answer = await client.get(f"/staff/applications/{case.id}/money_trail", headers=by.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_trail_tells_in_order_where_the_money_went_and_came_back_from(
    client: httpx.AsyncClient, till: Till, auditor: Someone
) -> None:
    case, first, second = await paid_twice(client, till)
    shown = await trail(client, auditor, case)
    assert (shown["applications"], shown["paid_fen"], shown["more"]) == (1, AMOUNT_FEN, False)
    items = shown["items"]
    assert items == sorted(items, key=lambda each: each["at"])
    kinds = [each["kind"] for each in items if each["kind"] not in ("step", "notice", "reservation")]
    assert kinds == ["application", "batch", "line", "payment", "line", "return", "batch", "line", "payment"]
    assert {"step", "notice", "reservation"} <= {each["kind"] for each in items}
    batches = [each for each in items if each["kind"] == "batch"]
    assert [each["hashes"]["batch"] for each in batches] == [first["sha256"], second["sha256"]]
    assert batches[1]["ids"]["reissue_of"] == batches[0]["ids"]["line"]
    assert "重新发放" in batches[1]["text"]
    said = "".join(each["text"] for each in items)
    assert case.number in said
    assert case.applicant.name not in said
    assert f"付后退汇，返回码 {FROZEN_ACCOUNT}" in said
    assert all(each["text"].endswith("。") for each in items)


async def test_what_never_arrived_and_was_written_off_is_not_told_as_paid(
    client: httpx.AsyncClient, till: Till, auditor: Someone
) -> None:
    case = await till.approved()
    batch = await sent(client, till.maker, till.checker, till.town.city)
    await answered(client, till.checker, batch, {case.number: DIED})
    (line,) = await lines_of(client, till.maker, batch)
    ended = {"action": "write_off", "note": "收款人已经死亡"}
    path = f"{BATCHES}/{batch['id']}/lines/{line['id']}/actions"
    answer = await calling.post(client, till.checker, path, ended, line["version"])
    assert answer.status_code == 200, answer.text
    shown = await trail(client, auditor, case)
    said = "".join(each["text"] for each in shown["items"])
    assert f"没有付到，返回码 {DIED}" in said
    assert (shown["paid_fen"], "付后退汇" in said) == (0, False)


async def test_a_household_is_followed_over_the_applications_of_all_who_live_in_it_and_each_is_told(
    client: httpx.AsyncClient, till: Till, auditor: Someone, owner: asyncpg.Connection
) -> None:
    one = await till.approved()
    insured = await till.approved(kind=Kind.SECONDARY_MEDICAL, who=one.applicant, card=False)
    household = await owner.fetchval("select household_id from application where id = $1", one.id)
    spouse = await till.approved(kind=Kind.GOLDEN_AUTUMN, household_id=household)
    stranger = await till.approved()
    shown = await trail(client, auditor, one)
    assert {each["number"] for each in shown["items"]} == {one.number, insured.number, spouse.number}
    assert stranger.number not in str(shown)
    told = await owner.fetch(
        "select subject_person_id from audit_entry where person_id = $1 and action = 'application.trail_read'",
        auditor.id,
    )
    assert {row["subject_person_id"] for row in told} == {one.applicant.id, spouse.applicant.id}


async def test_cards_are_told_to_whoever_pays_or_supervises_and_each_look_leaves_a_trace(
    client: httpx.AsyncClient, till: Till, auditor: Someone, owner: asyncpg.Connection
) -> None:
    case, *_ = await paid_twice(client, till)
    reviewer = await till.world.staff(Role.CITY_REVIEWER, till.town.city, consents=())
    for who, told in ((auditor, True), (till.checker, True), (reviewer, False)):
        said = "".join(each["text"] for each in (await trail(client, who, case))["items"])
        assert ("中国工商银行" in said) is told
    looked = await client.get("/me/access_log", headers=case.applicant.headers)
    assert looked.status_code == 200, looked.text
    entries = await owner.fetchval(
        "select count(*) from audit_entry where subject_id = $1 and action = 'application.trail_read'", case.id
    )
    assert entries == 3
    assert "trail_read" in looked.text


async def test_a_district_sees_the_whole_trail_of_its_own_case_though_the_city_paid(
    client: httpx.AsyncClient, till: Till
) -> None:
    case, *_ = await paid_twice(client, till)
    district = await till.world.staff(Role.AUDITOR, till.town.districts[0], consents=())
    shown = await trail(client, district, case)
    kinds = [each["kind"] for each in shown["items"]]
    assert (kinds.count("batch"), kinds.count("payment"), kinds.count("return")) == (2, 2, 1)
    assert shown["paid_fen"] == AMOUNT_FEN


async def test_a_fund_is_followed_page_by_page_and_every_balance_is_the_ledgers(
    client: httpx.AsyncClient, world: World, background: Jobs
) -> None:
    treasury = await treasury_of(world)
    city = treasury.town.city
    body = {
        "code": unique("ZJ-"), "name": "爱心企业捐赠", "source": "donation", "year": TODAY.year,
        "organisation_code": city.code, "kinds": ["hardship_aid"], "intent": "帮助困难职工",
    }  # fmt: skip
    fund = (await calling.post(client, treasury.maker, "/staff/funds", body)).json()["id"]
    version = 1
    for n in range(3):
        paper = {"amount_fen": 10_000_00, "reference": f"JZ-{n}"}
        got = await calling.post(client, treasury.maker, f"/staff/funds/{fund}/receipts", paper, version)
        version = got.json()["version"]
    wanted = {
        "fund_id": fund, "kind": "hardship_aid", "year": TODAY.year, "to_organisation_code": city.code,
        "amount_fen": 20_000_00, "reason": "年度预算",
    }  # fmt: skip
    proposed = (await calling.post(client, treasury.maker, "/staff/allocations", wanted)).json()
    path = f"/staff/allocations/{proposed['id']}/actions"
    decided = await calling.post(client, treasury.checker, path, {"action": "approve"}, proposed["version"])
    assert decided.status_code == 200, decided.text
    till = Till(world, treasury.town, treasury.maker, treasury.checker)
    await funded_and_paid(client, till)
    items, now = await followed(client, treasury.maker, fund)
    assert [each["kind"] for each in items] == [
        "donation", "donation", "donation", "allocation", "payment", "return", "payment",
    ]  # fmt: skip
    stood = [(each["unallocated_fen"], each["in_hand_fen"], each["granted_fen"]) for each in items]
    assert stood == [
        (10_000_00, 0, 0), (20_000_00, 0, 0), (30_000_00, 0, 0), (10_000_00, 20_000_00, 0),
        (10_000_00, 17_000_00, AMOUNT_FEN), (10_000_00, 20_000_00, 0), (10_000_00, 17_000_00, AMOUNT_FEN),
    ]  # fmt: skip
    async with background.work() as work:
        rows = await ledger.balances(work.transaction, UUID(fund), TODAY + timedelta(days=1))
    balances: dict[str, int] = {}
    for row in rows:
        balances[row["account"]] = balances.get(row["account"], 0) + row["balance_fen"]
    held = balances["allocated"] + balances.get("returned", 0)
    assert stood[-1] == (balances["unallocated"], held, balances["granted"])
    assert now == {
        "received_fen": 30_000_00, "allocated_fen": 20_000_00, "reserved_fen": 0, "committed_fen": 0,
        "spent_fen": AMOUNT_FEN,
    }  # fmt: skip
    assert items[4]["reserved_at"] is not None
    assert items[4]["number"] in items[4]["text"]
    assert [each["amount_fen"] for each in items[3:]] == [20_000_00, AMOUNT_FEN, AMOUNT_FEN, AMOUNT_FEN]


async def funded_and_paid(client: httpx.AsyncClient, till: Till) -> None:
    case, *_ = await paid_twice(client, till)
    assert case.number


async def followed(client: httpx.AsyncClient, by: Someone, fund: str) -> tuple[list[Any], Any]:
    """All pages of two, which hold together without a gap."""
    items, cursor, now = list[Any](), None, None
    for _ in range(20):
        query: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(f"/staff/funds/{fund}/trail", params=query, headers=by.headers)).json()
        items, cursor, now = items + page["items"], page["next_cursor"], page["now"]
        if cursor is None:
            break
    return items, now
