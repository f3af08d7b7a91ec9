"""Cases the office can read: a name, the facts that differ from an ordinary case, and what must come out."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import model_validator

from app.policy.changes import mended, smallest
from app.policy.decision import Decision, Judged, Reason, from_plain, plain
from app.policy.fields import Frozen
from app.policy.replay import canonical, facts_from, facts_json
from app.policy.versions import read_yaml

F = TypeVar("F")

_LATIN = re.compile("[A-Za-z_]")
_CHINESE = re.compile("[\u4e00-\u9fff]")


class Case(Frozen):
    """`amount_fen` when something is granted, otherwise `failed`: the rules not met, in any order."""

    case: str
    facts: dict[str, Any]
    sheet: dict[str, int] | None = None
    version: str | None = None
    amount_fen: int | None = None
    failed: list[str] | None = None

    @model_validator(mode="after")
    def has_one_outcome(self) -> Self:
        if (self.amount_fen is None) is (self.failed is None):
            raise ValueError("give amount_fen or failed")
        return self

    def check(self, decision: Decision) -> None:
        failed = sorted(reason.rule for reason in decision.reasons if reason.met is not True)
        assert (decision.amount_fen, failed) == (self.amount_fen or 0, sorted(self.failed or []))
        assert self.version in (None, decision.policy.version)


def read_cases(beside: str, name: str = "cases.yaml") -> list[Case]:
    """The cases in a file beside a test file: a list, or `situations` by name and the `cases` that use them."""
    read = read_yaml(Path(beside).with_name(name).read_text(encoding="utf-8"))
    rows, situations = (read["cases"], read["situations"]) if isinstance(read, dict) else (read, {})
    cases = []
    for row in rows:
        situation = situations[row.pop("situation")] if "situation" in row else {}
        cases.append(Case.model_validate_json(json.dumps(row | {"facts": _merged(situation, row["facts"])})))
    assert len({case.case for case in cases}) == len(cases)
    return cases


def changed(facts: F, changes: Mapping[str, Any]) -> F:
    """The facts with these changes, nested ones merged; an unknown name or another type fails."""
    return facts_from(type(facts), canonical(_merged(json.loads(facts_json(facts)), changes)))


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, Mapping):
        return old | {key: _merged(old.get(key), value) for key, value in new.items()}
    return new


def check_changes_flip(facts: F, judge: Callable[[F], Judged[F]]) -> None:
    """The changes of a refusal together make it eligible, and without any one of them it stays refused."""
    judged = judge(facts)
    if judged.eligible:
        return
    changes = smallest(facts, judged, judge)
    assert changes
    assert judge(mended(facts, changes)).eligible
    for left_out in changes:
        assert not judge(mended(facts, [each for each in changes if each is not left_out])).eligible


def check_remedies_mend(facts: F, judge: Callable[[F], Judged[F]]) -> None:
    """What a remedy turns into is met by the very rule that wanted it."""
    for each in judge(facts).findings:
        if each.remedy is not None:
            again = {after.reason.rule: after.reason.met for after in judge(each.remedy.apply(facts)).findings}
            assert again.get(each.reason.rule, True) is True, each.reason.rule


def check_decision_agrees(decision: Decision) -> None:
    """Eligible exactly when every rule is met; the steps sum to the amount; a refusal says what would change it."""
    failed = {reason.rule for reason in decision.reasons if reason.met is not True}
    assert (decision.outcome == "eligible") is not bool(failed)
    assert (decision.amount_fen > 0) is (decision.outcome == "eligible")
    assert bool(decision.changes) is bool(failed)
    assert sum(step.amount_fen for step in decision.trace) == decision.amount_fen
    assert from_plain(plain(decision)) == decision


def check_texts_are_plain(decision: Decision) -> None:
    """Nothing that a worker reads is empty, or has an internal code or any Latin letter in it."""
    for reason in decision.reasons:
        check_reason_is_plain(reason)
    for change in decision.changes:
        check_text_is_plain(change.text)
        assert isinstance(change.can_change, bool), change
    for step in decision.trace:
        check_text_is_plain(step.text)
    check_text_is_plain(decision.policy.source)


def check_reason_is_plain(reason: Reason) -> None:
    assert reason.rule.isascii()
    assert reason.met in (True, False, None)
    for text in (reason.text, reason.needed, reason.given, reason.source):
        check_text_is_plain(text)


def check_text_is_plain(text: str) -> None:
    assert not _LATIN.search(text), text
    assert _CHINESE.search(text), text
