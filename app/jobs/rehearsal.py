"""Rehearsing a proposed policy version (政策预演): every living file asked by the versions in force, and by it.

Read from one snapshot of the database, page by page, and written nowhere but into the rehearsal itself. Hardship aid,
Golden Autumn and what they rest on are asked of every household file in force: what it could apply for on the day on
which the version begins. A version of the criteria is asked as if every file were identified anew by it. Secondary
medical insurance is asked of the claims of the last twelve months, with the facts they were decided on.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from app.applications.commands import FACTS
from app.applications.path import Kind
from app.db.sealing import Keyring, SealBroken
from app.db.transaction import Database, Record, Sight
from app.households.criteria import CategoryPolicy
from app.households.facts import HouseholdFacts
from app.households.queries import facts_of, kept_form
from app.households.rules import KIND as CRITERIA
from app.households.rules import criteria_of
from app.households.told import Form, spent_on
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
from app.policy.replay import facts_from
from app.policy.versions import NoPolicyInForce, Version
from app.rehearsals.rules import Answer, Compared, Tally, answer

CLAIMS_OF: Final = timedelta(days=365)
_STAGES: Final = frozenset(name for name in Stages.model_fields if not name.endswith("source"))
_ASKED: Final[Mapping[PolicyKind, tuple[Kind, ...]]] = {
    "hardship_aid": (Kind.HARDSHIP_AID,),
    "golden_autumn": (Kind.GOLDEN_AUTUMN,),
    "household_criteria": (Kind.HARDSHIP_AID, Kind.GOLDEN_AUTUMN),
    "minimum_living_standard": (Kind.HARDSHIP_AID, Kind.GOLDEN_AUTUMN),
    "secondary_medical": (Kind.SECONDARY_MEDICAL,),
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


class _Files:
    """Household files, asked by two books on the day on which the proposed version begins."""

    def __init__(self, keyring: Keyring, before: PolicyBook, after: PolicyBook, proposed: Proposed) -> None:
        self.keyring, self.books, self.proposed = keyring, (before, after), proposed
        self.on = proposed.version.in_force_from
        self.kinds = _ASKED[proposed.kind]

    def compared(self, row: Record) -> Iterator[Compared]:
        try:
            form = kept_form(self.keyring, row)
        except SealBroken:
            form = None
        before, after = ({} if form is None else self._answers(form, row, policies) for policies in self.books)
        month = f"{self.on:%Y-%m}"
        if form is None:
            before = after = {(kind, ""): Answer(None, "file_unreadable") for kind in self.kinds}
        for kind, item in dict.fromkeys((*before, *after)):
            one, other = before.get((kind, item), Answer(0)), after.get((kind, item), Answer(0))
            yield Compared(kind, item, month, row["district_id"], row["id"], None, one, other)

    def _answers(self, form: Form, row: Record, policies: PolicyBook) -> dict[tuple[Kind, str], Answer]:
        household = facts_of(form, row, self.on, policies)
        try:
            criteria = self._criteria(policies, household)
        except NoPolicyInForce:
            return {(kind, ""): Answer(None, "no_policy_in_force") for kind in self.kinds}
        answers: dict[tuple[Kind, str], Answer] = {}
        if Kind.HARDSHIP_AID in self.kinds:
            answers |= dict(self._hardship_aid(form, household, policies, criteria))
        if Kind.GOLDEN_AUTUMN in self.kinds:
            answers |= dict(self._golden_autumn(form, household, policies, criteria))
        return answers

    def _criteria(self, policies: PolicyBook, household: HouseholdFacts) -> CategoryPolicy:
        """Those that govern the file; a proposed version of the criteria governs every file that it could."""
        if self.proposed.kind == CRITERIA and policies is self.books[1]:
            return policies.in_force(CRITERIA, CategoryPolicy, self.on)
        return criteria_of(policies, household, self.on)

    def _hardship_aid(
        self, form: Form, household: HouseholdFacts, policies: PolicyBook, criteria: CategoryPolicy
    ) -> Iterator[tuple[tuple[Kind, str], Answer]]:
        try:
            policy = policies.in_force("hardship_aid", HardshipAidPolicy, self.on)
        except NoPolicyInForce:
            yield (Kind.HARDSHIP_AID, ""), Answer(None, "no_policy_in_force")
            return
        spent = spent_on(form)
        costs = [hardship_aid.Cost(spent[kind], self.on) if spent[kind] else None for kind in ("illness", "accident")]
        for facts in hardship_aid.questions(household, policy, self.on, *costs):
            judged = hardship_aid_rules.judge(facts, policy, criteria)
            yield (Kind.HARDSHIP_AID, facts.item), answer(judged)

    def _golden_autumn(
        self, form: Form, household: HouseholdFacts, policies: PolicyBook, criteria: CategoryPolicy
    ) -> Iterator[tuple[tuple[Kind, str], Answer]]:
        try:
            policy = policies.in_force("golden_autumn", GoldenAutumnPolicy, self.on)
        except NoPolicyInForce:
            yield (Kind.GOLDEN_AUTUMN, ""), Answer(None, "no_policy_in_force")
            return
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
        try:
            facts = facts_from(ClaimFacts, self.keyring.open(FACTS, row["id"], row["facts"]))
        except (SealBroken, FactsChanged):
            before = after = Answer(None, "facts_unreadable")
        else:
            before, after = self._governed(facts), answer(secondary_medical.judge(facts, self.proposed))
        month = f"{business_date(row['submitted_at']):%Y-%m}"
        yield Compared(
            Kind.SECONDARY_MEDICAL, "", month, row["district_id"], row["household_id"], row["id"], before, after
        )

    def _governed(self, facts: ClaimFacts) -> Answer:
        starts_on = facts.cover.starts_on if facts.cover else None
        days = facts.admitted_on, facts.discharged_on, facts.settlement.settled_on
        try:
            return answer(secondary_medical.judge(facts, governing(self.before, starts_on, *days)))
        except NoPolicyInForce:
            return Answer(None, "no_policy_in_force")
