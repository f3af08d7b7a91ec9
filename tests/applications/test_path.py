"""The usual ways of the three kinds: what the table says can be done by its own people, and nothing else at all.

The table is written down here once more, in roles, so that a change of the route has to be meant twice.
"""

import re
from itertools import product

import httpx
import pytest

from app.applications.path import PATHS, REASONS, Action, Kind, State
from app.applications.standards import WAITS
from app.kernel.actor import Permission, Role
from app.workflow.path import NotAllowedNow, Path, Step
from tests import make
from tests.make import Case, Someone, Town, World

A, S = Action, State
ENDED = {S.WITHDRAWN}
"""Not a refusal, nor what was paid: an appeal opens either again."""
CITY = {Role.CITY_REVIEWER, Role.CITY_LEADER}
REVIEWERS = {
    S.SUBMITTED: {Role.UNIT_CLERK},
    S.UNIT_REVIEW: {Role.UNIT_CHAIR},
    S.DISTRICT_REVIEW: {Role.DISTRICT_REVIEWER, Role.DISTRICT_LEADER},
    S.CITY_APPROVAL: CITY,
    S.PUBLIC_NOTICE: {Role.DISTRICT_REVIEWER, Role.DISTRICT_LEADER} | CITY,
    S.APPROVED: {Role.FINANCE_MAKER},
    S.PAYING: {Role.FINANCE_CHECKER},
}
Table = dict[tuple[State, Action], State]


def table(kind: Kind) -> Table:
    """Where each step leads."""
    insured = kind is Kind.SECONDARY_MEDICAL
    review = (S.UNIT_REVIEW, S.DISTRICT_REVIEW, S.CITY_APPROVAL)
    following = (S.DISTRICT_REVIEW, S.CITY_APPROVAL, S.APPROVED if insured else S.PUBLIC_NOTICE)
    steps: Table = {(state, A.WITHDRAW): S.WITHDRAWN for state in (S.DRAFT, S.RETURNED, S.SUBMITTED, *review)}
    steps |= {(state, A.SUBMIT): S.SUBMITTED for state in (S.DRAFT, S.RETURNED)}
    steps |= {(state, A.REFUSE_BY_RULE): S.REJECTED for state in (S.DRAFT, S.RETURNED)}
    steps |= {(S.SUBMITTED, A.ACCEPT): S.UNIT_REVIEW}
    steps |= {(state, A.RETURN): S.RETURNED for state in (S.SUBMITTED, *review)}
    steps |= {(state, A.REJECT): S.REJECTED for state in review}
    steps |= {(state, A.APPROVE): to for state, to in zip(review, following, strict=True)}
    steps |= {} if insured else {(state, A.RAISE_AMOUNT): S.UNIT_REVIEW for state in review}
    steps |= {(S.APPROVED, A.START_PAYMENT): S.PAYING, (S.PAYING, A.CONFIRM_PAYMENT): S.PAID}
    steps |= {(S.PAYING, A.STOP_PAYMENT): S.APPROVED}
    after_city = following[-1]
    steps |= {(S.REJECTED, A.APPEAL): S.APPEALED, (S.APPEALED, A.UPHOLD_DECISION): S.REJECTED}
    steps |= {(S.APPEALED, A.WITHDRAW_APPEAL): S.REJECTED}
    steps |= {(S.APPEALED, A.REOPEN): S.CITY_APPROVAL}
    granted = {after_city, S.APPROVED, S.PAID}
    steps |= {(state, A.APPEAL): state for state in granted}
    steps |= {(state, A.CHANGE_DECISION): after_city for state in (S.APPEALED, *granted)}
    noticed = {(S.PUBLIC_NOTICE, A.END_NOTICE): S.APPROVED, (S.PUBLIC_NOTICE, A.OBJECT): S.DISTRICT_REVIEW}
    return steps if insured else steps | noticed


def roles_at(kind: Kind, state: State) -> set[Role]:
    if (kind, state) == (Kind.SECONDARY_MEDICAL, S.CITY_APPROVAL):
        return {Role.MUTUAL_AID_OFFICER}
    return REVIEWERS.get(state, set())


