"""The ways of the three kinds of aid, as data: `path_of` gives the one that a case is on.

Hardship aid and Golden Autumn: unit → district → city → public notice → approved → paid. What is large is decided by a
meeting of the city after that; which stages a case passes is found when it is submitted (`app.applications.routes`).
Secondary medical insurance is a contract, not a favour: it needs no public notice (facts: 住院二次医保).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cache
from typing import Any, Final

from app.kernel.actor import Permission
from app.workflow.path import Path, Step


class Kind(StrEnum):
    HARDSHIP_AID = "hardship_aid"
    GOLDEN_AUTUMN = "golden_autumn"
    SECONDARY_MEDICAL = "secondary_medical"


class State(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    UNIT_REVIEW = "unit_review"
    DISTRICT_REVIEW = "district_review"
    CITY_APPROVAL = "city_approval"
    MEETING = "meeting"
    """What is large is decided by several together (app/meetings)."""
    WAITING_FUNDS = "waiting_funds"
    """Approved, and there is no money for it yet: the next in the order of the waiting list is funded (app/funds)."""
    PUBLIC_NOTICE = "public_notice"
    APPROVED = "approved"
    PAYING = "paying"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    """The bank refused it, or sent it back (app/payments)."""
    RETURNED = "returned"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    APPEALED = "appealed"
    """Refused, and somebody else is looking at it again (app/appeals)."""


class Action(StrEnum):
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    ACCEPT = "accept"
    RETURN = "return"
    REJECT = "reject"
    APPROVE = "approve"
    RAISE_AMOUNT = "raise_amount"
    """A reviewer grants more than was approved so far: the case goes back to the first stage of the way for so much."""
    CONVENE = "convene"
    """A meeting is opened, with its members."""
    VOTE = "vote"
    """A member voted; in no row of the table, since it is part of how the meeting ended."""
    CARRY = "carry"
    """The meeting was for it."""
    TURN_DOWN = "turn_down"
    """It was not."""
    REFUSE_BY_RULE = "refuse_by_rule"
    END_NOTICE = "end_notice"
    OBJECT = "object"
    """What was published is objected to, and rightly: its district looks at it anew."""
    START_PAYMENT = "start_payment"
    """A batch in which it stands was confirmed (app/payments)."""
    CHECK_PAYMENT = "check_payment"
    """Who confirmed that batch signs as well; in no row of the table, since it comes with the step before."""
    CONFIRM_PAYMENT = "confirm_payment"
    """The bank says that it was paid."""
    FAIL_PAYMENT = "fail_payment"
    """The bank says that it was not."""
    RETURN_PAYMENT = "return_payment"
    """The bank says so later of what was paid (退汇)."""
    REISSUE = "reissue"
    """What stood in the way is put right: it is paid again, in another batch."""
    WRITE_OFF = "write_off"
    """It is not paid again, and ends."""
    ASSIST = "assist"
    """Staff filled in for the worker; in no row of the table, since it comes before the first."""
    STOP_PAYMENT = "stop_payment"
    """What was not yet sent is not sent: who is paid, or where, is being changed."""
    FOLLOW_FILE = "follow_file"
    """No step of a path: the household file was merged, split or handed on, and the application went with it."""
    APPEAL = "appeal"
    UPHOLD_DECISION = "uphold_decision"
    """An appeal is answered: the decision stands."""
    WITHDRAW_APPEAL = "withdraw_appeal"
    """The appellant took it back: the decision stands."""
    CHANGE_DECISION = "change_decision"
    """An appeal is answered with another amount, by the city."""
    REOPEN = "reopen"
    """The same by the district: the city has still to approve."""
    ASK_SUPPLEMENT = "ask_supplement"
    """A reviewer asks for documents or answers; the case stays where it is."""
    SUPPLEMENT = "supplement"
    WITHDRAW_SUPPLEMENT = "withdraw_supplement"
    """What was asked for is not needed any more."""
    LAPSE_SUPPLEMENT = "lapse_supplement"
    """Its days are over: the reviewer goes on with what there is."""
    UNDO = "undo"
    """Somebody else takes back a refusal or an approval, before any money has moved."""
    FUND = "fund"
    """There is room for a case that waits for money."""
    EXPIRE_RESERVATION = "expire_reservation"
    """What is held for a case was not paid in time: it waits anew, and the next is funded."""
    STAND = "stand"
    """No step of a path: a review of an earlier stage stands in the round that undoing a later one opens."""


S, A = State, Action
EDITABLE = frozenset({S.DRAFT, S.RETURNED})
OPEN = frozenset(
    {
        *(S.SUBMITTED, S.UNIT_REVIEW, S.DISTRICT_REVIEW, S.CITY_APPROVAL, S.MEETING),
        *(S.WAITING_FUNDS, S.PUBLIC_NOTICE, S.APPROVED, S.PAYING, S.PAYMENT_FAILED, S.APPEALED),
    }
)
"""Submitted and not yet ended."""
STAGES: Final = (S.UNIT_REVIEW, S.DISTRICT_REVIEW, S.CITY_APPROVAL, S.MEETING)
"""Every stage that a way may have, in the only order in which they make sense."""
STANDARD: Final = STAGES[:3]
"""The way of what was submitted before ways were data, and of ordinary amounts."""
Stages = tuple[State, ...]
REVIEWS: Final = (S.SUBMITTED, S.UNIT_REVIEW, S.DISTRICT_REVIEW, S.CITY_APPROVAL)
"""Where somebody looks at a case, and may ask its applicant for more."""
NOTHING_AWAITED: Final = "nothing_awaited"
AWAITS_SUPPLEMENT: Final = "awaits_supplement"
REUSE_ANSWERED: Final = "reuse_answered"
GATES: Final[dict[str, str]] = {
    NOTHING_AWAITED: "没有正在等申请人补充的材料",
    AWAITS_SUPPLEMENT: "正在等申请人补充材料",
    REUSE_ANSWERED: "没有待核实的一票多用提示，也没有认定为同一张票据",
}
"""What has to be so before a step that names it."""


def gates_shut(supplement: str | None, reuse: str | None = None) -> frozenset[str]:
    """Of `GATES`, those that do not hold; how the last supplement stands (`application.supplement`), and whether a hint
    that its bill was claimed for before waits for an answer, or was said to be true (`application.reuse`)."""
    shut = {NOTHING_AWAITED if supplement == "open" else AWAITS_SUPPLEMENT}
    return frozenset(shut if reuse is None else shut | {REUSE_ANSWERED})


def _worker_steps(stages: Stages) -> tuple[Step, ...]:
    return (
        *(Step(state, A.SUBMIT, S.SUBMITTED, Permission.OWN) for state in (S.DRAFT, S.RETURNED)),
        *(
            Step(state, A.REFUSE_BY_RULE, S.REJECTED, Permission.SYSTEM, needs_reason=True)
            for state in (S.DRAFT, S.RETURNED)
        ),
        *(
            Step(state, A.WITHDRAW, S.WITHDRAWN, Permission.OWN)
            for state in (S.DRAFT, S.RETURNED, S.SUBMITTED, *stages, S.WAITING_FUNDS)
        ),
    )


def _review(state: State, by: Permission, to: State) -> tuple[Step, ...]:
    """A reviewer approves, returns for correction or rejects with a reason."""
    # A unit may pass on what it cannot look into: the other claim may be another district's.
    gates = () if state is S.UNIT_REVIEW else (REUSE_ANSWERED,)
    return (
        Step(state, A.APPROVE, to, by, counts_as_review=True, gates=gates),
        Step(state, A.RETURN, S.RETURNED, by, needs_note=True, counts_as_review=True),
        Step(state, A.REJECT, S.REJECTED, by, needs_note=True, needs_reason=True, counts_as_review=True),
    )


def _raised(stages: Stages) -> tuple[Step, ...]:
    """What follows where somebody approves more than was approved before them (`app.applications.amounts`)."""
    return tuple(
        Step(
            state,
            A.RAISE_AMOUNT,
            stages[0],
            Permission.SYSTEM,
            needs_note=True,
            opens_round=True,
            gates=(NOTHING_AWAITED,),
        )
        for state in stages
        if state is not S.MEETING
    )


def _meeting(to: State) -> tuple[Step, ...]:
    """How its members vote is counted by `app.meetings`, which takes the step that follows as the system."""
    return (
        Step(S.MEETING, A.CONVENE, S.MEETING, Permission.HOLD_MEETING, carries="members", gates=(REUSE_ANSWERED,)),
        Step(S.MEETING, A.CARRY, to, Permission.SYSTEM),
        Step(S.MEETING, A.TURN_DOWN, S.REJECTED, Permission.SYSTEM, needs_note=True, needs_reason=True),
    )


def _notice(stages: Stages) -> tuple[Step, ...]:
    """A notice ends by itself, or its application goes back to the district, into another round with another notice."""
    return (
        Step(S.PUBLIC_NOTICE, A.END_NOTICE, S.APPROVED, Permission.SYSTEM),
        Step(
            S.PUBLIC_NOTICE, A.OBJECT, S.DISTRICT_REVIEW if S.DISTRICT_REVIEW in stages else S.CITY_APPROVAL,
            Permission.INVESTIGATE, needs_note=True, opens_round=True, optional=True,
        ),
    )  # fmt: skip


BATCH: Final = "batch"
LINE: Final = "line"


def _payment() -> tuple[Step, ...]:
    """Money moves in batches, and by what the bank says of their lines: never by a step on one application alone."""
    return (
        Step(
            S.APPROVED, A.START_PAYMENT, S.PAYING, Permission.START_PAYMENT,
            counts_as_review=True, carries=BATCH, gates=(REUSE_ANSWERED,),
        ),
        Step(S.PAYING, A.CONFIRM_PAYMENT, S.PAID, Permission.SYSTEM),
        Step(S.PAYING, A.FAIL_PAYMENT, S.PAYMENT_FAILED, Permission.SYSTEM),
        Step(S.PAYING, A.STOP_PAYMENT, S.APPROVED, Permission.SYSTEM),
        Step(S.PAID, A.RETURN_PAYMENT, S.PAYMENT_FAILED, Permission.SYSTEM),
        Step(S.PAYMENT_FAILED, A.REISSUE, S.APPROVED, Permission.START_PAYMENT, carries=LINE),
        Step(
            S.PAYMENT_FAILED, A.WRITE_OFF, S.WITHDRAWN, Permission.CONFIRM_PAYMENT,
            needs_note=True, carries=LINE, optional=True,
        ),
    )  # fmt: skip


def _appeal_steps(after_city: State, decided: State) -> tuple[Step, ...]:
    """A refusal waits for its appeal; what was granted goes on meanwhile, and begins anew where more is granted.

    How an appeal is decided, and by whom, is another table (app.appeals.path); here it takes its steps as the system.
    `after_city`: where what the city has approved goes; `decided`: where a case is once nobody else has to approve it.
    """
    granted = tuple(dict.fromkeys((S.WAITING_FUNDS, decided, S.APPROVED, S.PAID)))
    return (
        Step(S.REJECTED, A.APPEAL, S.APPEALED, Permission.OWN),
        Step(S.APPEALED, A.UPHOLD_DECISION, S.REJECTED, Permission.SYSTEM),
        Step(S.APPEALED, A.WITHDRAW_APPEAL, S.REJECTED, Permission.SYSTEM),
        Step(S.APPEALED, A.REOPEN, S.CITY_APPROVAL, Permission.SYSTEM),
        Step(S.APPEALED, A.CHANGE_DECISION, after_city, Permission.SYSTEM),
        *(Step(state, A.APPEAL, state, Permission.OWN) for state in granted),
        *(Step(state, A.CHANGE_DECISION, after_city, Permission.SYSTEM) for state in granted),
    )


def _supplements(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Whoever reviews a case may ask its applicant for more. It stays where it is, and nobody decides meanwhile."""
    own = (Permission.OWN, Permission.SYSTEM)
    guarded = (
        replace(step, gates=(*step.gates, NOTHING_AWAITED)) if step.at in REVIEWS and step.by not in own else step
        for step in steps
    )
    reviewers = {step.at: step.by for step in steps if step.action in (A.ACCEPT, A.APPROVE)}
    asking = (
        row
        for at, by in reviewers.items()
        for row in (
            Step(
                at,
                A.ASK_SUPPLEMENT,
                at,
                by,
                gates=(NOTHING_AWAITED,),
                carries="supplement",
                optional=True,
                bars_signers=True,
            ),
            Step(at, A.SUPPLEMENT, at, Permission.OWN, gates=(AWAITS_SUPPLEMENT,), carries="supplement"),
            Step(at, A.WITHDRAW_SUPPLEMENT, at, by, gates=(AWAITS_SUPPLEMENT,), carries="supplement", optional=True),
            Step(at, A.LAPSE_SUPPLEMENT, at, Permission.SYSTEM, gates=(AWAITS_SUPPLEMENT,)),
        )
    )
    return (*guarded, *asking)


