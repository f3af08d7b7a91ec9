"""Rows to measure with, as the service itself would have written them: same columns, real seals, real decisions. Pure.

Every person has applied for living aid once a year for ten years and four in five wait for this year's answer, which
makes 8 % of all applications open. The timeline is written for this year's applications only: nobody reads the rest.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from app.applications.commands import DECISION, FACTS, FORM, Assessed
from app.applications.path import PATHS, Kind
from app.applications.programme import assessed
from app.db.sealing import Keyring
from app.households.forms import HouseholdForm
from app.households.queries import CATEGORIES, facts_of
from app.households.queries import FORM as HOUSEHOLD_FORM
from app.kernel.actor import Role, Tier
from app.kernel.business_time import business_date
from app.kernel.identifiers import check_digit
from app.kernel.ids import new_id
from app.kernel.masking import mask_name
from app.kinds.hardship_aid import rules
from app.kinds.hardship_aid.commands import POLICIES, PROGRAMME
from app.people.commands import ID_NUMBER, NAME, OPENID
from app.people.consents import consent_texts
from app.policy.versions import in_force

YEARS = 10
DISTRICTS, STREETS, UNITS = 7, 60, 532
REVIEWERS_PER_DISTRICT = 20
WAY = ("submit", "accept", "approve", "approve", "approve", "end_notice", "start_payment", "confirm_payment")
"""The actions from a draft to paid."""
OPEN = (*["submitted"] * 2, "unit_review", *["district_review"] * 5, "city_approval", "public_notice", "paying")
CLOSED = (*["paid"] * 15, *["rejected"] * 3, *["withdrawn"] * 2)
_SIGNERS = {"accept": "unit_clerk", "start_payment": "finance_maker", "confirm_payment": "finance_checker"}
_CHECKERS = {"unit_review": "unit_chair", "district_review": "district_reviewer", "city_approval": "city_leader"}
_PER_BIRTHDAY = 10_000_000
Rows = dict[str, list[dict[str, Any]]]
"""Rows by the name of their table; the rows of one table all have the same columns in the same order."""


@dataclass(frozen=True, slots=True)
class Union:
    """A union; `scope` names its ancestor on each tier, itself included, by column."""

    id: UUID
    name: str
    tier: Tier
    parent_id: UUID | None
    scope: dict[str, UUID | None]


@dataclass(frozen=True, slots=True)
class Share:
    """What one process writes at a time: people numbered from `first`, then `drafts` more who are about to submit.

    `cases` are further applications of these people that wait for their district.
    """

    first: int
    people: int
    drafts: int
    cases: int
    units: Sequence[Union]
    now: datetime


@dataclass(frozen=True, slots=True)
class _Applicant:
    number: int
    id: UUID
    household_id: UUID
    name_masked: str
    unit: Union


def unions() -> list[Union]:
    """A city with its districts, streets and units."""
    city = _union(Tier.CITY, 0, None)
    districts = [_union(Tier.DISTRICT, n, city) for n in range(DISTRICTS)]
    streets = [_union(Tier.STREET, n, districts[n % DISTRICTS]) for n in range(STREETS)]
    units = [_union(Tier.UNIT, n, streets[n % STREETS]) for n in range(UNITS)]
    return [city, *districts, *streets, *units]


def _union(tier: Tier, number: int, parent: Union | None) -> Union:
    union_id = new_id()
    above: dict[str, UUID | None] = parent.scope if parent else {f"{each}_id": None for each in Tier}
    return Union(
        union_id, f"{tier}{number:03d}工会", tier, parent.id if parent else None, above | {f"{tier}_id": union_id}
    )


def first_rows(tree: Sequence[Union], now: datetime, keyring: Keyring) -> Rows:
    """The unions, and the reviewers of each district with their posts and sessions."""
    rows: Rows = {
        "organisation": [_organisation(union, now) for union in tree],
        "person": [],
        "session": [],
        "post": [],
    }
    districts = [union for union in tree if union.tier is Tier.DISTRICT]
    for number in range(REVIEWERS_PER_DISTRICT * len(districts)):
        union, person_id = districts[number % len(districts)], new_id()
        rows["person"].append(_person(person_id, -1 - number, union.id, now, keyring))
        rows["session"].append(_session(person_id, now))
        rows["post"].append(
            {"id": new_id(), "created_at": now, "person_id": person_id, "organisation_id": union.id,
             "role": Role.DISTRICT_REVIEWER, "from_date": date(now.year - 1, 1, 1)}
        )  # fmt: skip
    return rows


def _organisation(union: Union, now: datetime) -> dict[str, Any]:
    return {
        "id": union.id, "created_at": now, "code": union.name, "name": union.name, "level": union.tier,
        "tier": union.tier, "division_code": "440507", "parent_id": union.parent_id, "receives_unattached": False,
        **union.scope,
    }  # fmt: skip


def rows_of(share: Share, keyring: Keyring) -> Rows:
    """Everything about the people of a share."""
    rows: Rows = {
        table: [] for table in "person session consent household household_member application passage".split()
    }
    judged = _judged(share.now)
    applicants = []
    for number in range(share.first, share.first + share.people + share.drafts):
        unit = _picked(share.units, number)
        applicant = _Applicant(number, new_id(), new_id(), mask_name(_name(number)), unit)
        applicants.append(applicant)
        rows["person"].append(_person(applicant.id, number, unit.id, share.now, keyring))
        rows["session"].append(_session(applicant.id, share.now))
        rows["consent"] += _consents(applicant.id, share.now)
        rows["household"].append(_household(applicant, share.now, keyring))
        rows["household_member"] += _members(applicant, share.now, keyring)
    history, drafting = applicants[: share.people], applicants[share.people :]
    for applicant in history:
        for age in range(1, YEARS):
            rows["application"].append(_closed(applicant, age, share.now, judged, keyring))
        _add(rows, _this_years(applicant, share.now, judged, keyring), applicant)
    for number in range(share.cases):
        applicant = history[number % len(history)]
        _add(rows, _case(applicant, share.first + number, share.now, judged, keyring), applicant)
    for applicant in drafting:
        rows["application"].append(_application(applicant, "draft", "D", share.now, None, keyring))
    return rows


def _add(rows: Rows, application: dict[str, Any], applicant: _Applicant) -> None:
    rows["application"].append(application)
    rows["passage"] += _passages(application, applicant)


def _picked(options: Sequence[Any], number: int) -> Any:
    """One of them, as if by lot, and always the same for a number."""
    return options[(number * 2_654_435_761 >> 8) % len(options)]


def _name(number: int) -> str:
    return "陈林黄郑李吴张蔡"[number % 8] + "晓美文志丽"[number % 5] + "珊伟芳强敏华"[number % 6]


def _id_number(number: int, born: date = date(1980, 1, 1)) -> str:
    """A valid number of nobody: region 99 does not exist."""
    serial = number % _PER_BIRTHDAY
    day = born + timedelta(days=number // _PER_BIRTHDAY)
    first17 = f"99{serial // 1000:04d}{day:%Y%m%d}{serial % 1000:03d}"
    return first17 + check_digit(first17)


def _person(person_id: UUID, number: int, union_id: UUID, now: datetime, keyring: Keyring) -> dict[str, Any]:
    name, id_number, openid = _name(number), _id_number(4 * number), f"bench-{number}"
    return {
        "id": person_id, "created_at": now, "organisation_id": union_id, "verified_at": now, "version": 1,
        "openid_index": keyring.blind_index(OPENID, openid), "openid": keyring.seal_text(OPENID, person_id, openid),
        "name": keyring.seal_text(NAME, person_id, name), "name_masked": mask_name(name),
        "id_number": keyring.seal_text(ID_NUMBER, person_id, id_number),
        "id_number_index": keyring.blind_index(ID_NUMBER, id_number),
    }  # fmt: skip


def _session(person_id: UUID, now: datetime) -> dict[str, Any]:
    return {"id": new_id(), "created_at": now, "person_id": person_id, "expires_at": now + timedelta(days=3650)}


def _consents(person_id: UUID, now: datetime) -> Iterator[dict[str, Any]]:
    for purpose in PROGRAMME.consents:
        text = consent_texts()[purpose]
        yield {
            "id": new_id(), "created_at": now, "person_id": person_id, "purpose": purpose,
            "text_version": text.version, "text_sha256": text.sha256,
        }  # fmt: skip


def _household(applicant: _Applicant, now: datetime, keyring: Keyring) -> dict[str, Any]:
    form = orjson.dumps(_household_form(applicant.number))
    return {
        "id": applicant.household_id, "created_at": now, "updated_at": now, "number": f"DA-{applicant.number:07d}",
        "person_id": applicant.id, "state": "active", "round": 1, "version": 1,
        "form": keyring.seal(HOUSEHOLD_FORM, applicant.household_id, form), "head_masked": applicant.name_masked,
        "submitted_at": now, "active_at": now, **applicant.unit.scope,
    }  # fmt: skip


def _household_form(number: int) -> dict[str, Any]:
    """A deeply poor household of three."""
    numbers = _member_numbers(number)
    spouse = {"name": "林阿妹", "relation": "spouse", "health": "healthy", "income_fen_yearly": 0}
    child = {"name": "陈小雨", "relation": "daughter", "health": "healthy", "income_fen_yearly": 0}
    return {
        "head": {"name": _name(number), "id_number": numbers[0], "health": "weak"},
        "members": [spouse | {"id_number": numbers[1]}, child | {"id_number": numbers[2], "schooling": "primary"}],
        "address": "龙湖区金霞街道",
        "division_code": "440507",
        "housing": "private_rental",
        "income_fen_yearly": 24_000_00,
        "rigid_spending": [{"kind": "illness", "amount_fen": 6_000_00, "file_ids": []}],
        "primary_cause": "serious_illness",
        "secondary_causes": [],
        "demands": ["希望得到生活救助"],
        "file_ids": [],
    }


def _member_numbers(number: int) -> list[str]:
    return [_id_number(4 * number + n) for n in range(3)]


def _members(applicant: _Applicant, now: datetime, keyring: Keyring) -> Iterator[dict[str, Any]]:
    for relation, id_number in zip(("self", "spouse", "daughter"), _member_numbers(applicant.number), strict=True):
        yield {
            "id": new_id(), "created_at": now, "household_id": applicant.household_id, "relation": relation,
            "living": True, "id_number_index": keyring.blind_index(ID_NUMBER, id_number),
        }  # fmt: skip


def _judged(now: datetime) -> Assessed:
    """What the rules say of such a household today."""
    today = business_date(now)
    household = facts_of(HouseholdForm.model_validate(_household_form(0)), {"state": "active"}, today)
    facts = rules.Facts(
        applied_on=today,
        household=household,
        item="living",
        requested_fen=_LIVING_AID["requested_fen"],
        granted_this_year=(),
        temporary_granted_this_year_fen=0,
    )
    decision = rules.assess(facts, in_force(POLICIES, today), in_force(CATEGORIES, today), decided_on=today)
    return assessed(decision, facts, rules, item="living")


_LIVING_AID: dict[str, Any] = {"item": "living", "requested_fen": 3_000_00, "reason": "家庭收入低，生活困难"}
_FORM = orjson.dumps(_LIVING_AID)


def _closed(applicant: _Applicant, age: int, now: datetime, judged: Assessed, keyring: Keyring) -> dict[str, Any]:
    state = _picked(CLOSED, applicant.number + age)
    return _application(applicant, state, str(age), now - timedelta(days=365 * age), judged, keyring)


def _this_years(applicant: _Applicant, now: datetime, judged: Assessed, keyring: Keyring) -> dict[str, Any]:
    state = _picked(OPEN, applicant.number) if applicant.number % 5 else "paid"
    at = now - timedelta(days=1 + applicant.number % 30, seconds=applicant.number)
    return _application(applicant, state, "0", at, judged, keyring)


def _case(applicant: _Applicant, number: int, now: datetime, judged: Assessed, keyring: Keyring) -> dict[str, Any]:
    """It came after everything else in the queue."""
    at = now - timedelta(hours=6, microseconds=number)
    return _application(applicant, "district_review", f"C{number}", at, judged, keyring)


def _application(
    applicant: _Applicant, state: str, serial: str, at: datetime, judged: Assessed | None, keyring: Keyring
) -> dict[str, Any]:
    """A row; `judged` and the time of submission belong to whatever is not a draft."""
    row_id, submitted = new_id(), judged is not None
    approved = state in ("paying", "paid")
    return {
        "id": row_id, "created_at": at, "updated_at": at, "number": f"BF-440507-{applicant.number:07d}-{serial}",
        "kind": Kind.HARDSHIP_AID, "period": f"{at.year}:living", "applicant_id": applicant.id,
        "applicant_masked": applicant.name_masked, "household_id": applicant.household_id, **applicant.unit.scope,
        "organisation_name": applicant.unit.name, "state": state, "round": 1, "version": 1,
        "form": keyring.seal(FORM, row_id, _FORM),
        "facts": keyring.seal(FACTS, row_id, judged.facts) if judged else None,
        "facts_sha256": judged.facts_sha256 if judged else None,
        "decision": keyring.seal(DECISION, row_id, judged.decision) if judged else None,
        "policy_version": judged.policy_version if judged else None,
        "code_sha256": judged.code_sha256 if judged else None,
        "item": judged.item if judged else None, "amount_fen": judged.amount_fen if judged else None,
        "submitted_at": at if submitted else None,
        "due_at": at + timedelta(days=7) if submitted and state not in CLOSED else None,
        "approved_at": at if approved else None, "paid_at": at if state == "paid" else None,
    }  # fmt: skip


def _passages(application: dict[str, Any], applicant: _Applicant) -> Iterable[dict[str, Any]]:
    state, at = "draft", application["submitted_at"]
    for action in WAY:
        if state == application["state"]:
            return
        step = PATHS[Kind.HARDSHIP_AID].step(state, action)
        role = _SIGNERS.get(action) or _CHECKERS.get(state)
        at, state = at + timedelta(minutes=5), step.to
        yield {
            "id": new_id(), "created_at": at, "application_id": application["id"], "round": 1,
            "person_id": applicant.id if action == "submit" else new_id() if role else None, "post_role": role,
            "organisation_name": applicant.unit.name if role else None, "action": action, "from_state": step.at,
            "to_state": step.to, "counts_as_review": step.counts_as_review,
            "amount_fen": application["amount_fen"] if action == "submit" else None,
        }  # fmt: skip
