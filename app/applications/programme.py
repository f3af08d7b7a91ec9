"""What a kind of aid must say of itself, so that the edge can offer it. Data and functions; no base class."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import ModuleType
from typing import Any, cast
from uuid import UUID

import orjson
from pydantic import BaseModel

from app.applications.commands import Assessed
from app.applications.path import Kind
from app.db.transaction import Record
from app.db.work import Work
from app.people.consents import Purpose
from app.policy.book import PolicyBook, PolicyKind
from app.policy.decision import Decision, cite, plain, plain_policy
from app.policy.replay import code_sha256, facts_json, sha256
from app.policy.versions import NoPolicyInForce, Version


@dataclass(frozen=True, slots=True)
class Document:
    """A paper that the kind asks for."""

    code: str
    name: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Filing:
    """What a kind assesses: whose application, what the form says, and the household as it stands."""

    applicant: Record
    application_id: UUID
    form: Any
    household: Record | None
    """The applicant's living household file."""
    granted: Sequence[Mapping[str, Any]]
    """What the household was granted this year or has in flight (`ToSubmit.granted` of `submission_queries.py`)."""


@dataclass(frozen=True, slots=True)
class Programme:
    """One kind of aid (帮扶项目)."""

    kind: Kind
    name: str
    summary: str
    form: type[BaseModel]
    form_version: str
    consents: tuple[Purpose, ...]
    documents: tuple[Document, ...]
    period: Callable[[Mapping[str, Any], date], str]
    """Of a draft: two open drafts of one kind and period are one too many."""
    assess: Callable[[Work, Filing], Awaitable[Assessed]]

    def shown(self, today: date, policies: PolicyBook) -> dict[str, Any]:
        """The programme as the phone shows it, with the policy that is in force."""
        try:
            policy: Any = plain_policy(cite(self.kind, policies.in_force(cast(PolicyKind, self.kind), Version, today)))
        except NoPolicyInForce:
            policy = None
        return {
            "kind": self.kind,
            "name": self.name,
            "summary": self.summary,
            "form_version": self.form_version,
            "consents": list(self.consents),
            "documents": [{"code": d.code, "name": d.name, "required": d.required} for d in self.documents],
            "policy": policy,
        }


def assessed(decision: Decision, facts: Any, rules: ModuleType, **kept: Any) -> Assessed:
    """A decision with all that it takes to replay it years later."""
    canonical = facts_json(facts)
    return Assessed(
        eligible=decision.outcome == "eligible",
        amount_fen=decision.amount_fen,
        facts=canonical,
        facts_sha256=sha256(canonical),
        decision=orjson.dumps(plain(decision)),
        policy_version=decision.policy.version,
        code_sha256=code_of(rules),
        **kept,
    )


_CODE: dict[str, str] = {}


def code_of(rules: ModuleType) -> str:
    """The hash of the code that judges; it cannot change while the process runs."""
    if rules.__name__ not in _CODE:
        _CODE[rules.__name__] = code_sha256(rules)
    return _CODE[rules.__name__]
