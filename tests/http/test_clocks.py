"""The clock of an application over HTTP: for the worker, for staff, and by the standard of its submission day."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.applications.standards import SUPPLEMENT, WAITS, ServiceStandard, days_allowed, standard_of
from app.http.views.clock import said
from app.kernel.actor import Role
from app.kernel.business_time import business_date
from app.kernel.ids import new_id
from app.policy.book import PolicyBook
from app.workflow.clock import Clock
from tests import make
from tests.discrepancies.making import working
from tests.make import Case, Someone, Town, World


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture(scope="module")
async def chair(world: World, town: Town) -> Someone:
    return await world.staff(Role.UNIT_CHAIR, town.units[0])


async def case_that_moved(
    world: World, town: Town, owner: asyncpg.Connection, *moves: tuple[int, State], kind: Kind = Kind.HARDSHIP_AID
) -> Case:
    """Submitted the first number of days ago, and moved to these states so many days ago."""
    (first, _), *rest = moves
    submitted_at = make.NOW - timedelta(days=first)
    case = await world.application(
        await world.worker(town.units[0]), town.units[0], kind=kind, state=moves[-1][1], submitted_at=submitted_at
    )
    for (_, from_state), (ago, to_state) in pairwise([(first, State.SUBMITTED), *rest]):
        await owner.execute(
            "insert into passage (id, created_at, application_id, round, action, from_state, to_state, "
            "counts_as_review) values ($1, $2, $3, 1, 'accept', $4, $5, false)",
            new_id(), make.NOW - timedelta(days=ago), case.id, from_state, to_state,
        )  # fmt: skip
    return case


async def clocks(client: httpx.AsyncClient, case: Case, chair: Someone) -> tuple[Any, Any]:
    own = await client.get(f"/applications/{case.id}", headers=case.applicant.headers)
    staff = await client.get(f"/staff/applications/{case.id}", headers=chair.headers)
    return own.json()["clock"], staff.json()["clock"]


async def counted(world: World, *spans: tuple[int, int]) -> int:
    """The working days in these spans of days ago, counted one by one."""
    async with working(world) as work:
        ends = [(make.NOW - timedelta(days=a), make.NOW - timedelta(days=b)) for a, b in spans]
        days = [
            day
            for begin, end in ends
            for n in range(1, 400)
            if (day := business_date(begin) + timedelta(days=n)) <= business_date(end) and work.calendar.works(day)
        ]
    return len(days)


async def test_the_worker_reads_on_which_day_it_is_and_for_whom_it_waits(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    case = await case_that_moved(world, town, owner, (9, State.SUBMITTED), (5, State.RETURNED))
    day = await counted(world, (9, 5))
    async with working(world) as work:
        unsure = any(work.calendar.is_provisional(business_date(make.NOW - timedelta(days=ago))) for ago in (9, 0))
    tail = "放假安排还没有全部公布，期限可能调整。" if unsure else ""
    own, staff = await clocks(client, case, chair)
    assert own == {
        "day": day, "of": 15, "waiting_for": "you", "paused_because": "等申请人补正", "due": None, "overdue_days": 0,
        "provisional": unsure, "text": f"第{day}个工作日，共15个；现在等您补正，已暂停计时。{tail}",
    }  # fmt: skip
    assert staff == own | {"text": f"第{day}个工作日，共15个；现在等申请人补正，已暂停计时。{tail}"}


async def test_what_was_resubmitted_goes_on_from_the_day_on_which_it_paused(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    moves = (20, State.SUBMITTED), (16, State.RETURNED), (8, State.SUBMITTED), (7, State.UNIT_REVIEW)
    case = await case_that_moved(world, town, owner, *moves)
    own, staff = await clocks(client, case, chair)
    assert own["day"] == staff["day"] == await counted(world, (20, 16), (8, 0))
    assert (own["waiting_for"], own["paused_because"]) == ("union", None)
    async with working(world) as work:
        due = work.calendar.after_working_days(business_date(make.NOW), 15 - own["day"])
    assert own["due"] == due.isoformat()


async def test_only_returns_public_notices_and_appeals_pause(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    for state in State:
        if state in (State.DRAFT, State.SUBMITTED):
            continue
        case = await case_that_moved(world, town, owner, (12, State.SUBMITTED), (4, state))
        own, _ = await clocks(client, case, chair)
        pauses = state in (State.RETURNED, State.PUBLIC_NOTICE, State.APPEALED)
        spans = ((12, 4),) if pauses or WAITS[state] == "nobody" else ((12, 0),)
        assert own["day"] == await counted(world, *spans), state
        assert (own["paused_because"] is not None) is pauses, state
        assert own["waiting_for"] == WAITS[state], state


async def test_what_was_never_submitted_has_no_clock(client: httpx.AsyncClient, world: World, town: Town) -> None:
    worker = await world.worker(town.units[0])
    body = {"kind": "hardship_aid", "form": make.living_aid()}
    opened = await client.post("/applications", json=body, headers=worker.headers | make.keyed())
    assert (opened.status_code, opened.json()["clock"]) == (201, None)
    address, headers = f"/applications/{opened.json()['id']}", worker.headers | make.keyed() | {"If-Match": '"1"'}
    assert (await client.post(f"{address}/submit", headers=headers)).status_code == 200
    clock = (await client.get(address, headers=worker.headers)).json()["clock"]
    assert (clock["day"], clock["of"], clock["text"][:20]) == (0, 15, "提交当天不计，办理时限15个工作日；现在")


async def test_the_state_is_due_after_the_days_of_the_standard(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    case = await world.application(await world.worker(town.units[0]), town.units[0])
    body, headers = {"action": "accept"}, clerk.headers | make.keyed() | {"If-Match": '"1"'}
    moved = await client.post(f"/staff/applications/{case.id}/actions", json=body, headers=headers)
    assert moved.status_code == 200, moved.text
    due_at = await owner.fetchval("select due_at from application where id = $1", case.id)
    async with working(world) as work:
        assert due_at == work.calendar.end_of_working_day(datetime.now(UTC), 5)


# ---- the standard ----


def of_year(year: int, total: int, review: int) -> ServiceStandard:
    shipped = make.STANDARD.model_dump()
    shipped["total_working_days"]["hardship_aid"] = total
    shipped["state_working_days"]["unit_review"] = review
    return ServiceStandard(**shipped | {"version": str(year), "in_force_from": date(year, 1, 1)})


BOOK = PolicyBook({"service_standard": (of_year(2020, 15, 5), of_year(2025, 10, 3))})


@pytest.mark.parametrize(
    ("submitted", "review"),
    [
        (datetime(2024, 12, 31, 15, 59, tzinfo=UTC), 5),
        (datetime(2024, 12, 31, 16, tzinfo=UTC), 3),
        (datetime(2019, 12, 31, tzinfo=UTC), None),
    ],
)
def test_a_case_keeps_the_standard_of_its_submission_day_in_shantou(submitted: datetime, review: int | None) -> None:
    assert days_allowed(BOOK, submitted, "unit_review") == review
    assert days_allowed(BOOK, submitted, "public_notice") is None
    assert (standard_of(BOOK, submitted) is None) is (review is None)


def test_the_standard_that_comes_with_the_service_is_named_as_assumed() -> None:
    days = make.STANDARD.state_working_days.model_dump()
    assert days == {
        "submitted": 3, "unit_review": 5, "district_review": 5, "city_approval": 5, "approved": 5, "paying": 5,
        "returned": 10, "meeting": None, "supplement": 10,
    }  # fmt: skip
    assert make.STANDARD.days_at("meeting") == 5  # as long as the city's approval, where nothing else is said
    assert set(make.STANDARD.total_working_days.model_dump().values()) == {15}
    assert "暂定" in (make.STANDARD.note or "")
    assert set(WAITS) == {*State, SUPPLEMENT}


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Clock(6, 15, "you", "补正", None, 0, False), "第6个工作日，共15个；现在等您补正，已暂停计时。"),
        (Clock(6, 15, "union", None, None, 0, False), "第6个工作日，共15个；现在由工会办理。"),
        (Clock(18, 15, "union", None, None, 3, False), "第18个工作日，共15个，已超期3个工作日；现在由工会办理。"),
        (Clock(6, 15, "public", "公示期", None, 0, False), "第6个工作日，共15个；现在公示中，已暂停计时。"),
        (Clock(6, 15, "nobody", None, None, 0, True), "已办结，用了6个工作日。"),
        (Clock(17, 15, "nobody", None, None, 2, False), "已办结，用了17个工作日，超过时限2个工作日。"),
        (
            Clock(6, 15, "union", None, None, 0, True),
            "第6个工作日，共15个；现在由工会办理。放假安排还没有全部公布，期限可能调整。",
        ),
    ],
)
def test_the_sentence_says_it_in_plain_chinese(found: Clock, text: str) -> None:
    assert said(found, "applicant") == text
