"""A decision: how much, with every reason, what would change it, and each step of the calculation. Pure.

A refusal is an outcome to keep, not an error. What is not known is not met: the answer is then no, by name.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.kernel.money import Fen
from app.policy.fields import Frozen, IsoDate
from app.policy.versions import Version

RuleCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Text = Annotated[str, Field(min_length=1)]


class Reason(Frozen):
    """One rule asked. `met` is None when it cannot be answered; `needed` and `given` are short Chinese text."""

    rule: RuleCode
    met: bool | None
    text: Text
    needed: Text
    given: Text
    source: Text


class Change(Frozen):
    """What would turn a rule that is not met; `can_change`: by a paper, a correction, or waiting for a named day."""

    rule: RuleCode
    text: Text
    can_change: bool


class TraceStep(Frozen):
    """One step of the calculation, in fen (negative: taken off)."""

    step: RuleCode
    text: Text
    amount_fen: int


class PolicyCited(Frozen):
    kind: RuleCode
    version: Text
    source: Text
    in_force_from: IsoDate


class Decision(Frozen):
    """Eligible with an amount above zero and every reason met; or ineligible with zero and one that is not."""

    outcome: Literal["eligible", "ineligible"]
    amount_fen: Annotated[Fen, Field(ge=0)]
    policy: PolicyCited
    reasons: tuple[Reason, ...]
    changes: tuple[Change, ...]
    trace: tuple[TraceStep, ...]
    decided_on: IsoDate

    @model_validator(mode="after")
    def agrees_with_itself(self) -> Self:
        if len({reason.rule for reason in self.reasons}) < len(self.reasons):
            raise ValueError("a rule is asked once")
        unmet = [reason.rule for reason in self.reasons if reason.met is not True]
        if (self.outcome == "eligible") is bool(unmet) or (self.amount_fen > 0) is bool(unmet):
            raise ValueError("outcome, amount and reasons contradict one another")
        if [change.rule for change in self.changes] != unmet:
            raise ValueError("each rule that is not met, and no other, says what would change it")
        if not self.trace or self.trace[-1].amount_fen != self.amount_fen:
            raise ValueError("the trace must end with the amount")
        return self


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's answer with what would change it (None exactly when the rule is met)."""

    reason: Reason
    change: Change | None


def finding(
    rule: str,
    met: bool | None,
    text: str,
    *,
    needed: str,
    given: str,
    source: str,
    change: str,
    can_change: bool = False,
) -> Finding:
    """Ask one rule. `change` tells what would turn it, and is dropped when the rule is met."""
    reason = Reason(rule=rule, met=met, text=text, needed=needed, given=given, source=source)
    return Finding(reason, None if met is True else Change(rule=rule, text=change, can_change=can_change))


def unmet(findings: Iterable[Finding]) -> bool:
    """Whether any rule is not met or cannot be answered."""
    return any(each.change for each in findings)


def cite(kind: str, version: Version) -> PolicyCited:
    """The version as a decision cites it."""
    return PolicyCited(kind=kind, version=version.version, source=version.source, in_force_from=version.in_force_from)


def decide(
    policy: PolicyCited,
    findings: Iterable[Finding],
    trace: Iterable[TraceStep],
    amount_fen: Fen,
    decided_on: date,
) -> Decision:
    """The decision these findings make: `amount_fen` if every rule is met, otherwise nothing (fails closed).

    Raises ValidationError if all rules are met and there is no amount: the kind has then forgotten to ask a rule.
    """
    asked = tuple(findings)
    refused = unmet(asked)
    amount = 0 if refused else amount_fen
    last = "有条件不符合或暂时无法判断，本次不发放" if refused else "本次可以发放的金额"
    return Decision(
        outcome="ineligible" if refused else "eligible",
        amount_fen=amount,
        policy=policy,
        reasons=tuple(each.reason for each in asked),
        changes=tuple(each.change for each in asked if each.change),
        trace=(*trace, TraceStep(step="payable", text=last, amount_fen=amount)),
        decided_on=decided_on,
    )


def plain(decision: Decision) -> dict[str, object]:
    """The decision as JSON's own types, in the shape the surface promises."""
    return decision.model_dump(mode="json")


def from_plain(data: Mapping[str, object]) -> Decision:
    """The decision `plain` wrote. Raises ValidationError if it is not one, or contradicts itself."""
    return Decision.model_validate_json(json.dumps(data))
