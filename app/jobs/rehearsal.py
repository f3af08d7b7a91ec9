"""Rehearsing a proposed policy version (政策预演): every living file asked by the versions in force, and by it.

Read from one snapshot of the database, page by page, and written nowhere but into the rehearsal itself. Hardship aid,
Golden Autumn and what they rest on are asked of every household file in force: what it could apply for on the day on
which the version begins. A version of the criteria is asked as if every file were identified anew by it. Secondary
medical insurance is asked of the claims of the last twelve months, with the facts they were decided on.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

from app.applications.commands import FACTS
from app.applications.path import Kind
from app.db.database import Database
from app.db.sealing import Keyring, SealBroken
from app.db.transaction import Record, Sight
from app.households.criteria import CategoryPolicy
from app.households.facts import HouseholdFacts
from app.households.queries import facts_of, kept_form
from app.households.rules import KIND as CRITERIA
from app.households.rules import criteria_of
from app.households.told import Form, spent_on
from app.households.upkeep import KIND as UPKEEP
from app.jobs.queries import how_many_living, living
from app.kernel.business_time import business_date
from app.kinds.golden_autumn import entitlement as golden_autumn
from app.kinds.golden_autumn import rules as golden_autumn_rules
from app.kinds.golden_autumn.policy import Policy as GoldenAutumnPolicy
from app.kinds.golden_autumn.policy import Stages
from app.kinds.hardship_aid import entitlement as hardship_aid
from app.kinds.hardship_aid import rules as hardship_aid_rules
from app.kinds.hardship_aid.policy import Policy as HardshipAidPolicy
from app.kinds.secondary_medical import rules as secondary_medical
from app.kinds.secondary_medical.attribution import governing
from app.kinds.secondary_medical.facts import Facts as ClaimFacts
from app.kinds.secondary_medical.scheme import Policy as SecondaryMedicalPolicy
from app.policies.queries import Models, book
from app.policy.book import PolicyBook, PolicyKind
from app.policy.facts import FactsChanged
from app.policy.reference import KIND as STANDARD
from app.policy.replay import facts_from
from app.policy.versions import NoPolicyInForce, Version
from app.rehearsals.rules import Answer, Compared, Tally, answer

V = TypeVar("V", bound=Version)

CLAIMS_OF: Final = timedelta(days=365)
_STAGES: Final = frozenset(name for name in Stages.model_fields if not name.endswith("source"))
_ASKED: Final[Mapping[PolicyKind, tuple[Kind, ...]]] = {
    "hardship_aid": (Kind.HARDSHIP_AID,),
    "golden_autumn": (Kind.GOLDEN_AUTUMN,),
    "household_criteria": (Kind.HARDSHIP_AID, Kind.GOLDEN_AUTUMN),
    "minimum_living_standard": (Kind.HARDSHIP_AID, Kind.GOLDEN_AUTUMN),
    "secondary_medical": (Kind.SECONDARY_MEDICAL,),
    "home_visits": (),
    "household_upkeep": (Kind.HARDSHIP_AID, Kind.GOLDEN_AUTUMN),
    "public_notice": (),
    "accountability": (),
    "service_standard": (),
    "approval_route": (),
    "application_reasons": (),
    "fund_order": (),
    "payment": (),
    "household_cap": (),
    "text_messages": (),
}
"""Which kinds of aid a kind of policy bears on."""


class Proposed(NamedTuple):
    """The version that is rehearsed."""

    kind: PolicyKind
    version: Version


@dataclass(frozen=True, slots=True)
class Page:
    """How far a rehearsal is, and what has been found since the last page to come out otherwise."""

    tally: Tally
    found: tuple[Compared, ...]


async def rehearse(
    database: Database, keyring: Keyring, models: Models, proposed: Proposed, now: datetime
) -> AsyncGenerator[Page]:
    """Everything that the version would change, page by page. `database` is the jobs'."""
    async with database.begin(Sight("job", snapshot=True)) as transaction:
        before = await book(transaction, models)
        compare = _comparer(keyring, before, proposed)
        since = now - CLAIMS_OF if proposed.kind == "secondary_medical" else None
        tally = Tally(total=await how_many_living(transaction, proposed.version.area, since))
        async for rows in living(transaction, proposed.version.area, since):
            found: list[Compared] = []
            for row in rows:
                for compared in compare(row):
                    tally.add(compared)
                    if compared.effect != "same":
                        found.append(compared)
            tally.seen += len(rows)
            yield Page(tally, tuple(found))
            await asyncio.sleep(0)  # others wait in this process too


def with_version(policies: PolicyBook, proposed: Proposed) -> PolicyBook:
    """The book as it would be if the version were published."""
    others = policies.versions.get(proposed.kind, ())
    versions = sorted((*others, proposed.version), key=lambda version: version.in_force_from)
    return replace(policies, versions={**policies.versions, proposed.kind: tuple(versions)})


Compare = Callable[[Record], Iterator[Compared]]


def _comparer(keyring: Keyring, before: PolicyBook, proposed: Proposed) -> Compare:
    if isinstance(proposed.version, SecondaryMedicalPolicy):
        return _Claims(keyring, before, proposed.version).compared
    return _Files(keyring, before, with_version(before, proposed), proposed).compared


class _Side(NamedTuple):
    """The versions that one of the two books has in force on the day; None: none is."""

    policies: PolicyBook
    hardship_aid: HardshipAidPolicy | None
    golden_autumn: GoldenAutumnPolicy | None


