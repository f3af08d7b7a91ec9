"""Whatever is done to applications by whomever, in whatever order: no money goes out that was not signed for.

A short run is part of every suite. A long one: AID_LIFE_EXAMPLES=500 AID_LIFE_STEPS=40; AID_LIFE_SEED=… repeats a run.
"""

import os
import secrets
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from app.applications.commands import stop_payments
from app.applications.path import REVIEWS, Action, Kind, State, path_of
from app.audit.chain import verify
from app.change_requests.queries import lock_payments
from app.db.sealing import Keyring
from app.db.transaction import Transaction
from app.jobs.notices.ending import end_notice
from app.kernel.actor import Permission
from app.settings import Settings
from tests.applications.desks import body_of, form_of
from tests.applications.living import LONG, MOST_CASES, PAST, line_of, row_of, staged
from tests.applications.living_payments import Paying
from tests.applications.story import Row, Story, check
from tests.paying import FROZEN_ACCOUNT, SUCCESS, WRONG_NUMBER

PICK = st.integers(0, 60)
SELDOM = st.sampled_from([False] * 7 + [True])
FORWARD = (Action.ACCEPT, Action.APPROVE)
CODES = st.sampled_from([SUCCESS, SUCCESS, SUCCESS, WRONG_NUMBER, FROZEN_ACCOUNT])
BACK = (Action.RETURN, Action.REJECT, Action.OBJECT)
OWN = (Action.SUBMIT, Action.WITHDRAW, Action.APPEAL, Action.SUPPLEMENT)
LESS_FEN = (1_000_00, 2_000_00, 3_000_00)
ANSWERS = st.sampled_from(["change", "uphold", "change"])
FEN = st.sampled_from([None, *LESS_FEN])


def waiting(appeals: Iterable[Row]) -> list[Row]:
    return [each for each in appeals if each["decided_at"] is None and each["withdrawn_at"] is None]


