"""What the table of a household file doesn't say can't happen."""

from itertools import product

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.households.gates import classified, not_excluded, register_complete
from app.households.path import (
    CANCEL_REASONS,
    CORRECTABLE,
    DEAD_STATES,
    EDITABLE,
    EXIT_ENDS,
    GATES,
    IN_FORCE,
    PATH,
    SETTLED,
    WAITING_STATES,
    way_back,
)
from app.http.gates import GATES as ASKED
from app.kernel.actor import Permission
from app.workflow.path import NotAllowedNow, Step

DOCUMENTED = frozenset(
    "draft submitted unit_review home_visit district_review means_check public_notice city_approval active "
    "annual_review exit_proposed exit_notice lifted relieved cancelled transferred returned rejected withdrawn "
    "suspended".split()
)
ADMISSION = ["submit", "accept", "approve", "report", "approve", "conclude", "end_notice", "approve"]


def walked(*actions: str) -> str:
    state, before = "draft", None
    for action in actions:
        step = PATH.step(state, action, before)
        state, before = step.to, way_back(step, before)
    return state


def test_the_states_are_those_of_the_contract() -> None:
    assert set(PATH.states) == DOCUMENTED


def test_a_file_passes_every_desk_before_it_is_active() -> None:
    assert walked(*ADMISSION) == "active"
    ways = [step for step in PATH.steps if step.to == "active" and step.at not in (*SETTLED, "exit_proposed")]
    assert [(step.at, step.by) for step in ways] == [("city_approval", Permission.APPROVE_AT_CITY)]


def test_a_match_is_no_verdict() -> None:
    assert {step.to for step in PATH.steps if step.at == "means_check"} == {"public_notice", "returned"}


def test_what_is_dead_stays_dead() -> None:
    assert all(step.at not in DEAD_STATES for step in PATH.steps)
    assert {state for state in PATH.states if all(step.at != state for step in PATH.steps)} == set(DEAD_STATES)


@pytest.mark.parametrize("state", IN_FORCE)
def test_a_proposed_exit_that_is_returned_leads_back_to_where_the_file_was(state: str) -> None:
    proposed = PATH.step(state, "propose_exit")
    before = way_back(proposed, None)
    approved = PATH.step("exit_proposed", "approve", before)
    objected = PATH.step("exit_notice", "object", way_back(approved, before))
    again = way_back(objected, way_back(approved, before))
    assert (before, again) == (state, state)
    assert PATH.step("exit_proposed", "return", again).to == state


def test_the_ways_of_leaving_are_never_mixed() -> None:
    ends = {step.action: step.to for step in PATH.steps if step.at == "exit_notice" and step.by is Permission.SYSTEM}
    assert ends == {"lift": "lifted", "relieve": "relieved", "cancel": "cancelled"}
    assert {EXIT_ENDS[kind]: kind for kind in EXIT_ENDS} == ends
    assert len(CANCEL_REASONS) == 8


def test_what_is_relieved_stays_in_the_file_and_in_force() -> None:
    assert "relieved" in IN_FORCE
    assert "relieved" not in DEAD_STATES


def test_a_gate_is_named_told_and_asked() -> None:
    named = {gate for step in PATH.steps for gate in step.gates}
    assert named == set(GATES) == set(ASKED)
    own = {"register_complete": register_complete, "not_excluded": not_excluded, "classified": classified}
    assert own.items() <= dict(ASKED).items()


def test_nobody_can_be_admitted_past_the_exclusion() -> None:
    approvals = [step for step in PATH.steps if step.action == "approve" and step.at.endswith(("review", "approval"))]
    assert [step.at for step in approvals] == ["unit_review", "district_review", "city_approval"]
    assert all("not_excluded" in step.gates for step in approvals)


def test_what_opens_again_makes_what_was_signed_void() -> None:
    opening = {step.action for step in PATH.steps if step.opens_round}
    assert opening == {"object", "start_review", "propose_exit"}


