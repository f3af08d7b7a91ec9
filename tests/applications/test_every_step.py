"""Every state, action and post over HTTP, as the table has them: what it says is done, and whatever else is asked for
is refused and leaves nothing behind.

Made from the table: a row that is added is tried by itself. What its people are is written down in test_path.py; the
steps that depend on how an application came to where it stands, or what it asks for, are in test_steps_with_a_past.py.
"""

import asyncio
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.applications.commands import take_as_system
from app.applications.path import Action, State, path_of
from app.applications.queries import by_id_locked
from app.applications.steps import Moved, take
from app.kernel.actor import Permission
from app.workflow.path import NotAllowedNow
from tests.applications.desks import REASON, applicant, form_of, own
from tests.applications.standing import (
    ACTIONS,
    AT,
    OTHER_DOORS,
    OWN,
    STEPS,
    SYSTEM,
    At,
    Ground,
    expected,
    ground_of,
    named,
    sees,
    sent,
    told,
    written,
)
from tests.http.refusals import refused
from tests.make import Case, World
from tests.notices.making import jobs_of

ASKED = [(action, False) for action in ACTIONS] + [(str(Action.ASK_SUPPLEMENT), True)]
"""What staff ask for, and whether at a door of its own."""
ELSEWHERE = {
    Action.CONVENE: "tests/meetings/test_meetings.py",
    Action.CARRY: "tests/meetings/test_meetings.py",
    Action.TURN_DOWN: "tests/meetings/test_meetings.py",
    Action.START_PAYMENT: "tests/payments/test_batches.py",
    Action.REISSUE: "tests/payments/test_lines.py",
    Action.WRITE_OFF: "tests/payments/test_lines.py",
}
"""Steps that are a meeting's, or a payment batch's: at its doors, with its people, they are tried in these files. Here
it is tried that they are no steps of a single person's, and that they lead where the table says."""
WRITES = {
    Action.ASK_SUPPLEMENT: [1, 1, 2, 0, 1, 0, 1],
    Action.WITHDRAW_SUPPLEMENT: [1, 1, 1, 0, -1, 0, 1],
}
"""What is written beyond the usual: passages, audit entries, facts, appeals, open supplements, meetings, answers."""
USUAL = [1, 1, 1, 0, 0, 0, 1]
OF_ITS_OWN = (Action.LAPSE_SUPPLEMENT, Action.RAISE_AMOUNT)
"""Steps of the system that are more than a step: tried in test_steps_with_a_past.py."""


@pytest.fixture(scope="module")
async def ground(world: World) -> Ground:
    return await ground_of(world)


everywhere = pytest.mark.parametrize("at", AT, ids=named)


def test_every_step_that_brings_something_has_a_door_that_is_tried() -> None:
    brought = {step.action for step in STEPS if step.carries and step.by is not Permission.OWN}
    assert brought - {Action.WITHDRAW_SUPPLEMENT} == set(OTHER_DOORS)
    assert {action for action, own_door in ASKED if own_door} | set(ELSEWHERE) >= set(OTHER_DOORS)
    for action, file in ELSEWHERE.items():
        assert f'"{action}"' in Path(__file__).parents[2].joinpath(file).read_text(), file


@everywhere
async def test_whatever_staff_ask_for_ends_as_the_table_says(
    client: httpx.AsyncClient, owner: asyncpg.Connection, ground: Ground, at: At
) -> None:
    case = await ground.case(at)
    before = await written(owner, case.id)
    for action, own_door in ASKED:
        outcomes = {name: expected(case, at, action, by, own_door=own_door) for name, by in ground.hands.items()}
        asked = [name for name in outcomes if outcomes[name][0] >= 400]
        answers = await asyncio.gather(
            *(sent(client, ground.hands[name].who, case, at, action, own_door=own_door) for name in asked)
        )
        for name, answer in zip(asked, answers, strict=True):
            assert (answer.status_code, answer.json()["code"]) == outcomes[name], (name, action, answer.text)
            told(answer, *outcomes[name], at)
        assert await written(owner, case.id) == before, action
        for name in outcomes.keys() - asked:
            moved = await sent(client, ground.hands[name].who, case, at, action, own_door=own_door)
            assert (moved.status_code, moved.json().get("state")) == outcomes[name], (name, action, moved.text)
            after = await written(owner, case.id)
            grown = [now - was for now, was in zip(after[1:], before[1:], strict=True)]
            assert grown == WRITES.get(Action(action), USUAL), (name, action)
            case = await ground.case(at)
            before = await written(owner, case.id)


