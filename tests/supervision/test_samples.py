"""A sample after payment: what it is drawn from is fixed before anybody knows it, and anybody can draw it again."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import Kind
from app.db.transaction import Sight
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.supervision.rules import HEADER
from app.supervision.tables import PaymentSample
from tests.calling import post
from tests.http.refusals import refused
from tests.make import AMOUNT_FEN, NOW, Case, Someone, unique
from tests.paying import FROZEN_ACCOUNT, answered, lines_of, paid, result_file, sent, tell
from tests.payments.conftest import Till
from tests.supervision.sampling import (
    SAMPLES,
    SOON,
    announce,
    announced,
    checks,
    draw,
    drawn,
    ended,
    population,
    redrawn,
)


async def several(till: Till) -> list[Case]:
    """Two kinds in two districts."""
    units = till.town.units
    kinds = (Kind.HARDSHIP_AID, Kind.HARDSHIP_AID, Kind.GOLDEN_AUTUMN)
    return [await till.approved(kind=kind, home=unit) for unit in (units[0], units[2]) for kind in kinds]


async def test_what_the_system_draws_the_script_draws_again_offline(
    client: httpx.AsyncClient, till: Till, auditor: Someone, tmp_path: Path
) -> None:
    cases = await several(till)
    await paid(client, till.maker, till.checker, till.town.city)
    sample = await drawn(client, auditor, till.town.city, size=5)
    assert (sample["state"], sample["lines"], sample["fen"]) == ("drawn", 6, 6 * AMOUNT_FEN)
    assert [(s["lines"], s["drawn"]) for s in sample["strata"]] == [(1, 1), (2, 2), (1, 1), (2, 1)]
    content = await population(client, auditor, sample)
    assert hashlib.sha256(content).hexdigest() == sample["population_sha256"]
    assert content.decode().splitlines()[0] == ",".join(HEADER)
    assert not any(case.number in content.decode() or case.applicant.name in content.decode() for case in cases)
    listed = await checks(client, auditor, sample)
    again = redrawn(tmp_path / "list.csv", content, sample)
    assert again.stdout.split() == [check["line_id"] for check in listed], again.stderr
    assert [check["serial"] for check in listed] == [1, 2, 3, 4, 5]
    assert {check["state"] for check in listed} == {"open"}


@pytest.mark.parametrize("change", ["amount", "line", "seed"])
async def test_the_script_notices_whatever_was_tampered_with(
    client: httpx.AsyncClient, till: Till, auditor: Someone, tmp_path: Path, change: str
) -> None:
    await till.approved()
    await till.approved()
    await paid(client, till.maker, till.checker, till.town.city)
    sample = await drawn(client, auditor, till.town.city, size=1)
    content = await population(client, auditor, sample)
    if change == "amount":
        content = content.replace(str(AMOUNT_FEN).encode(), str(AMOUNT_FEN + 1).encode(), 1)
    elif change == "line":
        content = b"\n".join(content.splitlines()[:-1]) + b"\n"
    else:
        sample["seed"] = "0" * 32
    again = redrawn(tmp_path / "list.csv", content, sample)
    assert (again.returncode, again.stdout) == (1, "")
    assert "不一致" in again.stderr


async def test_the_seed_is_sealed_until_the_list_is_frozen_and_nobody_chooses_it(
    client: httpx.AsyncClient, till: Till, auditor: Someone, owner: asyncpg.Connection
) -> None:
    await till.approved()
    await paid(client, till.maker, till.checker, till.town.city)
    sample = (await announce(client, auditor, till.town.city, until=datetime.now(NOW.tzinfo) + 3 * SOON)).json()
    assert (sample["seed"], sample["population_sha256"], sample["state"]) == (None, None, "announced")
    refused(await draw(client, auditor, sample), 409, "sample_not_due")
    refused(await client.get(f"{SAMPLES}/{sample['id']}/population", headers=auditor.headers), 409, "sample_not_drawn")
    shown = (await client.get(f"{SAMPLES}/{sample['id']}", headers=auditor.headers)).json()
    assert (shown["summary"], shown["strata"]) == (None, [])
    await ended(sample)
    shown = (await draw(client, auditor, sample)).json()
    assert hashlib.sha256(shown["seed"].encode()).hexdigest() == sample["seed_sha256"] == shown["seed_sha256"]
    # And nobody changes it afterwards, whatever a query says.
    for change in ("seed = null", f"population = '{unique()}'", "size = 1", "state = 'announced'"):
        with pytest.raises(asyncpg.CheckViolationError):
            async with till.world.jobs.begin(Sight("job")) as transaction:
                await transaction.connection.execute(f"update payment_sample set {change} where id = '{sample['id']}'")


async def test_of_two_who_draw_at_once_one_draws(
    client: httpx.AsyncClient, till: Till, auditor: Someone, owner: asyncpg.Connection
) -> None:
    await several(till)
    await paid(client, till.maker, till.checker, till.town.city)
    other = await till.world.staff(Role.AUDITOR, till.town.city, consents=())
    sample = await announced(client, auditor, till.town.city, size=4)
    await ended(sample)
    both = await asyncio.gather(*(draw(client, who, sample) for who in (auditor, other, auditor, other)))
    assert sorted(answer.status_code for answer in both) == [200, 409, 409, 409]
    for answer in both:
        if answer.status_code == 409:
            refused(answer, 409, "sample_already_drawn")
    assert await owner.fetchval("select count(*) from payment_check where sample_id = $1", sample["id"]) == 4


async def test_what_is_paid_or_comes_back_later_changes_no_list(
    client: httpx.AsyncClient, till: Till, auditor: Someone
) -> None:
    case = await till.approved()
    batch = await paid(client, till.maker, till.checker, till.town.city)
    first = await drawn(client, auditor, till.town.city, size=3)
    content, listed = await population(client, auditor, first), await checks(client, auditor, first)
    await till.approved()
    await paid(client, till.maker, till.checker, till.town.city)
    (line,) = await lines_of(client, till.checker, batch)
    back = await tell(client, till.checker, batch, result_file([(line["reference"], AMOUNT_FEN, FROZEN_ACCOUNT)]))
    assert back.json()["returned"] == 1, back.text
    assert await population(client, auditor, first) == content
    assert await checks(client, auditor, first) == listed
    refused(await draw(client, auditor, first), 409, "sample_already_drawn")
    # Another sample over both: what came back was paid all the same, and is looked at.
    second = await drawn(client, auditor, till.town.city, size=3)
    assert (second["lines"], second["fen"]) == (2, 2 * AMOUNT_FEN)
    assert case.number in {check["number"] for check in await checks(client, auditor, second)}


async def test_what_was_not_paid_and_what_was_paid_before_is_on_no_list(
    client: httpx.AsyncClient, till: Till, auditor: Someone
) -> None:
    failed, _ = await till.approved(), await till.approved()
    batch = await sent(client, till.maker, till.checker, till.town.city)
    await answered(client, till.checker, batch, {failed.number: FROZEN_ACCOUNT})
    sample = await drawn(client, auditor, till.town.city)
    assert sample["lines"] == 1
    late = await announce(client, auditor, till.town.city, since=datetime.now(NOW.tzinfo).isoformat())
    await ended(late.json())
    empty = (await draw(client, auditor, late.json())).json()
    assert (empty["lines"], empty["fen"], empty["strata"], empty["summary"]["share"]) == (0, 0, [], None)


async def test_a_sample_that_cannot_be_is_refused_by_name(
    client: httpx.AsyncClient, till: Till, auditor: Someone
) -> None:
    city = till.town.city
    over = refused(await announce(client, auditor, city, until=NOW - timedelta(hours=1)), 422, "invalid")
    assert over["errors"][0]["code"] == "period_over"
    later = (datetime.now(NOW.tzinfo) + timedelta(days=2)).isoformat()
    empty = refused(await announce(client, auditor, city, since=later), 422, "invalid")
    assert empty["errors"][0]["code"] == "period_empty"
    for size in (0, 1001, "5", 1.5, True):
        refused(await announce(client, auditor, city, size), 422, "invalid")  # type: ignore[arg-type]
    wanted: dict[str, Any] = {"until": datetime.now(NOW.tzinfo) + timedelta(days=1)}
    both = await asyncio.gather(*(announce(client, auditor, city, **wanted) for _ in range(2)))
    first, second = sorted(both, key=lambda answer: answer.status_code)
    assert first.status_code == 201, first.text
    refused(second, 409, "sample_already_announced")
    refused(await post(client, auditor, f"{SAMPLES}/{first.json()['id']}/draw", version=7), 412, "stale_version")


async def test_the_database_itself_takes_no_sample_of_a_period_that_is_over(till: Till, auditor: Someone) -> None:
    scope = {f"{tier}_id": union for tier, union in till.town.city.ancestors.items()}
    with pytest.raises(asyncpg.CheckViolationError, match="announced_before"):
        await till.world.insert(
            PaymentSample, id=new_id(), created_at=NOW, organisation_id=till.town.city.id, organisation_name="-",
            since=NOW - timedelta(days=2), until=NOW, size=1, state="announced", version=1, announced_by=auditor.id,
            seed_sha256="0" * 64, seed_sealed=b"-", **scope,
        )  # fmt: skip
