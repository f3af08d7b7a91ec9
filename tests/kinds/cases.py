"""Cases the office can read: a name, the facts that differ from an ordinary case, and what must come out."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import model_validator

from app.policy.decision import Decision
from app.policy.fields import Frozen
from app.policy.replay import canonical, facts_from, facts_json
from app.policy.versions import read_yaml

F = TypeVar("F")


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
        failed = sorted(change.rule for change in decision.changes)
        assert (decision.amount_fen, failed) == (self.amount_fen or 0, sorted(self.failed or []))
        assert self.version in (None, decision.policy.version)


def read_cases(beside: str) -> list[Case]:
    """The cases in the cases.yaml beside a test file: a list, or `situations` by name and the `cases` that use them."""
    read = read_yaml(Path(beside).with_name("cases.yaml").read_text(encoding="utf-8"))
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


def check_changes_flip(
    facts: Any, assess: Callable[[Any], Decision], remedies: Mapping[str, Callable[[Any], Any]]
) -> None:
    """All changes together make it eligible; leaving out any one does not."""
    wanted = [change.rule for change in assess(facts).changes]

    def mended(rules: list[str]) -> Any:
        result = facts
        for rule in rules:
            result = remedies[rule](result)
        return result

    assert assess(mended(wanted)).outcome == "eligible"
    for left_out in wanted:
        assert assess(mended([rule for rule in wanted if rule != left_out])).outcome == "ineligible"


PLAIN_CODES = ("_", "living", "medical", "deep", "null", "None", "True", "False")


def check_texts_are_plain(decision: Decision) -> None:
    """No internal code in anything a worker reads."""
    texts = [
        *(text for reason in decision.reasons for text in (reason.text, reason.needed, reason.given, reason.source)),
        *(change.text for change in decision.changes),
        *(step.text for step in decision.trace),
        decision.policy.source,
    ]
    for text in texts:
        assert not any(code in text for code in PLAIN_CODES), text
        assert any("\u4e00" <= char <= "\u9fff" for char in text) or text.endswith("元"), text
