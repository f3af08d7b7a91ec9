"""Every state, action and post over HTTP, as the table has them: what it says is done, and whatever else is asked for
is refused and leaves nothing behind.

Made from the table: a row that is added is tried by itself. What its people are is written down in test_path.py.
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.commands import take_as_system
from app.applications.path import PATHS, Action, Kind, State
from app.applications.queries import by_id_locked
from app.applications.steps import NOTE, Moved
from app.applications.tables import Passage
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.kernel.ids import new_id
from app.workflow.path import NotAllowedNow, Step
from tests import make
from tests.applications.desks import Hand, act, applicant, body_of, form_of, hand, own, seated
from tests.http.refusals import refused
from tests.make import Case, Someone, Town, World
from tests.notices.making import jobs_of

STEPS = [step for path in PATHS.values() for step in path.steps]
ACTIONS = sorted({step.action for step in STEPS} | {"pay", ""})
OWN = sorted({step.action for step in STEPS if step.by is Permission.OWN})
SYSTEM = sorted({step.action for step in STEPS if step.by is Permission.SYSTEM})
AT = [(kind, State(state)) for kind in Kind for state in PATHS[kind].states]
ASKED_FOR = {step.by for step in STEPS} | {Permission.READ_CASES}
# One role for each set of permissions that a step could ask for.
ROLES = sorted({frozenset(PERMISSIONS[role] & ASKED_FOR): role for role in reversed(Role)}.values())


def row_of(kind: Kind, state: str, action: str) -> Step | None:
    found = [step for step in PATHS[kind].steps if (step.at, step.action) == (state, action)]
    assert len(found) <= 1, "several ways: this test has to know which"
    return found[0] if found else None


@dataclass(frozen=True)
class Ground:
    """A town with somebody of every kind, and an applicant."""

    world: World
    town: Town
    worker: Someone
    hands: dict[str, Hand]
    all_powerful: Hand

    async def case(self, kind: Kind, state: State, who: Someone | None = None, **given: Any) -> Case:
        """An application in this state, with the decision behind it that an appeal would be against."""
        case = await self.world.application(who or self.worker, self.town.units[0], kind=kind, state=state, **given)
        if row_of(kind, state, Action.APPEAL) is not None:
            refusal = state is State.REJECTED
            passage_id = new_id()
            words = {"note": self.world.keyring.seal_text(NOTE, passage_id, "不足"), "reason_code": "duplicate_aid"}
            await self.world.insert(
                Passage, id=passage_id, created_at=make.NOW, application_id=case.id, round=1, person_id=new_id(),
                action=Action.REJECT if refusal else Action.APPROVE, from_state=State.CITY_APPROVAL, to_state=state,
                counts_as_review=True, **words if refusal else {},
            )  # fmt: skip
        return case


@pytest.fixture(scope="module")
async def ground(world: World) -> Ground:
    town = await world.town()
    hands: dict[str, Hand] = {role: await seated(world, town, role) for role in ROLES}
    # Sees the case, and has every post where it is not.
    elsewhere = [(role, town.units[2]) for role in Role]
    hands["elsewhere"] = await hand(world, (Role.AUDITOR, town.city), *elsewhere)
    hands["beyond"] = await hand(world, *((role, town.districts[1]) for role in Role))
    all_powerful = await hand(world, *((role, town.city) for role in Role))
    return Ground(world, town, await world.person(home=town.units[0]), hands, all_powerful)


async def written(owner: asyncpg.Connection, application_id: UUID) -> tuple[Any, ...]:
    """Whatever a step writes, and whatever is kept of its answer."""
    return tuple(
        await owner.fetchrow(
            """
            select a::text, (select count(*) from passage where application_id = a.id),
              (select count(*) from audit_entry where subject_id = a.id),
              (select count(*) from out_message where body->>'application_id' = a.id::text),
              (select count(*) from appeal where application_id = a.id), (select count(*) from keyed_answer)
            from application a where a.id = $1
            """,
            application_id,
        )
    )


def expected(case: Case, action: str, by: Hand, *, mine: bool = False) -> tuple[int, str]:
    """The status, and the code of the refusal or the state that follows."""
    if not any(Permission.READ_CASES in PERMISSIONS[role] for role, _ in by.posts):
        return 403, "not_allowed"
    if mine or case.state is State.DRAFT or not by.may(Permission.READ_CASES, case.home):
        return 404, "application_not_found"
    step = row_of(case.kind, case.state, action)
    if step is None or step.by in (Permission.OWN, Permission.SYSTEM):
        return 409, "not_allowed_now"
    return (200, step.to) if by.may(step.by, case.home) else (403, "not_allowed")


def told(answer: httpx.Response, status: int, code: str, case: Case) -> None:
    """A refusal that says so; of what is not possible now, what would be."""
    problem = refused(answer, status, code)
    if code == "not_allowed_now":
        assert problem["state"] == case.state
        assert problem["allowed"] == ",".join(PATHS[case.kind].actions_at(case.state))


@pytest.mark.parametrize(("kind", "state"), AT)
async def test_whatever_staff_ask_for_ends_as_the_table_says(
    client: httpx.AsyncClient, owner: asyncpg.Connection, ground: Ground, kind: Kind, state: State
) -> None:
    case = await ground.case(kind, state)
    for action in ACTIONS:
        outcomes = {name: expected(case, action, by) for name, by in ground.hands.items()}
        body = body_of(action, row_of(kind, state, action))
        asked = [name for name in outcomes if outcomes[name][0] != 200]
        before = await written(owner, case.id)
        answers = await asyncio.gather(*(act(client, ground.hands[name].who, case.id, 1, body) for name in asked))
        for name, answer in zip(asked, answers, strict=True):
            assert (answer.status_code, answer.json()["code"]) == outcomes[name], (name, action, answer.text)
            told(answer, *outcomes[name], case)
        assert await written(owner, case.id) == before, action
        for name in outcomes.keys() - asked:
            moved = await act(client, ground.hands[name].who, case.id, 1, body)
            assert (moved.status_code, moved.json().get("state")) == outcomes[name], (name, action, moved.text)
            after = await written(owner, case.id)
            assert [now - was for now, was in zip(after[1:], before[1:], strict=True)] == [1, 1, 1, 0, 1], (
                name,
                action,
            )
            case = await ground.case(kind, state)
            before = await written(owner, case.id)


@pytest.mark.parametrize(("kind", "state"), AT)
async def test_nobody_finds_their_own_application_among_the_cases_whatever_posts_they_hold(
    client: httpx.AsyncClient, owner: asyncpg.Connection, ground: Ground, kind: Kind, state: State
) -> None:
    me = ground.all_powerful
    case = await ground.case(kind, state, who=me.who)
    before = await written(owner, case.id)
    for action in ACTIONS:
        answer = await act(client, me.who, case.id, 1, body_of(action, row_of(kind, state, action)))
        refused(answer, *expected(case, action, me, mine=True))
    assert await written(owner, case.id) == before


@pytest.mark.parametrize(("kind", "state"), AT)
async def test_what_a_case_shows_as_open_is_what_its_reader_may_do(
    client: httpx.AsyncClient, ground: Ground, kind: Kind, state: State
) -> None:
    case = await ground.case(kind, state)
    for name, by in ground.hands.items():
        shown = await client.get(f"/staff/applications/{case.id}", headers=by.who.headers)
        open_to = {action for action in ACTIONS if expected(case, action, by)[0] == 200}
        if shown.status_code == 200:
            assert set(shown.json()["open_actions"]) == open_to, name
        else:
            assert not open_to, name
            refused(shown, *expected(case, "", by))


# ---- the applicant ----


@pytest.mark.parametrize(("kind", "state"), AT)
async def test_an_applicant_does_what_is_theirs_where_the_table_has_it_and_nobody_else_does(
    client: httpx.AsyncClient, owner: asyncpg.Connection, ground: Ground, kind: Kind, state: State
) -> None:
    for action in OWN:
        me, student = await applicant(ground.world, ground.town.units[0])
        case = await ground.case(kind, state, who=me, form=form_of(kind, student))
        step, before = row_of(kind, state, action), await written(owner, case.id)
        for other in (ground.all_powerful.who, ground.worker):
            refused(await own(client, other, case.id, 1, action), 404, "application_not_found")
        answer = await own(client, me, case.id, 1, action)
        if step is None:
            told(answer, 409, "not_allowed_now", case)
            assert await written(owner, case.id) == before
            continue
        assert answer.status_code in (200, 201), (action, answer.text)
        row = await owner.fetchrow("select state, version from application where id = $1", case.id)
        assert tuple(row) == (step.to, 2), action
        assert (await written(owner, case.id))[1] == before[1] + 1


@pytest.mark.parametrize(("kind", "state"), [at for at in AT if row_of(*at, Action.REFUSE_BY_RULE)])
async def test_what_the_rules_refuse_is_kept_as_refused(
    client: httpx.AsyncClient, ground: Ground, kind: Kind, state: State
) -> None:
    me = await ground.world.person(home=ground.town.units[0])  # without a file, and without a cover
    case = await ground.case(kind, state, who=me)
    answer = await own(client, me, case.id, 1, Action.SUBMIT)
    step = row_of(kind, state, Action.REFUSE_BY_RULE)
    assert step is not None
    assert (answer.status_code, answer.json()["state"]) == (200, step.to), answer.text


# ---- the timers ----


async def timer(ground: Ground, case: Case, action: str) -> Moved:
    async with jobs_of(ground.world).work() as work:
        row = await by_id_locked(work.transaction, case.id)
        assert row is not None
        return await take_as_system(work, row, Action(action))


@pytest.mark.parametrize(("kind", "state"), AT)
async def test_a_timer_takes_its_own_steps_where_the_table_has_them(
    owner: asyncpg.Connection, ground: Ground, kind: Kind, state: State
) -> None:
    for action in SYSTEM:
        case, step = await ground.case(kind, state), row_of(kind, state, action)
        if step is not None and state is State.DRAFT:
            continue  # a draft is refused as it is submitted, and in no other way
        before = await written(owner, case.id)
        if step is None:
            with pytest.raises(NotAllowedNow) as no:
                await timer(ground, case, action)
            assert no.value.extra["state"] == state
            assert await written(owner, case.id) == before
            continue
        assert step.by is Permission.SYSTEM
        moved = await timer(ground, case, action)
        assert (moved.state, moved.version) == (step.to, 2)
        assert (await written(owner, case.id))[1] == before[1] + 1
