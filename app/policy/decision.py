"""A decision: how much, with every reason, what would change it, and each step of the calculation. Pure.

A refusal is an outcome to keep, not an error. What is not known is not met: the answer is then no, by name.
Everything here is a plain tuple, because a decision is made on the way of every submission (docs/measurements.md).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

from app.kernel.money import Fen
from app.policy.versions import Version

F = TypeVar("F")


class Reason(NamedTuple):
    """One rule asked. `met` is None when it cannot be answered; the texts are plain Chinese for the worker.

    `needed` and `given` are what the rule wants and what was found; `source` is where the wanted figure comes from,
    with its date where it has one.
    """

    rule: str
    met: bool | None
    text: str
    needed: str
    given: str
    source: str


class Remedy(NamedTuple, Generic[F]):
    """What would turn one rule: in words, and as the facts would then be. `can_change`: by the worker, or by waiting.

    `apply` takes any facts of the kind, so that remedies can be tried together (`app.policy.changes`).
    """

    rule: str
    text: str
    can_change: bool
    apply: Callable[[F], F]


class Finding(NamedTuple, Generic[F]):
    """One rule's answer, with its remedy exactly when the rule is not met."""

    reason: Reason
    remedy: Remedy[F] | None


class Change(NamedTuple):
    """One part of the smallest set of changes that would turn a refusal."""

    rule: str
    text: str
    can_change: bool


class TraceStep(NamedTuple):
    """One step of the calculation, in fen (negative: taken off). The steps of a decision sum to its amount."""

    step: str
    text: str
    amount_fen: Fen


class Cited(NamedTuple):
    """Another version that the decision rests on, such as the criteria of hardship."""

    kind: str
    version: str


class PolicyCited(NamedTuple):
    kind: str
    version: str
    source: str
    in_force_from: date
    rests_on: tuple[Cited, ...] = ()


class Decision(NamedTuple):
    """Eligible with an amount above zero and every reason met; or ineligible with zero and one that is not."""

    outcome: Literal["eligible", "ineligible"]
    amount_fen: Fen
    policy: PolicyCited
    reasons: tuple[Reason, ...]
    changes: tuple[Change, ...]
    trace: tuple[TraceStep, ...]
    decided_on: date


class Judged(NamedTuple, Generic[F]):
    """What the rules say of facts, before it is known what would change it. `amount_fen` counts if all are met.

    Without a trace nothing was calculated.
    """

    findings: tuple[Finding[F], ...]
    trace: tuple[TraceStep, ...] = ()
    amount_fen: Fen = 0

    @property
    def eligible(self) -> bool:
        # A plain loop: it is asked of every decision, and a generator costs three times as much.
        for _, remedy in self.findings:  # noqa: SIM110
            if remedy is not None:
                return False
        return True


_REFUSED: Final = "有条件不符合或暂时无法判断，本次不发放"


_tuple: Final = tuple.__new__
"""Makes a named tuple without its own constructor, which takes longer than all else about a rule that is met."""


def fulfilled(rule: str, text: str, needed: str, given: str, source: str) -> Finding[Any]:
    """A rule that is met, which has nothing to change."""
    return _tuple(Finding, (_tuple(Reason, (rule, True, text, needed, given, source)), None))


def finding(
    rule: str,
    met: bool | None,
    text: str,
    needed: str,
    given: str,
    source: str,
    change: str,
    can_change: bool,
    becomes: Callable[[F], F],
) -> Finding[F]:
    """Ask one rule. `change` tells what would turn it and `becomes` how the facts would then be; dropped when met."""
    reason = Reason(rule, met, text, needed, given, source)
    return Finding(reason, None if met is True else Remedy(rule, change, can_change, becomes))


def cite(kind: str, version: Version, *rests_on: Cited) -> PolicyCited:
    """The version as a decision cites it."""
    return PolicyCited(kind, version.version, version.source, version.in_force_from, rests_on)


