"""Verifications, reminders and the watch over who has left."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.households.tables import HouseholdPassage
from app.jobs.daily import remind_of_all
from app.jobs.handlers import HANDLERS
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.business_time import business_date
from app.kernel.ids import new_id
from app.policy.periods import months_after
from app.upkeep import commands
from app.upkeep.rules import next_review
from tests import make
from tests.calling import every_item, post
from tests.make import Someone, Town, World


def verification(**given: Any) -> dict[str, Any]:
    return {"way": "visit", "reference": "RH-2026-1", "verified_on": str(make.TODAY), "finding": "unchanged"} | given


async def overdue(world: World, town: Town, days: int, head: Someone | None = None) -> UUID:
    """A file whose verification was due so many days ago."""
    due = {"review_due_on": make.TODAY - timedelta(days=days), "active_at": make.NOW - timedelta(days=365 + days)}
    return await world.household(head or await world.person(), town.units[0], columns=due)


# ---- verification ----


async def test_a_verification_sets_the_next_due_date_and_can_be_looked_up(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection
) -> None:
    household_id = await overdue(world, town, 40)
    path = f"/staff/households/{household_id}/verifications"
    done = await post(client, clerk, path, verification(note="一切如实"))
    assert done.status_code == 201, done.text
    assert done.json()["next_due_on"] == str(next_review(make.TODAY))
    earlier = await post(client, clerk, path, verification(verified_on=str(make.TODAY - timedelta(days=90))))
    assert earlier.status_code == 201
    due = await owner.fetchval("select review_due_on from household where id = $1", household_id)
    assert due == next_review(make.TODAY)
    shown = (await client.get(path, headers=clerk.headers)).json()["items"]
    assert [(each["reference"], each["note"]) for each in shown] == [("RH-2026-1", "一切如实"), ("RH-2026-1", None)]


async def test_a_verification_is_of_a_day_on_which_there_was_a_file(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone
) -> None:
    household_id = await overdue(world, town, 1)
    path = f"/staff/households/{household_id}/verifications"
    tomorrow = await post(client, clerk, path, verification(verified_on=str(make.TODAY + timedelta(days=1))))
    before = await post(client, clerk, path, verification(verified_on="2020-01-01"))
    codes = [answer.json()["errors"][0]["code"] for answer in (tomorrow, before)]
    assert codes == ["day_in_future", "day_too_early"]
    left = await world.household(await world.person(), town.units[0], state="lifted")
    refused = await post(client, clerk, f"/staff/households/{left}/verifications", verification())
    assert (refused.status_code, refused.json()["code"]) == (409, "not_verifiable")
    mine = await world.staff(Role.UNIT_CLERK, town.units[0])
    own = await overdue(world, town, 1, mine)
    for by, file, status in (
        (await world.staff(Role.DISTRICT_REVIEWER, town.districts[0]), household_id, 403),
        (await world.staff(Role.UNIT_CLERK, town.units[1]), household_id, 404),
        (mine, own, 404),
    ):
        answer = await post(client, by, f"/staff/households/{file}/verifications", verification())
        assert answer.status_code == status


async def test_a_verification_ends_an_annual_review_where_its_author_may_end_it(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    household_id = await overdue(world, town, 3)
    begun = await post(client, clerk, f"/staff/households/{household_id}/actions", {"action": "start_review"}, 1)
    assert begun.json()["state"] == "annual_review", begun.text
    path = f"/staff/households/{household_id}/verifications"
    assert (await post(client, clerk, path, verification())).json()["state"] == "annual_review"
    assert (await post(client, chair, path, verification())).json()["state"] == "active"


@pytest.mark.parametrize(("days", "state"), [(30, "submitted"), (31, "rejected")])
async def test_aid_waits_for_a_verification_that_is_overdue_by_more_than_thirty_days(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, days: int, state: str
) -> None:
    head = await world.person(home=town.units[0])
    household_id = await overdue(world, town, days, head)

    async def applied(form: dict[str, Any]) -> dict[str, Any]:
        draft = await post(client, head, "/applications", {"kind": "hardship_aid", "form": form})
        submitted = await post(client, head, f"/applications/{draft.json()['id']}/submit", None, 1)
        found: dict[str, Any] = submitted.json()
        return found

    found = await applied(make.living_aid())
    assert found["state"] == state, found
    if state == "submitted":
        return
    (failed,) = [reason for reason in found["decision"]["reasons"] if reason["met"] is not True]
    assert (failed["rule"], failed["given"]) == ("household_review_overdue", "已逾期31天")
    hurt = make.living_aid(item="accident", accident={"caused_fen": 200_000_00, "happened_on": str(make.TODAY)})
    reasons = (await applied(hurt))["decision"]["reasons"]
    assert "household_review_overdue" not in {reason["rule"] for reason in reasons}
    await post(client, clerk, f"/staff/households/{household_id}/verifications", verification())
    assert (await applied(make.living_aid()))["state"] == "submitted"


# ---- reminders ----


async def reminded(owner: asyncpg.Connection, household_id: UUID) -> list[tuple[str, int]]:
    rows = await owner.fetch("select about, days from reminder where household_id = $1 order by id", household_id)
    facts = await owner.fetchval(
        "select count(*) from out_message where name = 'Reminded' and body ->> 'household_id' = $1", str(household_id)
    )
    assert facts == len(rows)
    return [(row["about"], row["days"]) for row in rows]


async def test_a_reminder_goes_out_once_however_often_the_job_runs(
    world: World, town: Town, owner: asyncpg.Connection, background: Jobs
) -> None:
    ahead = {31: [], 30: [30], 8: [30], 7: [7], 1: [7], 0: [0], -30: [0], -31: []}
    files = {days: await overdue(world, town, -days) for days in ahead}
    await asyncio.gather(remind_of_all(background), remind_of_all(background))
    await remind_of_all(background)
    for days, sent in ahead.items():
        assert await reminded(owner, files[days]) == [("review", each) for each in sent], days
    await owner.execute(
        "update household set review_due_on = $2 where id = $1", files[30], make.TODAY + timedelta(days=7)
    )
    await remind_of_all(background)
    assert await reminded(owner, files[30]) == [("review", 30), ("review", 7)]


async def test_reminders_go_on_batch_by_batch(
    world: World, town: Town, owner: asyncpg.Connection, background: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "BATCH", 2)
    files = [await overdue(world, town, -5) for _ in range(7)]
    await remind_of_all(background)
    assert [await reminded(owner, each) for each in files] == [[("review", 7)]] * 7


# ---- the watch over who has left ----


async def lifted(world: World, town: Town, background: Jobs, **given: Any) -> tuple[UUID, Someone]:
    head = given.pop("head", None) or await world.person()
    household_id = await world.household(head, town.units[0], state="lifted", **given)
    await world.insert(
        HouseholdPassage, id=new_id(), created_at=make.NOW, household_id=household_id, round=1, action="lift",
        from_state="exit_notice", to_state="lifted", counts_as_review=False,
    )  # fmt: skip
    fact = {"household_id": str(household_id), "from_state": "exit_notice", "to_state": "lifted"}
    for _ in range(2):
        async with background.work() as work:
            for handle in HANDLERS["HouseholdMoved"]:
                await handle(work, fact)
    return household_id, head


async def tasks_of(client: httpx.AsyncClient, by: Someone, household_id: UUID) -> list[dict[str, Any]]:
    tasks = await every_item(client, "/staff/watch_tasks", by=by)
    return [each for each in tasks if each["household_id"] == str(household_id)]


async def test_a_lifted_household_is_watched_after_six_and_twelve_months(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection, background: Jobs
) -> None:
    household_id, _ = await lifted(world, town, background)
    half, whole = await tasks_of(client, clerk, household_id)
    day = business_date(make.NOW)
    assert [(half["months"], half["due_on"]), (whole["months"], whole["due_on"])] == [
        (6, str(months_after(day, 6))),
        (12, str(months_after(day, 12))),
    ]
    path = f"/staff/watch_tasks/{half['id']}/complete"
    before = (await client.get("/staff/watch_tasks/count", headers=clerk.headers)).json()["count"]
    assert (await post(client, clerk, path, {"outcome": "stable"})).status_code == 428
    done = await post(client, clerk, path, {"outcome": "relapse_risk", "note": "又失业了"}, 1)
    assert (done.status_code, done.json()["version"]) == (200, 2), done.text
    again = await post(client, clerk, path, {"outcome": "stable"}, 2)
    assert (again.status_code, again.json()["code"]) == (409, "watch_task_done")
    assert [each["months"] for each in await tasks_of(client, clerk, household_id)] == [12]
    assert (await client.get("/staff/watch_tasks/count", headers=clerk.headers)).json()["count"] == before - 1
    fact = await owner.fetchval(
        "select body ->> 'outcome' from out_message where name = 'WatchDone' and body ->> 'household_id' = $1",
        str(household_id),
    )
    assert fact == "relapse_risk"


async def test_watch_tasks_are_reminded_of(
    world: World, town: Town, owner: asyncpg.Connection, background: Jobs
) -> None:
    household_id, _ = await lifted(world, town, background)
    due = make.TODAY + timedelta(days=3)
    await owner.execute("update watch_task set due_on = $2 where household_id = $1 and months = 6", household_id, due)
    for _ in range(2):
        await remind_of_all(background)
    assert await reminded(owner, household_id) == [("watch", 7)]


async def test_a_watch_task_out_of_reach_does_not_exist(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, background: Jobs
) -> None:
    household_id, head = await lifted(world, town, background)
    task = (await tasks_of(client, clerk, household_id))[0]
    path = f"/staff/watch_tasks/{task['id']}/complete"
    stranger = await world.staff(Role.UNIT_CLERK, town.units[1])
    leader = await world.staff(Role.CITY_LEADER, town.city)
    assert await tasks_of(client, stranger, household_id) == []
    assert (await post(client, stranger, path, {"outcome": "stable"}, 1)).status_code == 404
    assert len(await tasks_of(client, leader, household_id)) == 2
    assert (await post(client, leader, path, {"outcome": "stable"}, 1)).status_code == 403
    own, mine = await lifted(world, town, background, head=await world.staff(Role.UNIT_CLERK, town.units[0]))
    assert await tasks_of(client, mine, own) == []
    assert head.id != mine.id


async def test_what_brought_a_household_back_is_compared_with_what_it_left_behind(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection, background: Jobs
) -> None:
    causes = {"primary_cause": "laid_off", "secondary_causes": ["child_schooling"], "members": []}
    gone, head = await lifted(
        world, town, background, columns={"submitted_at": make.NOW - timedelta(days=500)}, **causes
    )
    alone = await client.get(f"/staff/households/{gone}/relapse", headers=clerk.headers)
    assert alone.json() == {
        "previous": None, "same_primary": None, "still": [], "new": [], "gone": [], "income_before_fen": None,
        "income_now_fen": None,
    }  # fmt: skip
    await owner.execute("update household_member set living = false where household_id = $1", gone)
    causes = {"primary_cause": "child_schooling", "secondary_causes": ["serious_illness"], "members": []}
    again = await world.household(
        head,
        town.units[0],
        state="district_review",
        columns={"previous_id": gone},
        income_fen_yearly=18_000_00,
        **causes,
    )
    shown = (await client.get(f"/staff/households/{again}/relapse", headers=clerk.headers)).json()
    assert shown.pop("previous")["household_id"] == str(gone)
    assert shown == {
        "same_primary": False, "still": ["child_schooling"], "new": ["serious_illness"], "gone": ["laid_off"],
        "income_before_fen": 24_000_00, "income_now_fen": 18_000_00,
    }  # fmt: skip


async def test_the_comparison_is_with_the_file_that_is_linked_and_with_no_other(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection
) -> None:
    head, long_ago = await world.person(), {"submitted_at": make.NOW - timedelta(days=900)}
    linked = await world.household(head, town.units[0], state="lifted", members=[], columns=long_ago)
    # A duplicate of then, cancelled later than the other was left: it is the same head, and nothing to compare with.
    later = {"submitted_at": make.NOW - timedelta(days=500), "cancel_code": "duplicate"}
    await world.household(head, town.units[0], state="cancelled", members=[], columns=later)
    await owner.execute("update household_member set living = false where household_id in "
                        "(select id from household where person_id = $1)", head.id)  # fmt: skip
    columns = {"previous_id": linked}
    again = await world.household(head, town.units[0], state="district_review", members=[], columns=columns)
    shown = (await client.get(f"/staff/households/{again}/relapse", headers=clerk.headers)).json()
    assert shown["previous"]["household_id"] == str(linked)
    await owner.execute("update household set previous_id = null where id = $1", again)
    shown = (await client.get(f"/staff/households/{again}/relapse", headers=clerk.headers)).json()
    assert shown["previous"] is None