def _side(policies: PolicyBook, on: date) -> _Side:
    return _Side(
        policies,
        _or_none(policies, "hardship_aid", HardshipAidPolicy, on),
        _or_none(policies, "golden_autumn", GoldenAutumnPolicy, on),
    )


def _or_none(policies: PolicyBook, kind: PolicyKind, model: type[V], on: date) -> V | None:
    try:
        return policies.in_force(kind, model, on)
    except NoPolicyInForce:
        return None


Answers = Iterator[tuple[tuple[Kind, str], Answer]]


class _Files:
    """Household files, asked by two books on the day on which the proposed version begins."""

    def __init__(self, keyring: Keyring, before: PolicyBook, after: PolicyBook, proposed: Proposed) -> None:
        self.keyring, self.proposed, self.on = keyring, proposed, proposed.version.in_force_from
        self.before, self.after = _side(before, self.on), _side(after, self.on)
        self.kinds, self.month = _ASKED[proposed.kind], f"{self.on:%Y-%m}"

    def compared(self, row: Record) -> Iterator[Compared]:
        try:
            form = kept_form(self.keyring, row)
        except SealBroken:
            form = None
        if form is None:
            before = after = {(kind, ""): Answer(None, "file_unreadable") for kind in self.kinds}
        else:
            known = facts_of(form, row, self.on, self.before.policies)
            before = dict(self._answers(form, known, self.before))
            if self.proposed.kind in (STANDARD, UPKEEP):
                known = facts_of(form, row, self.on, self.after.policies)
            after = dict(self._answers(form, known, self.after))
        for kind, item in dict.fromkeys((*before, *after)):
            one, other = before.get((kind, item), Answer(0)), after.get((kind, item), Answer(0))
            yield Compared(kind, item, self.month, row["district_id"], row["id"], None, one, other)

    def _answers(self, form: Form, household: HouseholdFacts, side: _Side) -> Answers:
        criteria = self._criteria(side, household)
        for kind in self.kinds:
            policy = side.hardship_aid if kind is Kind.HARDSHIP_AID else side.golden_autumn
            if criteria is None or policy is None:
                yield (kind, ""), Answer(None, "no_policy_in_force")
            elif isinstance(policy, HardshipAidPolicy):
                yield from self._hardship_aid(form, household, policy, criteria)
            else:
                yield from self._golden_autumn(form, household, policy, criteria)

    def _criteria(self, side: _Side, household: HouseholdFacts) -> CategoryPolicy | None:
        """Those that govern the file; a proposed version of the criteria governs every file that it could."""
        try:
            if self.proposed.kind == CRITERIA and side is self.after:
                return side.policies.in_force(CRITERIA, CategoryPolicy, self.on)
            return criteria_of(side.policies, household, self.on)
        except NoPolicyInForce:
            return None

    def _hardship_aid(
        self, form: Form, household: HouseholdFacts, policy: HardshipAidPolicy, criteria: CategoryPolicy
    ) -> Answers:
        spent, temporary = spent_on(form), policy.temporary
        costs = [hardship_aid.Cost(spent[kind], self.on) if spent[kind] else None for kind in ("illness", "accident")]
        for facts in hardship_aid.questions(household, policy, self.on, *costs):
            if facts.item == "temporary" and temporary and temporary.only_without_file:
                continue  # all these households have one
            yield (Kind.HARDSHIP_AID, facts.item), answer(hardship_aid_rules.judge(facts, policy, criteria))

    def _golden_autumn(
        self, form: Form, household: HouseholdFacts, policy: GoldenAutumnPolicy, criteria: CategoryPolicy
    ) -> Answers:
        for n, member in enumerate(form["members"], 1):
            stage: Any = member.get("schooling")
            if stage in _STAGES:
                facts = golden_autumn.question(household, golden_autumn.Student(stage), policy, self.on)
                judged = golden_autumn_rules.judge(facts, policy, criteria)
                yield (Kind.GOLDEN_AUTUMN, f"{stage}:{n}"), answer(judged)


class _Claims:
    """Claims on secondary medical insurance, asked again with their own facts: as if the version had governed them."""

    def __init__(self, keyring: Keyring, before: PolicyBook, proposed: SecondaryMedicalPolicy) -> None:
        self.keyring, self.before, self.proposed = keyring, before, proposed

    def compared(self, row: Record) -> Iterator[Compared]:
        facts = self._facts(row)
        if facts is None:
            before = after = Answer(None, "facts_unreadable")
        else:
            before, after = self._governed(facts), answer(secondary_medical.judge(facts, self.proposed))
        month = f"{business_date(row['submitted_at']):%Y-%m}"
        yield Compared(
            Kind.SECONDARY_MEDICAL, "", month, row["district_id"], row["household_id"], row["id"], before, after
        )

    def _facts(self, row: Record) -> ClaimFacts | None:
        if row["facts"] is None:
            return None
        try:
            return facts_from(ClaimFacts, self.keyring.open(FACTS, row["id"], row["facts"]))
        except (SealBroken, FactsChanged):
            return None

    def _governed(self, facts: ClaimFacts) -> Answer:
        starts_on = facts.cover.starts_on if facts.cover else None
        days = facts.admitted_on, facts.discharged_on, facts.settlement.settled_on
        try:
            return answer(secondary_medical.judge(facts, governing(self.before, starts_on, *days)))
        except NoPolicyInForce:
            return Answer(None, "no_policy_in_force")
