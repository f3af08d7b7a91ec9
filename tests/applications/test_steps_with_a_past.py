"""Steps that depend on how an application came to where it stands, or what it stands for: a decision is taken back by
somebody else, more is granted than was approved so far, and what is not brought in time is not waited for.

Made from the table, as test_every_step.py is.
"""

import asyncio
from dataclasses import replace

import asyncpg
import httpx
import pytest

from app.applications.path import STANDARD, Action, Kind
from app.applications.supplements.commands import lapse
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.workflow.path import Step
from tests.applications.desks import Hand, act, body_of, may_undo, seated
from tests.applications.standing import AT, At, Ground, ground_of, named, sees, told, written
from tests.http.refusals import refused
from tests.make import Case, World
from tests.notices.making import jobs_of

UNDOINGS = [(at, step) for at in AT if not at.awaits for step in at.rows if step.action == Action.UNDO]
RAISED = [at for at in AT if at.row(Action.RAISE_AMOUNT)]
AWAITED = [at for at in AT if at.row(Action.LAPSE_SUPPLEMENT)]
SO_FAR_FEN, MORE_FEN, DECIDED_FEN = 1_000_00, 2_000_00, 3_000_00


@pytest.fixture(scope="module")
async def ground(world: World) -> Ground:
    """Also with a leader beside each reviewer: a decision is taken back by another role."""
    found = await ground_of(world)
    leaders = {role: await seated(world, found.town, role) for role in (Role.DISTRICT_LEADER, Role.CITY_LEADER)}
    return replace(found, hands=found.hands | leaders)


# ---- a decision is taken back ----


async def decided(ground: Ground, at: At, undoing: Step, by: Hand | None = None) -> Case:
    """Where a decision by somebody, at the stage that the row leads back to, has led."""
    case = await ground.case(at, decided=False)
    approve, reject = (at.path.step(undoing.to, action) for action in (Action.APPROVE, Action.REJECT))
    action = Action.APPROVE if at.state in (approve.to, approve.otherwise) else Action.REJECT
    assert action is Action.APPROVE or reject.to == at.state
    await ground.passed(case, action, undoing.to, by.who if by else None, decider(at, undoing))
    return case


def decider(at: At, undoing: Step) -> Role:
    return next(role for role in Role if at.path.step(undoing.to, Action.APPROVE).by in PERMISSIONS[role])


@pytest.mark.parametrize(("at", "undoing"), UNDOINGS, ids=named)
async def test_a_decision_is_taken_back_by_those_whom_the_table_names(
    client: httpx.AsyncClient, owner: asyncpg.Connection, ground: Ground, at: At, undoing: Step
) -> None:
    case = await decided(ground, at, undoing)
    body = body_of(Action.UNDO, undoing)
    role = decider(at, undoing)
    may = [name for name, by in ground.hands.items() if may_undo(at.path, undoing, by, case.home, role)]
    reviewers = {name for name, by in ground.hands.items() if may_undo(at.path, undoing, by, case.home, "")}
    others = [name for name in ground.hands if name not in may]
    assert may
    before = await written(owner, case.id)
    answers = await asyncio.gather(*(act(client, ground.hands[name].who, case.id, 1, body) for name in others))
    for name, answer in zip(others, answers, strict=True):
        code = "decided_by_same_role" if name in reviewers else "not_allowed"
        told(answer, *(sees(case, ground.hands[name]) or (403, code)), at)
    assert await written(owner, case.id) == before
    for name in may:
        by = ground.hands[name]
        mine = await decided(ground, at, undoing, by)
        refused(await act(client, by.who, mine.id, 1, body), 403, "own_decision")
        shown = await client.get(f"/staff/applications/{case.id}", headers=by.who.headers)
        assert Action.UNDO in shown.json()["open_actions"]
        refused(await act(client, by.who, case.id, 1, {"action": Action.UNDO}), 422)
        moved = await act(client, by.who, case.id, 1, body)
        assert (moved.status_code, moved.json().get("state")) == (200, undoing.to), (name, moved.text)
        row = await owner.fetchrow("select state, round, version from application where id = $1", case.id)
        assert tuple(row) == (undoing.to, 2, 2)
        after = await written(owner, case.id)
        assert [now - was for now, was in zip(after[1:4], before[1:4], strict=True)] == [1, 2, 1]
        case = await decided(ground, at, undoing)
        before = await written(owner, case.id)


# ---- more is granted ----


@pytest.mark.parametrize("at", RAISED, ids=named)
async def test_who_grants_more_sends_it_back_to_the_first_stage_in_a_round_of_its_own(
    client: httpx.AsyncClient, owner: asyncpg.Connection, ground: Ground, at: At
) -> None:
    raised, approve = at.row(Action.RAISE_AMOUNT), at.row(Action.APPROVE)
    assert raised is not None
    assert approve is not None
    item = "medical" if at.kind is Kind.HARDSHIP_AID else None
    amounts = {"amount_fen": SO_FAR_FEN, "decided_fen": DECIDED_FEN, "item": item}
    body = body_of(Action.APPROVE, raised) | {"amount_fen": MORE_FEN}
    hands = [by for by in ground.hands.values() if by.may(approve.by, ground.town.units[0])]
    assert hands
    for by in hands:
        case = await ground.case(at, **amounts)
        before = await written(owner, case.id)
        answer = await act(client, by.who, case.id, 1, body)
        if at.awaits:
            refused(answer, 409, "supplement_awaited")
            assert await written(owner, case.id) == before
            continue
        assert (answer.status_code, answer.json().get("state")) == (200, STANDARD[0]), answer.text
        row = await owner.fetchrow("select state, round, version, amount_fen from application where id = $1", case.id)
        assert tuple(row) == (STANDARD[0], 2, 2, MORE_FEN)
        (step,) = await owner.fetch(
            "select action, round, counts_as_review from passage where application_id = $1 and action <> 'submit'",
            case.id,
        )
        assert tuple(step) == (Action.RAISE_AMOUNT, 1, True)
        assert raised.to == STANDARD[0]


# ---- what is not brought in time ----


@pytest.mark.parametrize("at", AWAITED, ids=named)
async def test_what_is_not_brought_in_time_is_not_waited_for(owner: asyncpg.Connection, ground: Ground, at: At) -> None:
    step = at.row(Action.LAPSE_SUPPLEMENT)
    assert step is not None
    assert step.by is Permission.SYSTEM
    case = await ground.case(at)
    before = await written(owner, case.id)
    async with jobs_of(ground.world).work() as work:
        assert not await lapse(work, case.id), "nothing was asked for, or there is still time"
    assert await written(owner, case.id) == before
    if at.awaits:
        await owner.execute(
            "update supplement set due_at = now() - interval '1 hour' where application_id = $1", case.id
        )
        async with jobs_of(ground.world).work() as work:
            assert await lapse(work, case.id)
        row = await owner.fetchrow("select state, version, supplement from application where id = $1", case.id)
        assert tuple(row) == (step.to, 2, "lapsed")
        after = await written(owner, case.id)
        assert (after[1], after[5]) == (before[1] + 1, 0)
