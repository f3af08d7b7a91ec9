"""The migration that brought plans, over a database in which money had been paid before there were any."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg

from app.db import migrations
from tests.db.test_migrations import empty, on

__all__ = ["empty"]
BEFORE, PLANS = "20261125_household_life", "20261125_plans"
PAID_AT = "timestamptz '2026-03-05 09:00+08'"
CASES: dict[str, tuple[str, str | None, str, str | None]] = {
    "living": ("hardship_aid", "living", "paid", "living_aid"),
    "living_again": ("hardship_aid", "living", "paid", "living_aid"),
    "medical": ("hardship_aid", "medical", "paid", "medical"),
    "schooling": ("golden_autumn", "undergraduate", "paying", "schooling"),
    "insured": ("secondary_medical", None, "paid", None),
    "approved": ("hardship_aid", "accident", "approved", None),
    "refused": ("hardship_aid", "living", "rejected", None),
}
"""Kind, item and state of an application of one household, and the measure that it is to point to."""


class Past:
    """What stood in the database before."""

    def __init__(self) -> None:
        self.city, self.person, self.aided, self.other = (uuid4() for _ in range(4))
        self.ids = {name: uuid4() for name in [*CASES, "temporary"]}


async def fill(connection: asyncpg.Connection, past: Past) -> None:
    await connection.execute(
        "insert into organisation (id, created_at, code, name, level, tier, division_code, receives_unattached, "
        "city_id) values ($1, now(), 'C-1', '市总工会', 'city', 'city', '440500', true, $1)", past.city,
    )  # fmt: skip
    await connection.execute(
        "insert into person (id, created_at, openid_index, openid, version) values ($1, now(), $2, $2, 1)",
        past.person, b"someone",
    )  # fmt: skip
    for number, (household_id, state) in enumerate(((past.aided, "active"), (past.other, "lifted"))):
        await connection.execute(
            "insert into household (id, created_at, updated_at, number, person_id, city_id, state, round, version, "
            "form, head_masked, submitted_at, active_at) values ($1, now(), now(), $2, $3, $4, $5, 1, 1, $6, '陈*明', "
            "timestamptz '2020-01-02 00:00+08', timestamptz '2020-02-03 23:30+08')",
            household_id, f"DA-{number}", past.person, past.city, state, b"sealed",
        )  # fmt: skip
    for name, (kind, item, state, _) in CASES.items():
        await apply(connection, past, name, kind, item, state, past.aided)
    # Aid to a person: no file stands behind it.
    await apply(connection, past, "temporary", "hardship_aid", "temporary", "paid", None)


async def apply(connection: asyncpg.Connection, past: Past, name: str, *told: Any) -> None:
    kind, item, state, household_id = told
    columns = (
        "id, created_at, updated_at, number, kind, period, applicant_id, applicant_masked, household_id, city_id, "
        "organisation_name, state, round, version, form, item, submitted_at, approved_at, paid_at"
    )
    paid_at = PAID_AT if state == "paid" else "null"
    await connection.execute(
        f"insert into application ({columns}) values ($1, now(), now(), $2, $3, $2, $4, '陈*明', $5, $6, '市总工会', "
        f"$7, 1, 1, $8, $9, {PAID_AT}, {PAID_AT}, {paid_at})",
        past.ids[name], name, kind, past.person, household_id, past.city, state, b"sealed", item,
    )  # fmt: skip


async def found(connection: asyncpg.Connection) -> dict[str, Any]:
    rows = await connection.fetch(
        "select a.id, m.kind, m.state as measure, m.result, p.state, p.origin, p.household_id, p.result as ended "
        "from application a left join measure m on m.id = a.measure_id left join plan p on p.id = m.plan_id"
    )
    kept = await connection.fetchrow("select * from household where review_due_on is not null")
    return {
        "by_application": {row["id"]: row for row in rows},
        "plans": await connection.fetchval("select count(*) from plan"),
        "measures": await connection.fetchval("select count(*) from measure"),
        "in_file": kept,
        "left": await connection.fetchrow("select * from household where state = 'lifted'"),
    }


def test_every_payment_of_the_past_points_to_a_measure_of_a_closed_plan(empty: str) -> None:
    past = Past()
    migrations.upgrade(empty, BEFORE)
    on(empty, lambda connection: fill(connection, past))
    migrations.upgrade(empty, PLANS)
    there = on(empty, found)
    # One plan of the household that was paid; the two payments of living aid share their measure.
    assert (there["plans"], there["measures"]) == (1, 3)
    for name, (*_, measure) in CASES.items():
        row = there["by_application"][past.ids[name]]
        assert row["kind"] == measure, name
        if measure is not None:
            assert (row["measure"], row["result"], row["state"], row["origin"], row["ended"]) == (
                "done", "achieved", "closed", "backfill", "before_plans",
            ), name  # fmt: skip
            assert row["household_id"] == past.aided
    assert there["by_application"][past.ids["temporary"]]["kind"] is None
    file = there["in_file"]
    assert (file["id"], f"{file['last_helped_at']:%Y-%m-%d}") == (past.aided, "2026-03-05")
    assert (file["review_due_on"] - on(empty, today)).days == 30
    assert (there["left"]["review_due_on"], there["left"]["last_helped_at"]) == (None, None)


async def today(connection: asyncpg.Connection) -> Any:
    return await connection.fetchval("select current_date")


def test_what_comes_after_takes_those_rows_and_gives_them_back(empty: str) -> None:
    past = Past()
    migrations.upgrade(empty, BEFORE)
    on(empty, lambda connection: fill(connection, past))
    migrations.upgrade(empty)
    migrations.check(empty)
    pointed = on(empty, found)["by_application"]
    assert {name for name, key in past.ids.items() if pointed[key]["kind"]} == {
        name for name, (*_, measure) in CASES.items() if measure
    }
    migrations.downgrade(empty, BEFORE)

    async def left(connection: asyncpg.Connection) -> dict[UUID, str]:
        return {row["id"]: row["state"] for row in await connection.fetch("select id, state from application")}

    assert on(empty, left) == {past.ids[name]: state for name, (_, _, state, _) in CASES.items()} | {
        past.ids["temporary"]: "paid"
    }
