"""Rows to measure with, as the service itself would have written them: same columns, real seals, real decisions. Pure.

Every person has applied for living aid once a year for ten years and four in five wait for this year's answer, which
makes 8 % of all applications open. The timeline is written for this year's applications only: nobody reads the rest.
Ids follow from what a row is, so that parts can be written in the order of time, as a grown database has them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from app.applications.commands import DECISION, FACTS, FORM, Assessed
from app.applications.path import PATHS, Kind
from app.applications.programme import assessed
from app.bench.people import Rows, Union, applicant, household_form, people_rows, picked, row_id
from app.db.sealing import Keyring
from app.households.queries import facts_of
from app.households.rules import criteria_of
from app.http.idempotency import ANSWER
from app.kernel.business_time import business_date
from app.kernel.ids import new_id
from app.kinds.hardship_aid import rules
from app.kinds.hardship_aid.facts import Facts
from app.kinds.hardship_aid.policy import KIND, Policy
from app.programmes import shipped

YEARS = 10
WAY = ("submit", "accept", "approve", "approve", "approve", "end_notice", "start_payment", "confirm_payment")
"""The actions from a draft to paid."""
OPEN = (*["submitted"] * 2, "unit_review", *["district_review"] * 5, "city_approval", "public_notice", "paying")
WAITING = ("unit_review", *["district_review"] * 2, *["city_approval"] * 4)
"""Where the further cases are: one with its unit, one with its district and one more there for many at once, one with
the city and three more there for the last approval alone."""
CLOSED = (*["paid"] * 15, *["rejected"] * 3, *["withdrawn"] * 2)
_SIGNERS = {"accept": "unit_clerk", "start_payment": "finance_maker", "confirm_payment": "finance_checker"}
_CHECKERS = {"unit_review": "unit_chair", "district_review": "district_reviewer", "city_approval": "city_leader"}


def waiting(approvals: int, together: int) -> int:
    """How many further cases it takes for so many approvals, as many last ones, and so many at once."""
    return len(WAITING) * max(-(-approvals // 3), -(-(approvals // 3 + together) // 2))


What = Literal["people", "closed", "open", "cases", "drafts"]
"""Parts, in the order in which time would have written them."""


@dataclass(frozen=True, slots=True)
class Share:
    """Rows of one part, numbered from `first`; `age`: how many years ago closed applications were handed in.

    `cases` are further applications that wait for an approval, of the first `people` in turn.
    `drafts` are about to be submitted, by people who have nothing else.
    """

    what: What
    first: int
    count: int
    age: int
    people: int
    units: Sequence[Union]
    now: datetime


def rows_of(share: Share, keyring: Keyring) -> Rows:
    """Everything of a share."""
    numbers = range(share.first, share.first + share.count)
    if share.what == "people":
        return people_rows([applicant(number, share.units, share.now) for number in numbers], share.now, keyring)
    judged = None if share.what == "drafts" else _judged(share.now)
    applications = [_application(share, number, judged, keyring) for number in numbers]
    rows: Rows = {"application": applications}
    if share.what in ("open", "cases"):
        rows["passage"] = [passage for application in applications for passage in _passages(application)]
        rows["keyed_answer"] = [_keyed_answer(application, keyring) for application in applications]
    return rows


def _judged(now: datetime) -> Assessed:
    """What the rules say of such a household today."""
    today, policies = business_date(now), shipped()
    row = {"state": "active", "submitted_at": now}
    household = facts_of(household_form(0), row, today, policies)
    facts = Facts(
        applied_on=today,
        household=household,
        item="living",
        requested_fen=_LIVING_AID["requested_fen"],
        granted_this_year=(),
        temporary_granted_this_year_fen=0,
    )
    policy, criteria = policies.in_force(KIND, Policy, today), criteria_of(policies, household, today)
    decision = rules.assess(facts, policy, criteria, decided_on=today)
    return assessed(decision, facts, rules, item="living")


_LIVING_AID: dict[str, Any] = {"item": "living", "requested_fen": 3_000_00, "reason": "家庭收入低，生活困难"}
_FORM = orjson.dumps(_LIVING_AID)


def _standing(share: Share, number: int) -> tuple[str, datetime]:
    """The state of an application, and when it was handed in or, for a draft, begun."""
    match share.what:
        case "closed":
            return picked(CLOSED, number + share.age), share.now - timedelta(days=365 * share.age, seconds=-number)
        case "open":
            state = picked(OPEN, number) if number % 5 else "paid"
            return state, share.now - timedelta(days=30) + timedelta(seconds=20 * number)
        case "cases":
            return WAITING[number % len(WAITING)], share.now - timedelta(hours=6) + timedelta(milliseconds=number)
        case _:
            return "draft", share.now - timedelta(hours=1) + timedelta(milliseconds=number)


def _application(share: Share, number: int, judged: Assessed | None, keyring: Keyring) -> dict[str, Any]:
    """A row; `judged` and the time of submission belong to whatever is not a draft."""
    whose = number % share.people if share.what == "cases" else number
    by = applicant(whose, share.units, share.now)
    state, at = _standing(share, number)
    own_id, submitted = row_id(f"{share.what}{share.age}", number, at), judged is not None
    approved = state in ("paying", "paid")
    return {
        "id": own_id, "created_at": at, "updated_at": at,
        "number": f"BF-440507-{share.what}-{YEARS - share.age}-{number:07d}",
        "kind": Kind.HARDSHIP_AID, "period": f"{at.year}:living", "applicant_id": by.id,
        "applicant_masked": by.name_masked, "household_id": by.household_id, **by.unit.scope,
        "organisation_name": by.unit.name, "state": state, "round": 1, "version": 1,
        "form": keyring.seal(FORM, own_id, _FORM),
        "facts": keyring.seal(FACTS, own_id, judged.facts) if judged else None,
        "facts_sha256": judged.facts_sha256 if judged else None,
        "decision": keyring.seal(DECISION, own_id, judged.decision) if judged else None,
        "policy_version": judged.policy_version if judged else None,
        "code_sha256": judged.code_sha256 if judged else None,
        "item": judged.item if judged else None, "amount_fen": judged.amount_fen if judged else None,
        "submitted_at": at if submitted else None,
        "due_at": at + timedelta(days=7) if submitted and state not in CLOSED else None,
        "measure_id": by.measure_id if approved else None,
        "approved_at": at if approved else None, "paid_at": at if state == "paid" else None,
    }  # fmt: skip


def _passages(application: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps that led a living application to its state."""
    state, at = "draft", application["submitted_at"]
    for action in WAY:
        if state == application["state"]:
            return
        step = PATHS[Kind.HARDSHIP_AID].step(state, action)
        role = _SIGNERS.get(action) or _CHECKERS.get(state)
        at, state = at + timedelta(minutes=5), step.to
        yield {
            "id": new_id(), "created_at": at, "application_id": application["id"], "round": 1,
            "person_id": application["applicant_id"] if action == "submit" else new_id() if role else None,
            "post_role": role, "organisation_name": application["organisation_name"] if role else None,
            "action": action, "from_state": step.at, "to_state": step.to, "counts_as_review": step.counts_as_review,
            "amount_fen": application["amount_fen"] if action == "submit" else None,
        }  # fmt: skip


def _keyed_answer(application: dict[str, Any], keyring: Keyring) -> dict[str, Any]:
    """The answer that was kept when it was handed in."""
    answer_id = new_id()
    answer = orjson.dumps({"id": str(application["id"]), "state": "submitted", "version": 2})
    return {
        "person_id": application["applicant_id"], "key": str(application["id"]), "row_id": answer_id,
        "fingerprint": application["id"].bytes * 2, "status": 200, "etag": '"2"',
        "answer": keyring.seal(ANSWER, answer_id, answer), "created_at": application["submitted_at"],
    }  # fmt: skip
