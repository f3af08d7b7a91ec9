"""The kinds of aid that the service offers, and every kind of policy with its model. A fourth kind: a line in each."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final, NamedTuple, Protocol

from pydantic import BaseModel

from app.applications.household_caps import HouseholdCap
from app.applications.path import Kind
from app.applications.programme import Programme
from app.applications.reasons.rules import ReasonCatalogue
from app.applications.routes import ApprovalRoutes
from app.applications.standards import ServiceStandard
from app.funds.policy import FundOrder
from app.households.criteria import CategoryPolicy
from app.households.targets import ExitTarget
from app.households.upkeep import UpkeepPolicy
from app.kinds.golden_autumn import rules as golden_autumn
from app.kinds.golden_autumn.commands import PROGRAMME as GOLDEN_AUTUMN
from app.kinds.golden_autumn.policy import Policy as GoldenAutumnPolicy
from app.kinds.golden_autumn.rules import Facts as GoldenAutumnFacts
from app.kinds.hardship_aid import rules as hardship_aid
from app.kinds.hardship_aid.commands import PROGRAMME as HARDSHIP_AID
from app.kinds.hardship_aid.facts import Facts as HardshipAidFacts
from app.kinds.hardship_aid.policy import Policy as HardshipAidPolicy
from app.kinds.secondary_medical import rules as secondary_medical
from app.kinds.secondary_medical.commands import PROGRAMME as SECONDARY_MEDICAL
from app.kinds.secondary_medical.facts import Facts as SecondaryMedicalFacts
from app.kinds.secondary_medical.scheme import Policy as SecondaryMedicalPolicy
from app.notices.policy import NoticePolicy
from app.payments.policy import PaymentPolicy
from app.policy.accountability import AccountabilityPolicy
from app.policy.book import PolicyBook, PolicyKind
from app.policy.decision import Decision
from app.policy.reference import StandardVersion
from app.policy.versions import Version, load
from app.reaching.policy import TextMessages
from app.visits.policy import VisitPolicy

KINDS: dict[Kind, Programme] = {
    programme.kind: programme for programme in (HARDSHIP_AID, GOLDEN_AUTUMN, SECONDARY_MEDICAL)
}


class Shipped(NamedTuple):
    """Where the versions of a kind of policy that come with the service stand, and what they must look like."""

    model: type[Version]
    package: str
    file: str = "policy.yaml"


POLICIES: Final[dict[PolicyKind, Shipped]] = {
    "hardship_aid": Shipped(HardshipAidPolicy, "app.kinds.hardship_aid"),
    "golden_autumn": Shipped(GoldenAutumnPolicy, "app.kinds.golden_autumn"),
    "secondary_medical": Shipped(SecondaryMedicalPolicy, "app.kinds.secondary_medical"),
    "household_criteria": Shipped(CategoryPolicy, "app.households"),
    "minimum_living_standard": Shipped(StandardVersion, "app.policy", "minimum_living_standard.yaml"),
    "home_visits": Shipped(VisitPolicy, "app.visits"),
    "household_upkeep": Shipped(UpkeepPolicy, "app.households", "upkeep.yaml"),
    "public_notice": Shipped(NoticePolicy, "app.notices"),
    "accountability": Shipped(AccountabilityPolicy, "app.policy", "accountability.yaml"),
    "service_standard": Shipped(ServiceStandard, "app.applications", "service_standard.yaml"),
    "approval_route": Shipped(ApprovalRoutes, "app.applications", "approval_route.yaml"),
    "application_reasons": Shipped(ReasonCatalogue, "app.applications", "reasons.yaml"),
    "fund_order": Shipped(FundOrder, "app.funds", "fund_order.yaml"),
    "payment": Shipped(PaymentPolicy, "app.payments", "payment.yaml"),
    "household_cap": Shipped(HouseholdCap, "app.applications", "household_cap.yaml"),
    "exit_target": Shipped(ExitTarget, "app.households", "exit_target.yaml"),
    "text_messages": Shipped(TextMessages, "app.reaching", "text_messages.yaml"),
}
MODELS: Final[dict[PolicyKind, type[Version]]] = {kind: each.model for kind, each in POLICIES.items()}


@cache
def shipped() -> PolicyBook:
    """The versions that come with the service. Raises InvalidPolicy or pydantic's ValidationError."""
    return PolicyBook({kind: load(each.model, each.package, each.file) for kind, each in POLICIES.items()})


class Replayer(NamedTuple):
    """How a decision of a kind is made again: from its facts, by the versions that it cites, by kind of policy."""

    facts: type[Any]
    rules: ModuleType
    assess: Callable[[Any, Mapping[str, Any], date], Decision]
    """Raises KeyError for a kind of policy that the decision ought to cite and does not."""


def _hardship_aid_again(facts: Any, by: Mapping[str, Any], on: date) -> Decision:
    # Temporary aid needs no household file: it rests on no criteria, and is asked by none.
    criteria: Any = by.get("household_criteria")
    return hardship_aid.assess(facts, by["hardship_aid"], criteria, decided_on=on)


REPLAYERS: Final[dict[Kind, Replayer]] = {
    Kind.HARDSHIP_AID: Replayer(HardshipAidFacts, hardship_aid, _hardship_aid_again),
    Kind.GOLDEN_AUTUMN: Replayer(
        GoldenAutumnFacts,
        golden_autumn,
        lambda facts, by, on: golden_autumn.assess(facts, by["golden_autumn"], by["household_criteria"], decided_on=on),
    ),
    Kind.SECONDARY_MEDICAL: Replayer(
        SecondaryMedicalFacts,
        secondary_medical,
        lambda facts, by, on: secondary_medical.assess(facts, by["secondary_medical"], decided_on=on),
    ),
}


class JudgesCase(Protocol):
    """Decides a case that somebody wrote down, by a version of its kind and whatever else of the book it rests on."""

    def __call__(self, case: Any, policy: Any, book: PolicyBook, /) -> Decision: ...


class CaseFile(NamedTuple):
    """What a written case of a kind looks like, by which version of the book it is judged, and by whom."""

    model: type[BaseModel]
    governing: Callable[[Any, PolicyBook], Any]
    """Raises NoPolicyInForce."""
    judge: JudgesCase


def case_file(kind: Kind) -> CaseFile:
    """Loaded when it is asked for: only the command line judges written cases."""
    module = import_module(f"app.kinds.{kind.value}.case")

    def of_its_day(case: Any, book: PolicyBook) -> Version:
        return book.in_force(kind.value, MODELS[kind.value], case.event_date, case.area)

    return CaseFile(module.Case, getattr(module, "policy_of", of_its_day), module.judge_case)


def draft_name(kind: Kind) -> str:
    """The name that the contract gives to the draft of a kind's form, such as GoldenAutumnFormDraft."""
    return "".join(word.capitalize() for word in kind.split("_")) + "FormDraft"
