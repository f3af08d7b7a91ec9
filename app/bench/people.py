"""Unions, and people with all that applying takes: identity, consents, a session, an active household file. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from app.db.sealing import Keyring
from app.households.queries import FORM as HOUSEHOLD_FORM
from app.kernel.actor import Role, Tier
from app.kernel.business_time import business_date
from app.kernel.identifiers import check_digit
from app.kernel.ids import new_id
from app.kernel.masking import mask_name
from app.kinds.hardship_aid.commands import PROGRAMME
from app.people.commands import ID_NUMBER, NAME, OPENID
from app.people.consents import consent_texts

DISTRICTS, STREETS, UNITS = 7, 60, 532
_APPROVING = (
    (Tier.DISTRICT, Role.DISTRICT_REVIEWER, 20, -1),
    (Tier.CITY, Role.CITY_REVIEWER, 100, -1_000_000),
    (Tier.UNIT, Role.UNIT_CHAIR, 1, -2_000_000),
)
"""Who approves: of which tier, how many for each union of it, and the number of the first of them."""
ROOM_FEN = 10**14
"""More than a run spends."""
_SIGNED_UP = timedelta(days=3653)
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
class Applicant:
    """A person, and the household and the union they apply with."""

    number: int
    id: UUID
    household_id: UUID
    name_masked: str
    unit: Union
    plan_id: UUID
    measure_id: UUID


def row_id(what: str, number: int, at: datetime) -> UUID:
    """The UUIDv7 of a row, always the same for a number and an instant."""
    rest = int.from_bytes(blake2b(f"{what}{number}".encode(), digest_size=10).digest(), "big")
    value = int(at.timestamp() * 1000) << 80 | rest
    return UUID(int=value & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def picked(options: Sequence[Any], number: int) -> Any:
    """One of them, as if by lot, and always the same for a number."""
    return options[(number * 2_654_435_761 >> 8) % len(options)]


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
    """The unions, and those who approve at each tier with their posts and sessions."""
    rows: Rows = {
        "organisation": [_organisation(union, now) for union in tree],
        "person": [],
        "session": [],
        "post": [],
    }
    for tier, role, each, first in _APPROVING:
        of_tier = [union for union in tree if union.tier is tier]
        for number in range(each * len(of_tier)):
            union, person_id = of_tier[number % len(of_tier)], new_id()
            rows["person"].append(_person(person_id, first - number, union.id, now, keyring))
            rows["session"].append(_session(person_id, now))
            rows["post"].append(
                {"id": new_id(), "created_at": now, "person_id": person_id, "organisation_id": union.id,
                 "role": role, "from_date": date(now.year - 1, 1, 1)}
            )  # fmt: skip
    (city,), districts = ([union for union in tree if union.tier is tier] for tier in (Tier.CITY, Tier.DISTRICT))
    return rows | _money(city, districts, now)


def _money(city: Union, districts: Sequence[Union], now: datetime) -> Rows:
    """One fund of the city, allocated to its districts: every approval in a district draws from the same budget."""
    fund_id, year = new_id(), business_date(now).year
    fund = {
        "id": fund_id, "created_at": now, "code": "BENCH", "name": "工会经费", "source": "union", "year": year,
        "organisation_id": city.id, **city.scope, "kinds": ["hardship_aid"], "carry_over_years": 0,
        "received_fen": ROOM_FEN * len(districts), "allocated_fen": ROOM_FEN * len(districts), "version": 1,
    }  # fmt: skip
    budgets = [
        {"id": new_id(), "created_at": now, "fund_id": fund_id, "organisation_id": union.id,
         "organisation_name": union.name, **union.scope, "kind": "hardship_aid", "year": year,
         "allocated_fen": ROOM_FEN, "reserved_fen": 0, "committed_fen": 0, "spent_fen": 0}
        for union in districts
    ]  # fmt: skip
    return {"fund": [fund], "budget": budgets}


def _organisation(union: Union, now: datetime) -> dict[str, Any]:
    return {
        "id": union.id, "created_at": now, "code": union.name, "name": union.name, "level": union.tier,
        "tier": union.tier, "division_code": "440507", "parent_id": union.parent_id, "receives_unattached": False,
        **union.scope,
    }  # fmt: skip


def applicant(number: int, units: Sequence[Union], now: datetime) -> Applicant:
    """The person of this number, who signed up ten years ago."""
    since = now - _SIGNED_UP
    ids = row_id("person", number, since), row_id("household", number, since)
    planned = row_id("plan", number, since), row_id("measure", number, since)
    return Applicant(number, *ids, mask_name(_name(number)), picked(units, number), *planned)


def people_rows(applicants: Sequence[Applicant], now: datetime, keyring: Keyring) -> Rows:
    """All that each of them needs in order to apply."""
    return {
        "person": [_person(each.id, each.number, each.unit.id, now, keyring) for each in applicants],
        "session": [_session(each.id, now) for each in applicants],
        "consent": [row for each in applicants for row in _consents(each.id, now)],
        "household": [_household(each, now, keyring) for each in applicants],
        "household_member": [row for each in applicants for row in _members(each, now, keyring)],
        "plan": [_plan(each, now) for each in applicants],
        "measure": [_measure(each, now) for each in applicants],
    }


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


def _household(applicant: Applicant, now: datetime, keyring: Keyring) -> dict[str, Any]:
    form = orjson.dumps(household_form(applicant.number))
    return {
        "id": applicant.household_id, "created_at": now, "updated_at": now, "number": f"DA-{applicant.number:07d}",
        "person_id": applicant.id, "state": "active", "round": 1, "version": 1,
        "form": keyring.seal(HOUSEHOLD_FORM, applicant.household_id, form), "head_masked": applicant.name_masked,
        "submitted_at": now, "active_at": now, "review_due_on": now.date() + timedelta(days=365),
        "has_open_plan": True, **applicant.unit.scope,
    }  # fmt: skip


def _plan(applicant: Applicant, now: datetime) -> dict[str, Any]:
    return {
        "id": applicant.plan_id, "created_at": now, "household_id": applicant.household_id, "state": "open",
        "origin": "system", "version": 1,
    }  # fmt: skip


def _measure(applicant: Applicant, now: datetime) -> dict[str, Any]:
    """Under which all the living aid of ten years is paid."""
    return {
        "id": applicant.measure_id, "created_at": now, "updated_at": now, "plan_id": applicant.plan_id,
        "household_id": applicant.household_id, "kind": "living_aid", "state": "running", "version": 1,
        "due_on": now.date() + timedelta(days=90), "responsible_role": Role.UNIT_CLERK,
        "responsible_organisation": applicant.unit.name,
    }  # fmt: skip


def household_form(number: int) -> dict[str, Any]:
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


def _members(applicant: Applicant, now: datetime, keyring: Keyring) -> Iterator[dict[str, Any]]:
    for relation, id_number in zip(("self", "spouse", "daughter"), _member_numbers(applicant.number), strict=True):
        yield {
            "id": new_id(), "created_at": now, "household_id": applicant.household_id, "relation": relation,
            "living": True, "id_number_index": keyring.blind_index(ID_NUMBER, id_number),
        }  # fmt: skip
