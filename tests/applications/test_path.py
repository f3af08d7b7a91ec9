"""The usual ways of the three kinds: what the table says can be done by its own people, and nothing else at all.

The table is written down here once more, in roles, so that a change of the route has to be meant twice.
"""

import re
from itertools import product

import httpx
import pytest

from app.applications.path import (
    AWAITS_SUPPLEMENT,
    NOTHING_AWAITED,
    PATHS,
    REUSE_ANSWERED,
    REVIEWS,
    Action,
    Kind,
    State,
    gates_shut,
)
from app.applications.standards import SUPPLEMENT, WAITS
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
}
Table = dict[tuple[State, Action], State]


def table(kind: Kind) -> Table:
    """Where each step leads."""
    insured = kind is Kind.SECONDARY_MEDICAL
    review = (S.UNIT_REVIEW, S.DISTRICT_REVIEW, S.CITY_APPROVAL)
    following = (S.DISTRICT_REVIEW, S.CITY_APPROVAL, S.APPROVED if insured else S.PUBLIC_NOTICE)
    steps: Table = {(state, A.WITHDRAW): S.WITHDRAWN for state in (S.DRAFT, S.RETURNED, S.SUBMITTED, *review)}
    steps |= {(S.WAITING_FUNDS, A.WITHDRAW): S.WITHDRAWN, (S.WAITING_FUNDS, A.FUND): following[-1]}
    steps |= {(S.APPROVED, A.EXPIRE_RESERVATION): S.WAITING_FUNDS}
    steps |= {(state, A.SUBMIT): S.SUBMITTED for state in (S.DRAFT, S.RETURNED)}
    steps |= {(state, A.REFUSE_BY_RULE): S.REJECTED for state in (S.DRAFT, S.RETURNED)}
    steps |= {(S.SUBMITTED, A.ACCEPT): S.UNIT_REVIEW}
    steps |= {(state, A.RETURN): S.RETURNED for state in (S.SUBMITTED, *review)}
    steps |= {(state, A.REJECT): S.REJECTED for state in review}
    steps |= {(state, A.APPROVE): to for state, to in zip(review, following, strict=True)}
    steps |= {} if insured else {(state, A.RAISE_AMOUNT): S.UNIT_REVIEW for state in review}
    asking = (A.ASK_SUPPLEMENT, A.SUPPLEMENT, A.WITHDRAW_SUPPLEMENT, A.LAPSE_SUPPLEMENT)
    steps |= {(state, action): state for state in REVIEWS for action in asking}
    steps |= {(S.APPROVED, A.START_PAYMENT): S.PAYING, (S.PAYING, A.CONFIRM_PAYMENT): S.PAID}
    steps |= {(S.PAYING, A.STOP_PAYMENT): S.APPROVED, (S.PAYING, A.FAIL_PAYMENT): S.PAYMENT_FAILED}
    steps |= {(S.PAID, A.RETURN_PAYMENT): S.PAYMENT_FAILED, (S.PAYMENT_FAILED, A.REISSUE): S.APPROVED}
    steps |= {(S.PAYMENT_FAILED, A.WRITE_OFF): S.WITHDRAWN}
    after_city = following[-1]
    steps |= {(S.REJECTED, A.APPEAL): S.APPEALED, (S.APPEALED, A.UPHOLD_DECISION): S.REJECTED}
    steps |= {(S.APPEALED, A.WITHDRAW_APPEAL): S.REJECTED}
    steps |= {(S.APPEALED, A.REOPEN): S.CITY_APPROVAL}
    granted = {S.WAITING_FUNDS, after_city, S.APPROVED, S.PAID}
    steps |= {(state, A.APPEAL): state for state in granted}
    steps |= {(state, A.CHANGE_DECISION): after_city for state in (S.APPEALED, *granted)}
    noticed = {(S.PUBLIC_NOTICE, A.END_NOTICE): S.APPROVED, (S.PUBLIC_NOTICE, A.OBJECT): S.DISTRICT_REVIEW}
    return steps if insured else steps | noticed


def undos(kind: Kind) -> set[tuple[State, State]]:
    """From where a decision can be taken back, and to where."""
    decided = (S.UNIT_REVIEW, S.DISTRICT_REVIEW, S.CITY_APPROVAL)
    waits = {(S.WAITING_FUNDS, S.CITY_APPROVAL)}
    return waits | {(table(kind)[state, action], state) for state in decided for action in (A.APPROVE, A.REJECT)}


