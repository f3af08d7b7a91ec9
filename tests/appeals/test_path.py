"""The way of an appeal, written down once more: every state, action and role."""

from datetime import date, datetime, timedelta
from itertools import product

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.appeals.path import FOLLOWS, PATHS, AppealAction, AppealState
from app.appeals.rules import last_day, level_of, may_appeal
from app.applications.path import PATHS as CASE_PATHS
from app.applications.path import Action, Kind, State
from app.kernel.actor import Permission, Role
from app.kernel.business_time import SHANGHAI
from app.kernel.working_days import Calendar
from app.workflow.path import NotAllowedNow
from tests.appeals.making import Office, decide, lodged, office, refused
from tests.make import Someone, World

A, S = AppealAction, AppealState
DISTRICT = {Role.DISTRICT_REVIEWER, Role.DISTRICT_LEADER}
CITY = {Role.CITY_REVIEWER, Role.CITY_LEADER}
OUTCOME = {A.UPHOLD: S.UPHELD, A.CHANGE: S.CHANGED}
OTHERWISE = {(state, A.WITHDRAW): (S.WITHDRAWN, Permission.OWN) for state in (S.AT_DISTRICT, S.AT_CITY)}
OTHERWISE |= {(S.AT_DISTRICT, A.STEP_UP): (S.AT_CITY, Permission.SYSTEM)}
"""What nobody of the staff does."""
WAITING = (S.AT_DISTRICT, S.AT_CITY)
CALENDAR = Calendar({}, frozenset({2026}))


def roles_at(kind: Kind, state: AppealState) -> set[Role]:
    if state is S.AT_DISTRICT:
        return DISTRICT
    return {Role.MUTUAL_AID_OFFICER} if kind is Kind.SECONDARY_MEDICAL else CITY


@pytest.mark.parametrize(("kind", "state", "action"), list(product(Kind, S, [*A, "approve", ""])))
def test_an_appeal_is_answered_once_in_one_of_two_ways(kind: Kind, state: AppealState, action: str) -> None:
    if state in WAITING and action in OUTCOME:
        step = PATHS[kind].step(state, action)
        assert (step.to, step.needs_note, step.counts_as_review) == (OUTCOME[AppealAction(action)], True, True)
        return
    if (state, action) in OTHERWISE:
        step = PATHS[kind].step(state, action)
        assert ((step.to, step.by), step.needs_note) == (OTHERWISE[state, AppealAction(action)], False)
        return
    with pytest.raises(NotAllowedNow):
        PATHS[kind].step(state, action)


@pytest.mark.parametrize("kind", Kind)
def test_whatever_an_appeal_of_a_refusal_ends_in_the_application_has_that_step(kind: Kind) -> None:
    after_city = State.APPROVED if kind is Kind.SECONDARY_MEDICAL else State.PUBLIC_NOTICE
    leads = {key: CASE_PATHS[kind].step(State.APPEALED, action).to for key, action in FOLLOWS.items()}
    assert leads == {
        (S.AT_DISTRICT, A.UPHOLD): State.REJECTED,
        (S.AT_DISTRICT, A.CHANGE): State.CITY_APPROVAL,
        (S.AT_CITY, A.UPHOLD): State.REJECTED,
        (S.AT_CITY, A.CHANGE): after_city,
        (S.AT_DISTRICT, A.WITHDRAW): State.REJECTED,
        (S.AT_CITY, A.WITHDRAW): State.REJECTED,
    }


@pytest.mark.parametrize("decided_at", State)
def test_nobody_of_the_level_that_decided_is_asked_again_below_the_city(decided_at: State) -> None:
    below = {State.DRAFT, State.RETURNED, State.UNIT_REVIEW}
    assert level_of(decided_at, has_district=True) is (S.AT_DISTRICT if decided_at in below else S.AT_CITY)
    assert level_of(decided_at, has_district=False) is S.AT_CITY


# ---- in time ----

DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
STEPS = st.lists(st.sampled_from(["submit", "approve", "reject", "return", "refuse_by_rule", "withdraw"]), max_size=6)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI)


@given(DAYS, st.integers(1, 60), STEPS)
def test_the_last_decision_can_be_appealed_on_its_last_day_and_not_after(
    day: date, working_days: int, before: list[str]
) -> None:
    steps = [*((each, "unit_review", at(day)) for each in before), ("reject", "unit_review", at(day))]
    last = last_day(CALENDAR, at(day), working_days)
    assert sum((day + timedelta(days=n)).weekday() < 5 for n in range(1, (last - day).days + 1)) == working_days
    assert may_appeal(steps, CALENDAR, working_days, last)
    assert not may_appeal(steps, CALENDAR, working_days, last + timedelta(days=1))
    appealed = [*steps, ("appeal", "rejected", at(day))]
    assert not may_appeal(appealed, CALENDAR, working_days, last)
    changed = [*appealed, ("change_decision", "appealed", at(day))]
    assert may_appeal(changed, CALENDAR, working_days, last)


@given(DAYS, STEPS)
def test_without_a_decision_there_is_nothing_to_appeal(day: date, before: list[str]) -> None:
    steps = [(each, "unit_review", at(day)) for each in before if each not in (Action.REJECT, Action.REFUSE_BY_RULE)]
    assert not may_appeal(steps, CALENDAR, 20, day)


# ---- the same over HTTP ----


@pytest.fixture(scope="module")
async def desks(world: World) -> Office:
    return await office(world)


@pytest.fixture(scope="module")
async def everybody(world: World, desks: Office) -> dict[Role, Someone]:
    return {role: await world.staff(role, desks.town.city, consents=()) for role in Role}


@pytest.mark.parametrize(("kind", "state", "action"), list(product(Kind, WAITING, OUTCOME)))
async def test_an_appeal_is_answered_by_its_own_people_and_nobody_else(
    client: httpx.AsyncClient,
    desks: Office,
    everybody: dict[Role, Someone],
    kind: Kind,
    state: AppealState,
    action: AppealAction,
) -> None:
    decided_at = State.UNIT_REVIEW if state is S.AT_DISTRICT else State.CITY_APPROVAL
    theirs = roles_at(kind, state)
    appeal = await lodged(client, await refused(client, desks, decided_at, kind=kind))
    assert appeal["state"] == state
    for role in set(Role) - theirs:
        refusal = await decide(client, everybody[role], appeal, action)
        assert (refusal.status_code, refusal.json()["code"]) == (403, "not_allowed"), (role, refusal.text)
    for role in sorted(theirs):
        done = await decide(client, everybody[role], appeal, action)
        assert (done.status_code, done.json().get("state")) == (200, OUTCOME[action]), (role, done.text)
        appeal = await lodged(client, await refused(client, desks, decided_at, kind=kind))
