"""One set of answers, asked of every kind of aid; nothing is kept."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests import make
from tests.http.refusals import refused
from tests.make import World

HOUSEHOLD = {
    "file_active": None,
    "income_fen_yearly": 30_000_00,
    "rigid_spending_fen": 12_000_00,
    "members": 3,
    "primary_cause": "serious_illness",
}


async def screened(client: httpx.AsyncClient, **answers: Any) -> dict[str, Any]:
    answer = await client.post("/screening", json={"household": HOUSEHOLD} | answers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body | {item["kind"]: item for item in body["items"]}


async def test_a_deeply_poor_household_may_count_on_living_aid_and_is_sent_for_dibao(client: httpx.AsyncClient) -> None:
    seen = await screened(client)

    assert (seen["hardship_aid"]["likely"], seen["hardship_aid"]["amount_fen_max"]) == ("yes", 12 * 872_00)
    assert seen["hardship_aid"]["form"] == {"item": "living", "requested_fen": 12 * 872_00}
    assert seen["dibao"]["likely"] == "yes"
    assert "833.33元" in seen["dibao"]["text"]


async def test_whoever_has_no_file_is_told_to_open_one_first(client: httpx.AsyncClient) -> None:
    seen = await screened(client)

    reasons = {reason["rule"]: reason for reason in seen["hardship_aid"]["reasons"]}
    assert reasons["household_file_active"]["met"] is None
    assert "先建档" in reasons["household_file_active"]["given"]


async def test_a_household_that_is_not_poor_is_told_what_would_be_needed(client: httpx.AsyncClient) -> None:
    seen = await screened(client, household=HOUSEHOLD | {"income_fen_yearly": 900_000_00, "file_active": True})

    assert (seen["hardship_aid"]["likely"], seen["hardship_aid"]["amount_fen_max"]) == ("no", None)
    assert any(reason["met"] is False and reason["needed"] for reason in seen["hardship_aid"]["reasons"])
    assert seen["dibao"]["likely"] == "no"


async def test_what_was_not_answered_is_unknown_by_name(client: httpx.AsyncClient) -> None:
    seen = await screened(client, household=HOUSEHOLD | {"income_fen_yearly": None})

    assert seen["hardship_aid"]["likely"] == "unknown"
    assert any(reason["rule"] == "household_income_unknown" for reason in seen["hardship_aid"]["reasons"])
    assert seen["golden_autumn"]["likely"] == seen["secondary_medical"]["likely"] == "unknown"
    assert seen["dibao"]["likely"] == "unknown"


async def test_the_answers_prefill_applications_of_every_kind(client: httpx.AsyncClient, world: World) -> None:
    someone = await world.worker((await world.town()).units[0])
    claim = make.secondary_medical()
    starts_on = claim["stay"]["admitted_on"][:4] + "-01-01"
    seen = await screened(
        client,
        student={"stage": "undergraduate", "school_public": True, "tuition_fen": 5_000_00},
        medical={"self_paid_fen": 8_000_00, "mutual_aid_paid_fen": 0, "settled_on": str(make.TODAY)},
        claim={
            "form": claim,
            "cover": {"starts_on": starts_on, "ends_on": starts_on[:4] + "-12-31", "joining": "renewal"},
        },
    )

    for kind in ("hardship_aid", "golden_autumn", "secondary_medical"):
        assert seen[kind]["likely"] == "yes", seen[kind]
        drafted = await client.post(
            "/applications",
            json={"kind": kind, "form": seen[kind]["form"]},
            headers=someone.headers | make.keyed(),
        )
        assert drafted.status_code == 201, drafted.text


@pytest.mark.parametrize(
    ("answers", "pointer"),
    [
        ({"household": HOUSEHOLD | {"members": -1}}, "/household/members"),
        ({"household": HOUSEHOLD | {"income_fen_yearly": "1"}}, "/household/income_fen_yearly"),
        ({"household": HOUSEHOLD, "student": {"stage": "kindergarten"}}, "/student/stage"),
        ({"household": HOUSEHOLD, "medical": {"self_paid_fen": 1.5}}, "/medical/self_paid_fen"),
        ({"household": HOUSEHOLD, "unknown": 1}, ""),
        ({}, "/household"),
    ],
)
async def test_a_bad_answer_is_named_by_its_place(
    client: httpx.AsyncClient, answers: dict[str, Any], pointer: str
) -> None:
    problem = refused(await client.post("/screening", json=answers), 422, "invalid")
    assert pointer in {error["pointer"] for error in problem["errors"]}


async def test_nothing_is_kept(client: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    count = "select sum(n_tup_ins) from pg_stat_xact_user_tables"
    before = await owner.fetchval("select count(*) from audit_entry"), await owner.fetchval(count)
    await screened(client)
    assert (await owner.fetchval("select count(*) from audit_entry"), await owner.fetchval(count)) == before