STAFF_STEPS = [
    (kind, state, action)
    for kind in Kind
    for state, action in table(kind)
    if state in REVIEWERS
    and action not in (A.WITHDRAW, A.RAISE_AMOUNT, A.STOP_PAYMENT, A.END_NOTICE, A.APPEAL, A.CHANGE_DECISION)
]


# ---- the table itself ----


@pytest.mark.parametrize("kind", Kind)
def test_the_path_has_exactly_these_steps(kind: Kind) -> None:
    assert {(step.at, step.action): step.to for step in PATHS[kind].steps} == table(kind)


@pytest.mark.parametrize(("kind", "state", "action"), list(product(Kind, State, Action)))
def test_what_the_table_does_not_say_cannot_be_done(kind: Kind, state: State, action: Action) -> None:
    if (state, action) in table(kind):
        assert PATHS[kind].step(state, action).to == table(kind)[state, action]
        return
    with pytest.raises(NotAllowedNow) as refusal:
        PATHS[kind].step(state, action)
    assert refusal.value.extra["state"] == state
    assert str(action) not in str(refusal.value.extra["allowed"]).split(",")


@pytest.mark.parametrize("kind", Kind)
def test_no_action_that_nobody_has_heard_of_is_possible(kind: Kind) -> None:
    for state, action in product(State, ("", "pay", "APPROVE", "approve ", "submit,approve")):
        with pytest.raises(NotAllowedNow):
            PATHS[kind].step(state, action)


@pytest.mark.parametrize("kind", Kind)
def test_what_has_ended_has_no_way_out(kind: Kind) -> None:
    states = {S(state) for state in PATHS[kind].states}
    assert states - {S(step.at) for step in PATHS[kind].steps} == ENDED
    assert {state for state, waits in WAITS.items() if waits == "nobody"} == ENDED | {S.REJECTED, S.PAID}


def reached(kind: Kind, start: State) -> set[State]:
    found, waiting = {start}, [start]
    while waiting:
        state = waiting.pop()
        following = {to for (at, _), to in table(kind).items() if at is state} - found
        found |= following
        waiting += following
    return found


@pytest.mark.parametrize("kind", Kind)
def test_every_state_is_reached_and_money_can_be_reached_from_every_open_one(kind: Kind) -> None:
    assert reached(kind, S.DRAFT) == {S(state) for state in PATHS[kind].states}
    assert (S.PUBLIC_NOTICE in reached(kind, S.DRAFT)) is (kind is not Kind.SECONDARY_MEDICAL)
    for state in reached(kind, S.DRAFT) - ENDED:
        assert S.PAID in reached(kind, state), state


@pytest.mark.parametrize("kind", Kind)
def test_every_step_of_staff_is_a_signature_and_every_no_is_explained(kind: Kind) -> None:
    for step in PATHS[kind].steps:
        own_or_timer = step.by in (Permission.OWN, Permission.SYSTEM)
        # An objection voids what was signed: whoever finds it right may sign again.
        assert step.counts_as_review is not (own_or_timer or step.action == A.OBJECT), step
        assert step.needs_note is (step.action in (A.RETURN, A.REJECT, A.OBJECT, A.RAISE_AMOUNT)), step
        assert step.opens_round is (step.action in (A.OBJECT, A.RAISE_AMOUNT)), step
        assert step.needs_reason is (step.action in (A.REJECT, A.REFUSE_BY_RULE)), step


def test_two_rows_for_one_state_and_action_are_refused() -> None:
    step = Step("a", "go", "b", Permission.OWN)
    with pytest.raises(ValueError, match="two steps for go at a"):
        Path((step, Step("a", "go", "c", Permission.OWN)))


@pytest.mark.parametrize("kind", Kind)
def test_the_diagram_draws_the_table_and_nothing_else(kind: Kind) -> None:
    drawn = re.findall(r"^    (\w+) --> (\w+): (\w+)（.+）$", PATHS[kind].mermaid(), re.MULTILINE)
    assert {(at, action): to for at, to, action in drawn} == table(kind)
    assert len(drawn) == len(table(kind))
    assert set(re.findall(r"(\w+) --> \[\*\]", PATHS[kind].mermaid())) == ENDED