def test_whoever_proposes_an_exit_is_not_who_decides_it() -> None:
    deciding = [PATH.step("active", "propose_exit"), PATH.step("exit_proposed", "approve")]
    assert all(step.counts_as_review for step in deciding)


@pytest.mark.parametrize(("state", "action"), list(product(PATH.states, PATH.actions)))
def test_an_action_is_possible_exactly_where_the_table_has_it(state: str, action: str) -> None:
    rows = [step for step in PATH.steps if (step.at, step.action) == (state, action)]
    for before in (None, *SETTLED):
        fits = [step for step in rows if step.when in (None, before)]
        if fits:
            assert PATH.step(state, action, before) in fits
        else:
            with pytest.raises(NotAllowedNow):
                PATH.step(state, action, before)


def test_nothing_waits_where_nothing_has_to_be_done() -> None:
    waiting = {permission: PATH.waiting_for(permission) for permission in Permission}
    assert {permission: states for permission, states in waiting.items() if states} == {
        Permission.OWN: ("draft", "returned", "submitted", "unit_review", "home_visit"),
        Permission.ACCEPT_CASE: ("submitted", "home_visit"),
        Permission.REVIEW_AT_UNIT: ("unit_review", "annual_review"),
        Permission.REVIEW_AT_DISTRICT: ("district_review", "means_check", "exit_proposed"),
        Permission.APPROVE_AT_CITY: ("city_approval",),
        Permission.SYSTEM: ("public_notice", "exit_notice"),
    }
    staff = {state for permission, states in waiting.items() if permission.startswith("case:") for state in states}
    assert staff == set(WAITING_STATES)


def test_the_worker_edits_only_what_they_have_in_hand() -> None:
    assert not EDITABLE & set(CORRECTABLE)
    assert {step.at for step in PATH.steps if step.action == "withdraw"} == {
        "draft", "returned", "submitted", "unit_review", "home_visit",
    }  # fmt: skip


class Life(RuleBasedStateMachine):
    """A file on which anybody tries anything."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.before = "draft", None
        self.taken: list[Step] = []

    @rule(action=st.sampled_from(PATH.actions))
    def anything(self, action: str) -> None:
        try:
            self._take(PATH.step(self.state, action, self.before))
        except NotAllowedNow:
            assert not [
                s for s in PATH.steps if (s.at, s.action) == (self.state, action) and s.when in (None, self.before)
            ]

    @rule(data=st.data())
    def something_possible(self, data: st.DataObject) -> None:
        possible = [s for s in PATH.steps if s.at == self.state and s.when in (None, self.before)]
        if possible:
            self._take(data.draw(st.sampled_from(possible)))

    def _take(self, step: Step) -> None:
        assert step.at == self.state
        self.before: str | None = way_back(step, self.before)
        self.state = step.to
        self.taken.append(step)

    @invariant()
    def what_stands_was_approved_by_everyone(self) -> None:
        if self.state not in SETTLED:
            return
        admitted = max(n for n, s in enumerate(self.taken) if s.at == "city_approval" and s.action == "approve")
        way = self.taken[: admitted + 1]
        submitted = max(n for n, s in enumerate(way) if s.action == "submit")
        signed = [
            s.at for s in way[submitted:] if s.action in ("accept", "approve", "report", "conclude", "end_notice")
        ]
        wanted = ["submitted", "unit_review", "home_visit", "district_review", "means_check", "public_notice",
                  "city_approval"]  # fmt: skip
        assert [at for at in wanted if at in signed] == wanted

    @invariant()
    def it_can_go_back_exactly_while_it_is_on_hold(self) -> None:
        on_hold = self.state in ("suspended", "exit_proposed", "exit_notice")
        assert (self.before in IN_FORCE) is on_hold

    @invariant()
    def what_left_did_so_for_one_reason(self) -> None:
        if self.state in ("lifted", "cancelled"):
            assert self.taken[-1].action in ("lift", "cancel", "merge")
            assert self.taken[-1].by is Permission.SYSTEM or self.taken[-1].action == "merge"


TestLife = Life.TestCase