def roles_at(kind: Kind, state: State) -> set[Role]:
    if (kind, state) == (Kind.SECONDARY_MEDICAL, S.CITY_APPROVAL):
        return {Role.MUTUAL_AID_OFFICER}
    return REVIEWERS.get(state, set())


BY_STAFF = (A.ACCEPT, A.RETURN, A.REJECT, A.APPROVE, A.OBJECT)
IN_BATCHES = {S.APPROVED: {A.START_PAYMENT}, S.PAYMENT_FAILED: {A.REISSUE, A.WRITE_OFF}}
"""Steps of staff with doors of their own (tests/payments)."""
STAFF_STEPS = [
    (kind, state, action) for kind in Kind for state, action in table(kind) if state in REVIEWERS and action in BY_STAFF
]


# ---- the table itself ----


@pytest.mark.parametrize("kind", Kind)
def test_the_path_has_exactly_these_steps(kind: Kind) -> None:
    steps = PATHS[kind].steps
    assert {(step.at, step.action): step.to for step in steps if step.when is None} == table(kind)
    undoing = [step for step in steps if step.action == A.UNDO]
    assert sorted((step.at, step.to) for step in undoing) == sorted(undos(kind))
    assert all(step.when == step.to and step.by is Permission.UNDO_REVIEW for step in undoing)


@pytest.mark.parametrize("kind", Kind)
def test_whatever_grants_money_leads_to_the_waiting_list_where_there_is_none(kind: Kind) -> None:
    """And nothing else does; from there a case goes on to its notice, or to its payment if that was over."""
    granting = {(S.CITY_APPROVAL, A.APPROVE)} | {
        (state, action) for state, action in table(kind) if action is A.CHANGE_DECISION
    }
    assert {(step.at, step.action) for step in PATHS[kind].steps if step.otherwise} == granting
    assert {step.otherwise for step in PATHS[kind].steps} == {None, S.WAITING_FUNDS}
    assert PATHS[kind].step(S.WAITING_FUNDS, A.FUND, S.APPROVED).to == S.APPROVED


@pytest.mark.parametrize(("kind", "state", "action"), list(product(Kind, State, Action)))
def test_what_the_table_does_not_say_cannot_be_done(kind: Kind, state: State, action: Action) -> None:
    if (state, action) in table(kind):
        assert PATHS[kind].step(state, action).to == table(kind)[state, action]
        return
    with pytest.raises(NotAllowedNow) as refusal:
        PATHS[kind].step(state, action)
    assert refusal.value.extra["state"] == state
    if action is not A.UNDO:  # which depends on how the case came here
        assert str(action) not in str(refusal.value.extra["allowed"]).split(",")


@pytest.mark.parametrize(("kind", "state", "came_from"), list(product(Kind, State, State)))
def test_a_decision_is_taken_back_only_from_where_it_led(kind: Kind, state: State, came_from: State) -> None:
    if (state, came_from) in undos(kind):
        assert PATHS[kind].step(state, A.UNDO, came_from).to == came_from
        return
    with pytest.raises(NotAllowedNow):
        PATHS[kind].step(state, A.UNDO, came_from)