class Running:
    """An amount as it is worked out: each step says what it brings the amount to, and is kept as the difference."""

    __slots__ = ("amount_fen", "steps")

    def __init__(self) -> None:
        self.amount_fen: Fen = 0
        self.steps: list[TraceStep] = []

    def to(self, step: str, text: str, amount_fen: Fen) -> None:
        """A step to this amount; one that changes nothing is left out, the first excepted."""
        if amount_fen != self.amount_fen or not self.steps:
            self.steps.append(TraceStep(step, text, amount_fen - self.amount_fen))
            self.amount_fen = amount_fen

    def at_most(self, step: str, text: str, limit_fen: Fen) -> None:
        """A step down to the limit, if the amount is above it."""
        if self.amount_fen > limit_fen:
            self.to(step, text, limit_fen)


def decided(policy: PolicyCited, judged: Judged[F], changes: Iterable[Change], decided_on: date) -> Decision:
    """The decision that these findings make: the amount if every rule is met, otherwise nothing (fails closed).

    Raises ValueError where the rules contradict themselves: that is a defect of the rules, never of the facts.
    """
    reasons = tuple([reason for reason, _ in judged.findings])
    if judged.eligible:
        decision = Decision("eligible", judged.amount_fen, policy, reasons, (), judged.trace, decided_on)
    else:
        total = sum(step.amount_fen for step in judged.trace)
        trace = (*judged.trace, TraceStep("refused", _REFUSED, -total))
        decision = Decision("ineligible", 0, policy, reasons, tuple(changes), trace, decided_on)
    _agrees_with_itself(decision)
    return decision


def _agrees_with_itself(decision: Decision) -> None:
    outcome, amount_fen, _, reasons, changes, trace, _ = decision
    if len({reason[0] for reason in reasons}) < len(reasons):
        raise ValueError("a rule is asked twice")
    if sum([step[2] for step in trace]) != amount_fen:
        raise ValueError("the trace does not sum to the amount")
    if outcome == "eligible":
        if amount_fen <= 0:
            raise ValueError("every rule is met and nothing is paid: a rule was not asked")
    elif not changes:
        raise ValueError("a refusal must say what would change it")


def plain(decision: Decision) -> dict[str, Any]:
    """The decision as JSON's own types, in the shape and order the surface promises."""
    return {
        "outcome": decision.outcome,
        "amount_fen": decision.amount_fen,
        "policy": plain_policy(decision.policy),
        "reasons": [each._asdict() for each in decision.reasons],
        "changes": [each._asdict() for each in decision.changes],
        "trace": [each._asdict() for each in decision.trace],
        "decided_on": decision.decided_on.isoformat(),
    }


def plain_policy(policy: PolicyCited) -> dict[str, Any]:
    """A cited version as JSON's own types."""
    return {
        "kind": policy.kind,
        "version": policy.version,
        "source": policy.source,
        "in_force_from": policy.in_force_from.isoformat(),
        "rests_on": [each._asdict() for each in policy.rests_on],
    }


def from_plain(data: Mapping[str, Any]) -> Decision:
    """The decision that `plain` wrote. Raises KeyError, TypeError or ValueError if it is not one."""
    cited = dict(data["policy"])
    rests_on = tuple(Cited(**each) for each in cited.pop("rests_on"))
    cited["in_force_from"] = date.fromisoformat(cited["in_force_from"])
    decision = Decision(
        outcome=data["outcome"],
        amount_fen=data["amount_fen"],
        policy=PolicyCited(**cited, rests_on=rests_on),
        reasons=tuple(Reason(**each) for each in data["reasons"]),
        changes=tuple(Change(**each) for each in data["changes"]),
        trace=tuple(TraceStep(**each) for each in data["trace"]),
        decided_on=date.fromisoformat(data["decided_on"]),
    )
    _agrees_with_itself(decision)
    return decision
