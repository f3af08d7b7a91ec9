"""What would change a refusal: the smallest set of changes that turns it, found by trying. Pure.

Each unmet rule brings a remedy that knows how the facts would then be. All that is found wanting is mended, judged
again (a mended rule may bring new questions), and then whatever can be left out is left out. So the whole set turns
the refusal, and without any one of its parts it would stand.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Final, TypeVar

from app.policy.decision import Change, Decision, Judged, PolicyCited, Remedy, decided

F = TypeVar("F")

_ROUNDS: Final = 12
"""More questions in a row than any kind asks: a remedy that does not mend its rule must not go round for ever."""


def decide(policy: PolicyCited, facts: F, judge: Callable[[F], Judged[F]], decided_on: date) -> Decision:
    """The decision of a judge on facts, with what would change it if it is a refusal."""
    judged = judge(facts)
    if judged.eligible:
        return decided(policy, judged, (), decided_on)
    changes = [Change(each.rule, each.text, each.can_change) for each in smallest(facts, judged, judge)]
    return decided(policy, judged, changes, decided_on)


def smallest(facts: F, judged: Judged[F], judge: Callable[[F], Judged[F]]) -> tuple[Remedy[F], ...]:
    """The remedies that turn the refusal together and not without any one of them, in the order of the rules."""
    return _without_idle(facts, _enough(facts, judged, judge), judge)


def mended(facts: F, remedies: Iterable[Remedy[F]]) -> F:
    """The facts with these remedies applied."""
    for remedy in remedies:
        facts = remedy.apply(facts)
    return facts


def _enough(facts: F, judged: Judged[F], judge: Callable[[F], Judged[F]]) -> tuple[Remedy[F], ...]:
    found: dict[str, Remedy[F]] = {}
    for _ in range(_ROUNDS):
        wanting = [each.remedy for each in judged.findings if each.remedy and each.remedy.rule not in found]
        if not wanting:
            break
        found |= {remedy.rule: remedy for remedy in wanting}
        judged = judge(mended(facts, found.values()))
    return tuple(found.values())


def _without_idle(facts: F, remedies: tuple[Remedy[F], ...], judge: Callable[[F], Judged[F]]) -> tuple[Remedy[F], ...]:
    """What is left when none can be left out any more: again from the start after each that could.

    The last one stays without a trial: with none at all the refusal stands, that is how the search began.
    """
    if len(remedies) == 1:
        return remedies
    for remedy in remedies:
        rest = tuple(each for each in remedies if each is not remedy)
        if judge(mended(facts, rest)).eligible:
            return _without_idle(facts, rest, judge)
    return remedies
