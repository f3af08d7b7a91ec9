"""What was paid before an appeal raised it stays counted, whatever becomes of the rest."""

from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import Action, State
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.appeals.making import act, decide, granted, lodged, office, own
from tests.applications.desks import body_of
from tests.make import Case, World

PAID_FEN = 1_000_00


async def raised(client: httpx.AsyncClient, world: World, owner: asyncpg.Connection) -> tuple[Case, dict[str, Any]]:
    """Paid, appealed against, granted more, and objected to as it was published again."""
    desks = await office(world)
    case = await granted(client, desks, PAID_FEN)
    await world.noticed(case.id, case.applicant, case.home, case.kind)
    household_id = await owner.fetchval("select household_id from application where id = $1", case.id)
    await owner.execute(
        "update application set state = 'paid', approved_at = now(), paid_at = now(), item = 'living', measure_id = $2 "
        "where id = $1", case.id, world.measures[household_id, "living_aid"],
    )  # fmt: skip
    done = await decide(client, desks.again[Role.CITY_LEADER], await lodged(client, case), "change")
    assert done.status_code == 200, done.text
    shown = await own(client, case)
    assert (shown["state"], shown["paid_before_fen"]) == (State.PUBLIC_NOTICE, PAID_FEN)
    district = desks.again[Role.DISTRICT_REVIEWER]
    moved = await act(client, district, case, shown["version"], body_of(Action.OBJECT))
    assert moved.json()["state"] == State.DISTRICT_REVIEW, moved.text
    return case, {"by": district, "version": moved.json()["version"]}


async def left_of_the_year(client: httpx.AsyncClient, case: Case) -> int:
    """What the rules would still give of this year's living aid."""
    form = make.living_aid(requested_fen=900_000_00)
    drafted = await client.post(
        "/applications", json={"kind": "hardship_aid", "form": form}, headers=case.applicant.headers | make.keyed()
    )
    path = f"/applications/{drafted.json()['id']}"
    preview = await client.post(f"{path}/preview", headers=case.applicant.headers | make.keyed())
    await client.post(f"{path}/withdraw", headers=case.applicant.headers | make.keyed() | {"If-Match": '"1"'})
    return int(preview.json()["amount_fen"])


@pytest.mark.parametrize("ends", [Action.REJECT, Action.RETURN, Action.WITHDRAW])
async def test_what_was_paid_counts_towards_the_caps_of_the_year(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, ends: Action
) -> None:
    case, at = await raised(client, world, owner)
    raised_fen = (await own(client, case))["amount_fen"]
    before = await left_of_the_year(client, case)
    if ends is Action.WITHDRAW:
        headers = case.applicant.headers | make.keyed() | {"If-Match": f'"{at["version"]}"'}
        answer = await client.post(f"/applications/{case.id}/withdraw", headers=headers)
    else:
        answer = await act(client, at["by"], case, at["version"], body_of(ends))
    assert answer.status_code == 200, answer.text
    assert await left_of_the_year(client, case) == before + raised_fen - PAID_FEN


async def test_the_same_subject_stays_taken_when_more_was_refused_in_the_end(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    case, at = await raised(client, world, owner)
    subject, takes = new_id().bytes, "update application set subject_index = $2 where id = $1"
    await owner.execute(takes, case.id, subject)
    answer = await act(client, at["by"], case, at["version"], body_of(Action.REJECT))
    assert answer.json()["state"] == State.REJECTED
    another = await world.application(await world.worker(case.home), case.home, kind=case.kind, state=State.SUBMITTED)
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await owner.execute(takes, another.id, subject)
    assert refused.value.constraint_name == "uq_application_subject"
    # Of what was refused without ever being paid the subject is free again.
    await owner.execute("update application set paid_before_fen = null where id = $1", case.id)
    await owner.execute(takes, another.id, subject)