@everywhere
async def test_nobody_finds_their_own_application_among_the_cases_whatever_posts_they_hold(
    client: httpx.AsyncClient, owner: asyncpg.Connection, ground: Ground, at: At
) -> None:
    me = ground.all_powerful
    case = await ground.case(at, who=me.who)
    before = await written(owner, case.id)
    for action, own_door in ASKED:
        answer = await sent(client, me.who, case, at, action, own_door=own_door)
        refused(answer, *expected(case, at, action, me, mine=True, own_door=own_door))
    assert await written(owner, case.id) == before


@everywhere
async def test_what_a_case_shows_as_open_is_what_its_reader_may_do(
    client: httpx.AsyncClient, ground: Ground, at: At
) -> None:
    case = await ground.case(at)
    for name, by in ground.hands.items():
        shown = await client.get(f"/staff/applications/{case.id}", headers=by.who.headers)
        open_to = {
            action
            for action in ACTIONS
            if expected(case, at, action, by, own_door=action in OTHER_DOORS)[0] in (200, 201)
        }
        if shown.status_code == 200:
            assert set(shown.json()["open_actions"]) == open_to, name
        else:
            assert not open_to, name
            unseen = sees(case, by)
            assert unseen is not None, name
            refused(shown, *unseen)


# ---- the applicant ----


@everywhere
async def test_an_applicant_does_what_is_theirs_where_the_table_has_it_and_nobody_else_does(
    client: httpx.AsyncClient, owner: asyncpg.Connection, ground: Ground, at: At
) -> None:
    for action in OWN:
        me, student = await applicant(ground.world, ground.town.units[0])
        case = await ground.case(at, who=me, form=form_of(at.kind, student))
        step, before = at.row(action), await written(owner, case.id)
        for other in (ground.all_powerful.who, ground.worker):
            refused(await own(client, other, case.id, 1, action), 404, "application_not_found")
        answer = await own(client, me, case.id, 1, action)
        if step is None or at.shut.intersection(step.gates):
            told(answer, 409, "not_allowed_now" if step is None else "nothing_asked", at)
            assert await written(owner, case.id) == before
            continue
        assert answer.status_code in (200, 201), (action, answer.text)
        row = await owner.fetchrow("select state, version, supplement from application where id = $1", case.id)
        assert tuple(row) == (step.to, 2, "answered" if action == Action.SUPPLEMENT else None), action
        after = await written(owner, case.id)
        assert after[1] == before[1] + 1
        assert after[5] == 0, "nothing is asked for any more"


@pytest.mark.parametrize("at", [at for at in AT if at.row(Action.REFUSE_BY_RULE)], ids=named)
async def test_what_the_rules_refuse_is_kept_as_refused(client: httpx.AsyncClient, ground: Ground, at: At) -> None:
    me = await ground.world.person(home=ground.town.units[0])  # without a file, and without a cover
    case = await ground.case(at, who=me)
    answer = await own(client, me, case.id, 1, Action.SUBMIT)
    step = at.row(Action.REFUSE_BY_RULE)
    assert step is not None
    assert (answer.status_code, answer.json()["state"]) == (200, step.to), answer.text


# ---- the timers ----


async def timer(ground: Ground, case: Case, action: str) -> Moved:
    async with jobs_of(ground.world).work() as work:
        row = await by_id_locked(work.transaction, case.id)
        assert row is not None
        step = path_of(row).step(row["state"], action)
        if step.needs_reason:  # which is given by whoever makes the system take it
            return await take(work, row, step, note="没有通过", reason_code=REASON)
        return await take_as_system(work, row, Action(action))


@everywhere
async def test_a_timer_takes_its_own_steps_where_the_table_has_them(
    owner: asyncpg.Connection, ground: Ground, at: At
) -> None:
    for action in SYSTEM:
        case, step = await ground.case(at), at.row(action)
        if step is not None and (at.state is State.DRAFT or action in OF_ITS_OWN):
            continue  # a draft is refused as it is submitted, and in no other way
        before = await written(owner, case.id)
        if step is None:
            with pytest.raises(NotAllowedNow) as no:
                await timer(ground, case, action)
            assert no.value.extra["state"] == at.state
            assert await written(owner, case.id) == before
            continue
        assert step.by is Permission.SYSTEM
        moved = await timer(ground, case, action)
        assert (moved.state, moved.version) == (step.to, 2)
        assert (await written(owner, case.id))[1] == before[1] + 1