@pytest.mark.parametrize("kind", Kind)
def test_while_a_supplement_is_awaited_nobody_decides(kind: Kind) -> None:
    everything = tuple(Permission)
    for state in REVIEWS:
        waiting = set(PATHS[kind].open_to(state, everything, shut=gates_shut("open")))
        assert waiting - {A.LAPSE_SUPPLEMENT, A.UNDO} == {A.SUPPLEMENT, A.WITHDRAW_SUPPLEMENT, A.WITHDRAW}, state
        for answered in (None, "answered", "lapsed", "withdrawn"):
            free = set(PATHS[kind].open_to(state, everything, shut=gates_shut(answered)))
            assert not free & {A.SUPPLEMENT, A.WITHDRAW_SUPPLEMENT, A.LAPSE_SUPPLEMENT}
            assert {A.ASK_SUPPLEMENT, A.RETURN} <= free
    for step in PATHS[kind].steps:
        if step.action in (A.SUPPLEMENT, A.WITHDRAW_SUPPLEMENT, A.LAPSE_SUPPLEMENT):
            assert step.gates == (AWAITS_SUPPLEMENT,), step
        elif step.action == A.RAISE_AMOUNT or (
            step.at in REVIEWS and step.by not in (Permission.OWN, Permission.SYSTEM, Permission.UNDO_REVIEW)
        ):
            beyond_unit = step.action == A.APPROVE and step.at in (S.DISTRICT_REVIEW, S.CITY_APPROVAL)
            assert step.gates == (*((REUSE_ANSWERED,) if beyond_unit else ()), NOTHING_AWAITED), step
        else:
            assert step.gates == ((REUSE_ANSWERED,) if step.action == A.START_PAYMENT else ()), step


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("reuse", ["open", "same"])
def test_while_a_hint_waits_or_was_said_to_be_true_nobody_beyond_the_unit_approves(kind: Kind, reuse: str) -> None:
    everything = tuple(Permission)
    for state in State:
        free = set(PATHS[kind].open_to(state, everything, shut=gates_shut(None)))
        left = set(PATHS[kind].open_to(state, everything, shut=gates_shut(None, reuse)))
        beyond_unit = {S.DISTRICT_REVIEW: {A.APPROVE}, S.CITY_APPROVAL: {A.APPROVE}, S.APPROVED: {A.START_PAYMENT}}
        assert free - left == beyond_unit.get(state, set()), state


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
    assert WAITS[SUPPLEMENT] == "you"


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
        no_decision = step.action in (A.OBJECT, A.ASK_SUPPLEMENT, A.WITHDRAW_SUPPLEMENT, A.REISSUE, A.WRITE_OFF)
        # An objection voids what was signed: whoever finds it right may sign again.
        assert step.counts_as_review is not (own_or_timer or no_decision), step
        explained = (A.RETURN, A.REJECT, A.OBJECT, A.UNDO, A.RAISE_AMOUNT, A.WRITE_OFF)
        assert step.needs_note is (step.action in explained), step
        assert step.opens_round is (step.action in (A.OBJECT, A.UNDO, A.RAISE_AMOUNT)), step
        assert step.needs_reason is (step.action in (A.REJECT, A.REFUSE_BY_RULE)), step


def test_two_rows_for_one_state_and_action_are_refused() -> None:
    step = Step("a", "go", "b", Permission.OWN)
    with pytest.raises(ValueError, match="two steps for go at a"):
        Path((step, Step("a", "go", "c", Permission.OWN)))


@pytest.mark.parametrize("kind", Kind)
def test_the_diagram_draws_the_table_and_nothing_else(kind: Kind) -> None:
    lines = re.findall(r"^    (\w+) --> (\w+): (\w+)（(.+)）$", PATHS[kind].mermaid(), re.MULTILINE)
    waits = {(at, action) for at, to, action, by in lines if (to, by) == (S.WAITING_FUNDS, "no_room")}
    assert waits == {(step.at, step.action) for step in PATHS[kind].steps if step.otherwise}
    ways = [(at, to, action) for at, to, action, by in lines if by != "no_room"]
    resumed = [(S.WAITING_FUNDS, S.APPROVED, A.FUND)] * (kind is not Kind.SECONDARY_MEDICAL)
    assert set(resumed) <= set(ways)
    drawn = [way for way in ways if way not in resumed]
    assert {(at, action): to for at, to, action in drawn if action != A.UNDO} == table(kind)
    assert {(at, to) for at, to, action in drawn if action == A.UNDO} == undos(kind)
    assert len(drawn) == len(table(kind)) + len(undos(kind))
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
    reason = {"reason_code": "documents_not_valid"} if action == A.REJECT else {}
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
            code = "nothing_to_undo" if action == A.UNDO else "not_allowed_now"
            if action == A.WITHDRAW_SUPPLEMENT and state in REVIEWS:
                code = "nothing_awaited"
            assert (refused.status_code, refused.json()["code"]) == (409, code), (action, refused.text)
    shown = await client.get(f"/staff/applications/{case.id}", headers=almighty.headers)
    assert (shown.json()["state"], shown.json()["version"]) == (state, 1)
    asking = {A.ASK_SUPPLEMENT} if state in REVIEWS else IN_BATCHES.get(state, set())
    assert set(shown.json()["open_actions"]) == asking | {step[2] for step in STAFF_STEPS if step[:2] == (kind, state)}


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