def test_a_diagram_is_always_written_the_same_way() -> None:
    path = Path((Step("draft", "submit", "filed", Permission.OWN), Step("filed", "close", "ended", Permission.SYSTEM)))
    assert path.mermaid({"submit": "提交", "draft": "草稿"}).splitlines() == [
        "stateDiagram-v2",
        '    state "草稿" as draft',
        '    state "filed" as filed',
        '    state "ended" as ended',
        "    [*] --> draft",
        "    draft --> filed: 提交（own）",
        "    filed --> ended: close（system）",
        "    ended --> [*]",
    ]


# ---- the same over HTTP ----


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture(scope="module")
async def worker(world: World, town: Town) -> Someone:
    return await world.person(home=town.units[0])


@pytest.fixture(scope="module")
async def everybody(world: World, town: Town) -> dict[Role, Someone]:
    """Somebody of every role, and all of them where the case is theirs to see."""
    return {role: await world.staff(role, town.city, consents=()) for role in Role}


@pytest.fixture(scope="module")
async def almighty(world: World, town: Town) -> Someone:
    """One person with every role there is."""
    return await world.person(posts=tuple((role, town.city) for role in Role), consents=())


async def act(client: httpx.AsyncClient, by: Someone, case: Case, action: str) -> httpx.Response:
    words = {"note": "请补充材料"} if action in (A.RETURN, A.REJECT, A.OBJECT) else {}
    reason = {"reason_code": next(iter(REASONS))} if action == A.REJECT else {}
    return await client.post(
        f"/staff/applications/{case.id}/actions",
        json={"action": action, **words, **reason},
        headers=by.headers | make.keyed() | {"If-Match": '"1"'},
    )


@pytest.mark.parametrize(("kind", "state", "action"), STAFF_STEPS)
async def test_a_step_is_taken_by_its_own_people_and_nobody_else(
    client: httpx.AsyncClient,
    world: World,
    town: Town,
    worker: Someone,
    everybody: dict[Role, Someone],
    kind: Kind,
    state: State,
    action: Action,
) -> None:
    theirs = roles_at(kind, state)
    case = await world.application(worker, town.units[0], kind=kind, state=state)
    for role in set(Role) - theirs:
        refused = await act(client, everybody[role], case, action)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), role
    for role in sorted(theirs):
        moved = await act(client, everybody[role], case, action)
        assert (moved.status_code, moved.json().get("state")) == (200, table(kind)[state, action]), moved.text
        assert moved.json()["version"] == 2
        case = await world.application(worker, town.units[0], kind=kind, state=state)


@pytest.mark.parametrize(("kind", "state"), list(product(Kind, sorted(set(State) - {S.DRAFT}))))
async def test_someone_with_every_role_can_do_no_more_than_the_table(
    client: httpx.AsyncClient, world: World, town: Town, worker: Someone, almighty: Someone, kind: Kind, state: State
) -> None:
    case = await world.application(worker, town.units[0], kind=kind, state=state)
    for action in [*Action, "pay"]:
        if (kind, state, action) not in STAFF_STEPS:
            refused = await act(client, almighty, case, action)
            assert (refused.status_code, refused.json()["code"]) == (409, "not_allowed_now"), (action, refused.text)
    shown = await client.get(f"/staff/applications/{case.id}", headers=almighty.headers)
    assert (shown.json()["state"], shown.json()["version"]) == (state, 1)
    assert set(shown.json()["open_actions"]) == {step[2] for step in STAFF_STEPS if step[:2] == (kind, state)}


@pytest.mark.parametrize(("kind", "state"), list(product(Kind, State)))
async def test_the_applicant_takes_their_own_steps_only_where_the_table_has_them(
    client: httpx.AsyncClient, world: World, town: Town, worker: Someone, kind: Kind, state: State
) -> None:
    case = await world.application(worker, town.units[0], kind=kind, state=state)
    headers = worker.headers | {"If-Match": '"1"'}
    if (state, A.SUBMIT) not in table(kind):
        again = await client.post(f"/applications/{case.id}/submit", headers=headers | make.keyed())
        assert (again.status_code, again.json()["code"]) == (409, "not_allowed_now")
    withdrawn = await client.post(f"/applications/{case.id}/withdraw", headers=headers | make.keyed())
    expected = (200, S.WITHDRAWN) if (state, A.WITHDRAW) in table(kind) else (409, state)
    assert (withdrawn.status_code, withdrawn.json()["state"]) == expected, withdrawn.text
