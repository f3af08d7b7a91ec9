"""What a resubmission has changed, against what was submitted before it. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from app.households.history import ABSENT, Change, differences, steps, undone

FILES: Final = "file_ids"


class ReasonChange(NamedTuple):
    """What a rule found then, and now; None where it was not asked."""

    rule: str
    text: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class Changed(NamedTuple):
    """Everything that differs, with real values: whoever shows it masks them."""

    since_round: int
    returned_at: datetime
    fields: tuple[Change, ...]
    files_added: tuple[str, ...]
    files_removed: tuple[str, ...]
    amount_before_fen: int | None
    amount_after_fen: int | None
    outcome_before: str | None
    outcome_after: str | None
    policy_before: str | None
    policy_after: str | None
    reasons: tuple[ReasonChange, ...]


class Submitted(NamedTuple):
    """What was submitted in a round, and what the rules said."""

    form: Mapping[str, Any]
    decision: Mapping[str, Any] | None
    amount_fen: int | None


def compare(since_round: int, returned_at: datetime, before: Submitted, after: Submitted) -> Changed:
    found = differences(before.form, after.form)
    added, removed = _files(found)
    then, now = before.decision or {}, after.decision or {}
    return Changed(
        since_round,
        returned_at,
        tuple(change for change in found if not _is_files(change)),
        added,
        removed,
        before.amount_fen,
        after.amount_fen,
        then.get("outcome"),
        now.get("outcome"),
        then.get("policy", {}).get("version"),
        now.get("policy", {}).get("version"),
        tuple(_reasons(then.get("reasons", ()), now.get("reasons", ()))),
    )


def applied(form: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """The form after these changes."""
    return undone(form, (Change(change.pointer, change.after, change.before) for change in changes))


def _is_files(change: Change) -> bool:
    return steps(change.pointer)[-1] == FILES


def _files(found: Iterable[Change]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which files came and which went. One that only moved to another place of the form did neither."""
    before: dict[str, None] = {}
    after: dict[str, None] = {}
    for change in found:
        if _is_files(change):
            before |= dict.fromkeys(() if change.before is ABSENT else change.before)
            after |= dict.fromkeys(() if change.after is ABSENT else change.after)
    return tuple(each for each in after if each not in before), tuple(each for each in before if each not in after)


def _reasons(then: Iterable[Mapping[str, Any]], now: Iterable[Mapping[str, Any]]) -> Iterable[ReasonChange]:
    old = {reason["rule"]: reason for reason in then}
    new = {reason["rule"]: reason for reason in now}
    for rule in [*new, *(rule for rule in old if rule not in new)]:
        before, after = old.get(rule), new.get(rule)
        if before is None or after is None or _found(before) != _found(after):
            text = (after or before or {})["text"]
            yield ReasonChange(rule, text, before and _found(before), after and _found(after))


def _found(reason: Mapping[str, Any]) -> dict[str, Any]:
    return {name: reason[name] for name in ("met", "needed", "given")}
