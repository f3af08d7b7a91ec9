"""Makes policy documents: those of the shipped book, moved to a day and a name of their own."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import count
from typing import Any

from app.kernel.ids import new_id
from app.policies.rules import digest, document_of
from app.policy.book import POLICY_KINDS, PolicyKind
from app.programmes import shipped
from tests.make import NOW, TODAY, unique

KINDS = POLICY_KINDS
_days = count(2_000)


def some_day() -> date:
    """A day after today that no other test will have taken."""
    return TODAY + timedelta(days=next(_days))


def latest(kind: PolicyKind) -> dict[str, Any]:
    """The newest shipped version of a kind, as its document."""
    return document_of(shipped().versions[kind][-1])


def document(kind: PolicyKind = "hardship_aid", **given: Any) -> dict[str, Any]:
    """A whole document that may be proposed: for Shantou, from a day to come, under a new name."""
    own = {"version": unique("t-"), "area": "440500", "in_force_from": str(some_day()), "source": "测试文〔2026〕1号"}
    return latest(kind) | own | given


def proposal(kind: PolicyKind = "hardship_aid", **given: Any) -> dict[str, Any]:
    """The body that proposes it."""
    whole = document(kind, **given)
    return {"kind": kind, "area": whole["area"], "document": whole}


def pointers(problem: Mapping[str, Any]) -> dict[str, str]:
    """Pointer → code of a problem document."""
    return {error["pointer"]: error["code"] for error in problem["errors"]}


def row(kind: PolicyKind = "hardship_aid", whole: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    """A proposal as a row."""
    written = whole or document(kind)
    return {
        "id": new_id(),
        "created_at": NOW,
        "kind": kind,
        "area": written["area"],
        "name": written["version"],
        "in_force_from": date.fromisoformat(written["in_force_from"]),
        "source": written["source"],
        "document": written,
        "sha256": digest(written),
        "state": "proposed",
        "origin": "staff",
        "proposed_by": new_id(),
        "published_at": None,
        "version": 1,
    } | given
