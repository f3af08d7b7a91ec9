"""Cases that an official can read: what differs from an ordinary stay, and what must come out."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Self

from pydantic import model_validator

from app.kinds.secondary_medical.attribution import governing
from app.kinds.secondary_medical.documents import load_scheme
from app.kinds.secondary_medical.facts import Cover, Facts, Paid, Settlement
from app.kinds.secondary_medical.rules import assess
from app.kinds.secondary_medical.scheme import Policy
from app.policy.book import PolicyBook
from app.policy.decision import Decision
from app.policy.fields import Frozen
from app.policy.replay import canonical, facts_from, facts_json
from app.policy.versions import read_yaml

HERE = Path(__file__).parent


def sheet(
    *,
    pool=0,
    self_pay=0,
    deductible=0,
    large=0,
    self_above=0,
    self_funded=0,
    upfront=0,
    over_limit=0,
    civil=0,
    medical_aid=0,
    account=0,
) -> Settlement:
    """A settlement sheet that adds up, from what an office would say of it; what nobody else pays is the worker's."""
    scope = deductible + pool + self_pay + large + self_above
    total = scope + self_funded + upfront + over_limit
    borne = total - pool - large - civil - medical_aid
    return Settlement(
        settled_on=date(2022, 6, 10),
        medfee_sumamt_fen=total,
        fulamt_ownpay_amt_fen=self_funded,
        overlmt_selfpay_fen=over_limit,
        preselfpay_amt_fen=upfront,
        inscp_scp_amt_fen=scope,
        act_pay_dedc_fen=deductible,
        hifp_pay_fen=pool,
        hifob_pay_fen=large,
        cvlserv_pay_fen=civil,
        maf_pay_fen=medical_aid,
        acct_pay_fen=account,
        psn_cash_pay_fen=borne - account,
    )


ORDINARY = Facts(
    applied_on=date(2022, 6, 20),
    cover=Cover(starts_on=date(2022, 1, 1), ends_on=date(2022, 12, 31), joining="new"),
    treatment="inpatient",
    cause="illness",
    admitted_on=date(2022, 6, 1),
    discharged_on=date(2022, 6, 10),
    ward=None,
    hospital_level=None,
    events=(),
    circumstances=(),
    settlement=sheet(pool=2_000_000, self_pay=300_000),
    receipts_fen=None,
    in_archive=None,
    settlement_claimed_before=False,
    paid_before=(),
)
"""A stay of ten days less one in the Guangdong scheme of 2018, claimed ten days after it ended."""


class MedicalCase(Frozen):
    """`amount_fen` when something is paid, otherwise `failed`: the rules not met, in any order.

    `pays`: what each line pays, where a case says so. `change`: the smallest set of changes, where a case says so.
    """

    case: str
    scheme: str = "policy"
    version: str | None = None
    facts: dict[str, Any]
    sheet: dict[str, int] | None = None
    amount_fen: int | None = None
    pays: dict[str, int] | None = None
    failed: list[str] | None = None
    change: list[str] | None = None

    @model_validator(mode="after")
    def has_one_outcome(self) -> Self:
        if (self.amount_fen is None) is (self.failed is None):
            raise ValueError("give amount_fen or failed")
        return self

    def facts_of_case(self) -> Facts:
        facts = ORDINARY if self.sheet is None else replace(ORDINARY, settlement=sheet(**self.sheet))
        changes = dict(self.facts)
        if "paid_before" in changes:
            changes["paid_before"] = [self._paid(given) for given in changes["paid_before"]]
        return changed(facts, changes)

    def _paid(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {"on": self.facts.get("admitted_on", "2022-06-01"), "in_term": True} | dict(given)


def read_cases(name: str) -> list[MedicalCase]:
    """A list of cases, or `situations` by name and the `cases` that use them; `scheme` may stand at the head."""
    read: Any = read_yaml((HERE / name).read_text(encoding="utf-8"))
    rows, situations = (read["cases"], read.get("situations", {})) if isinstance(read, dict) else (read, {})
    cases = []
    for row in rows:
        situation = situations[row.pop("situation")] if "situation" in row else {}
        facts = _merged(situation, row.get("facts", {}))
        cases.append(MedicalCase.model_validate_json(json.dumps(row | {"facts": facts})))
    assert len({case.case for case in cases}) == len(cases)
    return cases


@cache
def book(scheme: str) -> PolicyBook:
    return PolicyBook({"secondary_medical": load_scheme(scheme)})


def policy_for(facts: Facts, scheme: str = "policy") -> Policy:
    """The version that governs, in the scheme's own area."""
    starts_on = facts.cover.starts_on if facts.cover else None
    versions = book(scheme)
    area = "440500" if scheme == "policy" else versions.of("secondary_medical", Policy)[0].area
    days = (facts.admitted_on, facts.discharged_on, facts.settlement.settled_on)
    return governing(versions, starts_on, *days, area)


def decide(facts: Facts, scheme: str = "policy") -> Decision:
    return assess(facts, policy_for(facts, scheme), decided_on=facts.applied_on)


def changed(facts: Facts, changes: Mapping[str, Any]) -> Facts:
    """The facts with these changes, nested ones merged; an unknown name or another type fails."""
    return facts_from(Facts, canonical(_merged(json.loads(facts_json(facts)), changes)))


def paid(line: str, amount_fen: int, on: date = date(2022, 3, 1), *, in_term: bool = True) -> Paid:
    return Paid(line=line, amount_fen=amount_fen, on=on, in_term=in_term)


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, Mapping):
        return old | {key: _merged(old.get(key), value) for key, value in new.items()}
    return new