def _undoing(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """A refusal or an approval by staff can be taken back from where it led to, as long as that is no payment."""
    undone = (step for step in steps if step.action in (A.APPROVE, A.REJECT))
    rows = (
        Step(
            to, A.UNDO, step.at, Permission.UNDO_REVIEW,
            needs_note=True, counts_as_review=True, when=step.at, opens_round=True, optional=True,
        )
        for step in undone
        for to in (step.to, step.otherwise)
        if to is not None
    )  # fmt: skip
    return (*steps, *rows)


_GRANTS: Final = (A.APPROVE, A.CARRY, A.CHANGE_DECISION)


def _funded(steps: tuple[Step, ...], decided: State) -> tuple[Step, ...]:
    """Whatever grants money leads to the waiting list where there is none."""
    return tuple(
        replace(step, otherwise=S.WAITING_FUNDS) if step.to == decided and step.action in _GRANTS else step
        for step in steps
    )


def _waiting(decided: State) -> tuple[Step, ...]:
    """In and out of the waiting list by the clock and by the room that there is; from where a notice was over already,
    the case goes on to its payment."""
    funded = [Step(S.WAITING_FUNDS, A.FUND, decided, Permission.SYSTEM)]
    if decided != S.APPROVED:
        funded.append(Step(S.WAITING_FUNDS, A.FUND, S.APPROVED, Permission.SYSTEM, when=S.APPROVED))
    return (*funded, Step(S.APPROVED, A.EXPIRE_RESERVATION, S.WAITING_FUNDS, Permission.SYSTEM))


def _path(kind: Kind, stages: Stages) -> Path:
    insured = kind is Kind.SECONDARY_MEDICAL
    decided = S.APPROVED if insured else S.PUBLIC_NOTICE
    following = dict(zip(stages, (*stages[1:], decided), strict=True))
    reviewers = {
        S.UNIT_REVIEW: Permission.REVIEW_AT_UNIT,
        S.DISTRICT_REVIEW: Permission.REVIEW_AT_DISTRICT,
        S.CITY_APPROVAL: Permission.APPROVE_MUTUAL_AID if insured else Permission.APPROVE_AT_CITY,
    }
    reviews = (
        Step(S.SUBMITTED, A.ACCEPT, stages[0], Permission.ACCEPT_CASE, counts_as_review=True),
        Step(S.SUBMITTED, A.RETURN, S.RETURNED, Permission.ACCEPT_CASE, needs_note=True, counts_as_review=True),
        *(step for at, by in reviewers.items() if at in stages for step in _review(at, by, following[at])),
    )
    return Path(
        (
            *_worker_steps(stages),
            *_undoing(_funded(_supplements(reviews), decided)),
            *(() if insured else _raised(stages)),
            *(_funded(_meeting(decided), decided) if S.MEETING in stages else ()),
            *(() if insured else _notice(stages)),
            *_payment(),
            *_waiting(decided),
            *_funded(_appeal_steps(following[S.CITY_APPROVAL], decided), decided),
        ),
    )


def route_text(stages: Sequence[str]) -> str:
    """How a way is written down with a case."""
    return " ".join(stages)


@cache
def stages_along(route: str | None) -> Stages:
    """The stages of a way as it is written down; None: submitted before it was."""
    return tuple(State(stage) for stage in route.split()) if route else STANDARD


@cache
def path_along(kind: str, route: str | None) -> Path:
    """The path of a kind along a way as it is written down. There are as many as there are ways to leave stages out."""
    return _path(Kind(kind), stages_along(route))


def path_of(row: Mapping[str, Any]) -> Path:
    """The path that a case is on: frozen with it when it was submitted."""
    return path_along(row["kind"], row["route"])


PATHS: dict[Kind, Path] = {kind: path_along(kind, None) for kind in Kind}
"""The usual ones."""
WHOLE_PATHS: dict[Kind, Path] = {kind: path_along(kind, route_text(STAGES)) for kind in Kind}
"""Those with every stage there is. Who acts in a state is the same on each path, so they say what waits for whom."""
