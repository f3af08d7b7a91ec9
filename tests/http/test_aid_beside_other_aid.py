"""What the household already has, here or from our own insurance, counts before more is given."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests import make
from tests.make import TODAY, Someone, World


async def draft(client: httpx.AsyncClient, worker: Someone, kind: str, form: dict[str, Any]) -> httpx.Response:
    return await client.post("/applications", json={"kind": kind, "form": form}, headers=worker.headers | make.keyed())


async def submitted(client: httpx.AsyncClient, worker: Someone, kind: str, form: dict[str, Any]) -> dict[str, Any]:
    drafted = await draft(client, worker, kind, form)
    answer = await client.post(
        f"/applications/{drafted.json()['id']}/submit",
        headers=worker.headers | make.keyed() | {"If-Match": drafted.headers["etag"]},
    )
    assert answer.status_code == 200, answer.text
    decision: dict[str, Any] = answer.json()["decision"]
    return decision


async def previewed(client: httpx.AsyncClient, worker: Someone, form: dict[str, Any]) -> dict[str, Any]:
    drafted = await draft(client, worker, "hardship_aid", form)
    answer = await client.post(f"/applications/{drafted.json()['id']}/preview", headers=worker.headers | make.keyed())
    decision: dict[str, Any] = answer.json()
    return decision


def medical_aid(days_ago: int, mutual_aid_paid_fen: int = 0) -> dict[str, Any]:
    """A bill of 10,000 yuan that was settled so many days ago; the form admits this much of mutual aid."""
    settled_on = str(TODAY - timedelta(days=days_ago))
    return {
        "item": "medical",
        "requested_fen": 20_000_00,
        "reason": "住院自付较多",
        "medical": {"self_paid_fen": 10_000_00, "mutual_aid_paid_fen": mutual_aid_paid_fen, "settled_on": settled_on},
    }


@pytest.mark.parametrize(("days_ago", "deducted"), [(10, True), (17, True), (18, False), (3, True)])
async def test_our_own_insurance_is_deducted_from_the_same_bill_whatever_the_form_says(
    client: httpx.AsyncClient, world: World, days_ago: int, deducted: bool
) -> None:
    town = await world.town()
    worker = await world.worker(town.units[0])
    claim = await submitted(client, worker, "secondary_medical", make.secondary_medical())
    assert claim["amount_fen"] > 0

    decision = await previewed(client, worker, medical_aid(days_ago))

    assert decision["amount_fen"] == 10_000_00 - (claim["amount_fen"] if deducted else 0)


async def test_what_the_form_admits_counts_where_it_is_more(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    worker = await world.worker(town.units[0])
    claim = await submitted(client, worker, "secondary_medical", make.secondary_medical())

    decision = await previewed(client, worker, medical_aid(10, claim["amount_fen"] + 1))

    assert decision["amount_fen"] == 10_000_00 - claim["amount_fen"] - 1


async def test_a_bill_that_was_aided_is_not_aided_again(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    worker = await world.worker(town.units[0])
    first = await submitted(client, worker, "hardship_aid", medical_aid(10) | {"requested_fen": 4_000_00})

    assert first["amount_fen"] == 4_000_00
    assert (await previewed(client, worker, medical_aid(11)))["amount_fen"] == 6_000_00


async def test_another_workers_claim_is_not_deducted(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    other, worker = await world.worker(town.units[0]), await world.worker(town.units[0])
    await submitted(client, other, "secondary_medical", make.secondary_medical())

    assert (await previewed(client, worker, medical_aid(10)))["amount_fen"] == 10_000_00


async def test_aid_of_this_year_counts_as_income_and_the_class_is_found_again(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    worker = await world.worker(town.units[0])
    living = await submitted(client, worker, "hardship_aid", make.living_aid(requested_fen=4_000_00))

    decision = await previewed(client, worker, medical_aid(10))

    assert living["amount_fen"] == 4_000_00
    again = next(reason for reason in decision["reasons"] if reason["rule"] == "hardship_after_earlier_aid")
    assert (again["met"], "4,000.00元" in again["given"]) == (True, True)
    assert decision["amount_fen"] == 10_000_00


async def test_who_has_a_file_is_pointed_to_the_other_items(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    worker = await world.worker(town.units[0])

    decision = await previewed(client, worker, make.living_aid(item="temporary"))

    assert [change["rule"] for change in decision["changes"]] == ["temporary_without_file"]


async def test_a_decision_names_every_version_it_rests_on(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    worker = await world.worker(town.units[0])

    decision = await previewed(client, worker, make.living_aid())

    assert [each["kind"] for each in decision["policy"]["rests_on"]] == [
        "household_criteria",
        "minimum_living_standard",
        "household_upkeep",
    ]
    assert sum(step["amount_fen"] for step in decision["trace"]) == decision["amount_fen"]