class Life(Paying):
    @initialize(
        kinds=st.tuples(st.sampled_from(Kind), st.sampled_from(Kind), st.sampled_from(Kind)), far=st.integers(0, 5)
    )
    def some_have_applied(self, kinds: tuple[Kind, ...], far: int) -> None:
        self.begin()
        for who, kind in enumerate(kinds):
            self._apply(who, kind, LESS_FEN[who], at_once=True)
            self.it_goes_on(who, who, far)

    # ---- the applicant ----

    @rule(who=PICK, kind=st.sampled_from(Kind), fen=st.sampled_from(LESS_FEN), at_once=st.booleans())
    def somebody_applies(self, who: int, kind: Kind, fen: int, at_once: bool) -> None:
        if len(self.cases) < MOST_CASES:
            self._apply(who, kind, fen, at_once)

    def _apply(self, who: int, kind: Kind, fen: int, at_once: bool) -> None:
        someone, student = self.applicants[who % len(self.applicants)]
        given = {"requested_fen": fen} if kind is Kind.HARDSHIP_AID else {}
        told = self.send("draft", someone, "/applications", {"kind": kind, "form": form_of(kind, student, **given)})
        if told.done:
            self.cases.append(UUID(told.body["id"]))
            self.look()
            if at_once:
                self.theirs(self.seen[self.cases[-1]], Action.SUBMIT)

    @rule(n=PICK, action=st.sampled_from(OWN), stale=SELDOM)
    def its_applicant_tries_something(self, n: int, action: Action, stale: bool) -> None:
        story = self.pick(n)
        if story is not None and (action is not Action.WITHDRAW or n % 4 == 0):
            self.theirs(story, action, stale=stale)

    @rule(n=PICK, action=st.sampled_from([Action.SUBMIT, Action.APPEAL]))
    def its_applicant_does_what_is_theirs(self, n: int, action: Action) -> None:
        story = self.where(n, lambda each: row_of(each, action))
        if story is not None:
            self.theirs(story, action)

    @rule(n=PICK, fen=st.sampled_from(LESS_FEN), again=st.booleans())
    def its_applicant_fills_it_in_anew(self, n: int, fen: int, again: bool) -> None:
        story = self.pick(n)
        if story is None:
            return
        kind, row = Kind(story.row["kind"]), story.row
        given = {"requested_fen": fen} if kind is Kind.HARDSHIP_AID else {}
        form = {"form": form_of(kind, self.student(story), **given)}
        told = self.send("edit", self.of(story), f"/applications/{row['id']}", form, row["version"], put=True)
        assert told.done is (row["state"] in (State.DRAFT, State.RETURNED)), told
        if told.done and again:
            self.theirs(self.seen[row["id"]], Action.SUBMIT)

    # ---- the union ----

    @rule(n=PICK, by=PICK, action=st.sampled_from([*Action]), stale=SELDOM, words=st.booleans())
    def anybody_tries_anything(self, n: int, by: int, action: Action, stale: bool, words: bool) -> None:
        story = self.pick(n)
        if story is not None:
            self.step(story, self.hands[by % len(self.hands)], action, stale=stale, words=words)

    @rule(n=PICK, by=PICK, far=st.integers(1, 8))
    def somebody_sees_to_it(self, n: int, by: int, far: int) -> None:
        self.it_goes_on(n, by, far)

    @rule(n=PICK, by=PICK, far=st.integers(1, 3))
    def it_goes_on(self, n: int, by: int, far: int) -> None:
        """So that applications get somewhere: as far as there is somebody to take the next step."""
        for _ in range(far):
            story = self.pick(n)
            if story is None or not self._onwards(story, by):
                return

    def _onwards(self, story: Story, by: int) -> bool:
        row = story.row
        if row["state"] == State.PUBLIC_NOTICE:
            self.hear(PAST)
            self._notice_over(self.seen[row["id"]])
            return bool(self.seen[row["id"]].row["state"] == State.APPROVED)
        if row["state"] in (State.APPROVED, State.PAYING):
            self.pay_through(by, SUCCESS)
            return bool(self.seen[row["id"]].row["state"] == State.PAID)
        if row["supplement"] == "open":
            return self.theirs(story, Action.SUPPLEMENT).done
        step = next((s for s in path_of(row).steps if s.at == row["state"] and s.action in FORWARD), None)
        if step is None:
            return False
        return any(self.step(story, hand, step.action).done for hand in self.with_permission(step.by, by)[:4])

    @rule(n=PICK, by=PICK, action=st.sampled_from(BACK))
    def somebody_who_may_says_no(self, n: int, by: int, action: Action) -> None:
        story = self.where(n, lambda each: row_of(each, action))
        if story is not None:
            step = row_of(story, action)
            assert step is not None
            self.step(story, self.with_permission(step.by, by)[0], action)

    @rule(n=PICK, by=PICK, answered=st.sampled_from([None, Action.SUPPLEMENT, Action.WITHDRAW_SUPPLEMENT]))
    def somebody_asks_for_more(self, n: int, by: int, answered: Action | None) -> None:
        story = self.where(n, lambda each: each.row["state"] in REVIEWS)
        if story is None:
            return
        step = row_of(story, Action.ASK_SUPPLEMENT)
        assert step is not None
        asked = self.asks(story, self.with_permission(step.by, by)[0])
        if asked.done and answered is Action.SUPPLEMENT:
            self.theirs(self.seen[story.row["id"]], answered)
        elif asked.done and answered is not None:
            self.step(self.seen[story.row["id"]], self.with_permission(step.by, by + 1)[0], answered)

    @rule(n=PICK, late=st.booleans())
    def what_was_asked_for_is_not_waited_for_any_longer(self, n: int, late: bool) -> None:
        story = self.where(n, lambda each: each.row["supplement"] == "open")
        if story is not None:
            assert self.run(self.lapsed(story, late=late)) is late
            self.look()
            self.stage.done[f"lapsed: {late}"] += 1

    @rule(n=PICK, by=PICK)
    def a_decision_is_taken_back(self, n: int, by: int) -> None:
        story = self.where(n, lambda each: row_of(each, Action.UNDO))
        if story is not None:
            self.step(story, self.with_permission(Permission.UNDO_REVIEW, by)[0], Action.UNDO)

    @rule(n=PICK, by=PICK, fens=st.sampled_from([LESS_FEN[:1], LESS_FEN[:2], LESS_FEN]))
    def another_amount_is_granted(self, n: int, by: int, fens: tuple[int, ...]) -> None:
        """At one stage after the other: less, and more than was approved so far, as far as the rules go."""
        story = self.where(n, lambda each: row_of(each, Action.RAISE_AMOUNT) and each.row["decided_fen"] > LESS_FEN[0])
        for fen in fens:
            if story is None or row_of(story, Action.RAISE_AMOUNT) is None:
                return
            self._grant(story, by, fen)
            story = self.seen[story.row["id"]]

    def _grant(self, story: Story, by: int, fen: int) -> None:
        step, raised, row = row_of(story, Action.APPROVE), row_of(story, Action.RAISE_AMOUNT), story.row
        assert step is not None
        what = f"grant {'more' if fen > row['amount_fen'] else 'no more'}"
        body = body_of(Action.APPROVE, raised) | {"amount_fen": fen}
        for hand in self.with_permission(step.by, by)[:3]:
            if self.send(what, hand.who, f"/staff/applications/{row['id']}/actions", body, row["version"]).done:
                now = self.seen[row["id"]].row
                assert now["amount_fen"] == fen
                assert now["state"] == (State.UNIT_REVIEW if fen > row["amount_fen"] else step.to)
                return

    # ---- appeals ----

    @rule(n=PICK, by=PICK, action=ANSWERS, fen=FEN)
    def an_appeal_is_answered(self, n: int, by: int, action: str, fen: int | None) -> None:
        story = self.where(n, lambda each: waiting(each.appeals))
        if story is not None:
            self._answer(story, by, action, fen)

    @rule(n=PICK, by=PICK, action=ANSWERS, fen=FEN, far=st.integers(0, 4))
    def somebody_appeals_and_is_answered(self, n: int, by: int, action: str, fen: int | None, far: int) -> None:
        story = self.where(n, lambda each: row_of(each, Action.APPEAL) and not waiting(each.appeals))
        if story is not None and self.theirs(story, Action.APPEAL).done:
            self._answer(self.seen[story.row["id"]], by, action, fen)
            for _ in range(far):
                self._onwards(self.seen[story.row["id"]], by)

    @rule(n=PICK, undone=st.booleans(), by=PICK)
    def an_appeal_is_taken_back(self, n: int, undone: bool, by: int) -> None:
        story = self.where(n, lambda each: waiting(each.appeals))
        if story is None:
            return
        appeal = waiting(story.appeals)[0]
        path = f"/applications/{story.row['id']}/appeals/{appeal['id']}/withdraw"
        assert self.send("appeal taken back", self.of(story), path, None, appeal["version"]).done
        story = self.seen[story.row["id"]]
        if undone and row_of(story, Action.UNDO):
            self.step(story, self.with_permission(Permission.UNDO_REVIEW, by)[0], Action.UNDO)

    def _answer(self, story: Story, by: int, action: str, fen: int | None) -> None:
        appeal = waiting(story.appeals)[0]
        at_district = appeal["state"] == "at_district"
        insured = appeal["kind"] == Kind.SECONDARY_MEDICAL
        city = Permission.APPROVE_MUTUAL_AID if insured else Permission.APPROVE_AT_CITY
        body: dict[str, Any] = {"action": action, "note": "复核后的答复"}
        body |= {"amount_fen": fen} if fen and action == "change" else {}
        for hand in self.with_permission(Permission.REVIEW_AT_DISTRICT if at_district else city, by)[:4]:
            if self.send(f"appeal {action}", hand.who, f"/staff/appeals/{appeal['id']}/actions", body, 1).done:
                return

    # ---- notices ----

    @rule(past=st.booleans())
    def the_worker_process_catches_up(self, past: bool) -> None:
        self.hear(PAST if past else LONG)

    @rule(n=PICK)
    def a_notice_is_over(self, n: int) -> None:
        story = self.where(n, line_of)
        if story is not None:
            self._notice_over(story)

    def _notice_over(self, story: Story) -> None:
        line = line_of(story)

        async def end() -> None:
            async with self.stage.jobs.work() as work:
                await end_notice(work, line)

        if line is not None:
            self.run(end())
            self.look()
            self.stage.done[f"notice looked at: {self.seen[story.row['id']].row['state']}"] += 1

    @rule(n=PICK, by=PICK, action=st.sampled_from([None, "uphold", "dismiss"]))
    def a_line_is_objected_to(self, n: int, by: int, action: str | None) -> None:
        story = self.where(n, line_of)
        line = line_of(story) if story is not None else None
        if line is None:
            return
        someone = self.applicants[by % 2][0]
        self.send("objection", someone, f"/public/notices/{line['id']}/objections", {"text": "此人名下另有房产"})
        if action is None:
            return
        for hand in self.with_permission(Permission.INVESTIGATE, by)[:3]:
            path, body = f"/staff/notices/investigations/{line['id']}/actions", {"action": action, "note": "已核实"}
            if self.send(f"objection {action}", hand.who, path, body, 1).done:
                return

    # ---- payments ----

    @rule(by=PICK, code=CODES, far=st.integers(1, 6))
    def a_batch_goes_on(self, by: int, code: str, far: int) -> None:
        for n in range(far):
            self.pay(by + n, code)
        self.look()

    @rule(n=PICK, by=PICK, code=CODES)
    def a_bank_sends_something_back(self, n: int, by: int, code: str) -> None:
        story = self.where(n, lambda each: each.row["state"] in (State.PAID, State.PAYMENT_FAILED))
        if story is not None:
            self.bank_says(story, by, code)

    @rule(n=PICK, by=PICK, action=st.sampled_from([Action.REISSUE, Action.REISSUE, Action.WRITE_OFF]))
    def what_failed_is_put_right(self, n: int, by: int, action: Action) -> None:
        story = self.where(n, lambda each: each.row["state"] == State.PAYMENT_FAILED)
        if story is not None:
            self.put_right(story, by, action)

    @rule(n=PICK)
    def what_is_being_paid_is_stopped(self, n: int) -> None:
        story = self.where(n, lambda each: each.row["state"] == State.PAYING)
        if story is None:
            return

        async def stop() -> int:
            async with self.stage.jobs.work() as work:
                whose = (story.row["applicant_id"], story.row["household_id"])
                await lock_payments(work.transaction, *whose)
                return await stop_payments(work, *whose)

        self.stage.done["stopped"] += self.run(stop())
        self.look()

    # ---- what always holds ----

    @invariant()
    def nothing_goes_wrong(self) -> None:
        for story in getattr(self, "seen", {}).values():
            check(story, self.stage.world.keyring)

    def teardown(self) -> None:
        for story in getattr(self, "seen", {}).values():
            self._notice_over(story)  # the worker process of another test would find it
        if getattr(self, "cases", None):
            _, breaks = self.run(verify(Transaction(self.stage.owner)))
            assert breaks == []


def test_the_life_of_applications_in_any_order(
    configured: Settings, keyring: Keyring, capsys: pytest.CaptureFixture[str]
) -> None:
    Life.stage = staged(configured, keyring)
    chosen = int(os.environ.get("AID_LIFE_SEED") or secrets.randbelow(2**32))
    print(f"AID_LIFE_SEED={chosen}")  # noqa: T201 - pytest shows it with a failure
    tried = settings(
        max_examples=int(os.environ.get("AID_LIFE_EXAMPLES", "8")),
        stateful_step_count=int(os.environ.get("AID_LIFE_STEPS", "40")),
        deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        run_state_machine_as_test(seed(chosen)(Life), settings=tried)
    finally:
        print(dict(sorted(Life.stage.done.items())))  # noqa: T201 - what was tried
        Life.stage.close()
