"""A town with somebody at every desk, decisions to appeal against, and the calls of an appeal."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import httpx

from app.applications.path import Kind, State
from app.kernel.actor import Role
from tests import make
from tests.calling import every_item
from tests.make import Case, Someone, Town, World

DECIDES: dict[State, tuple[Role, str]] = {
    State.UNIT_REVIEW: (Role.UNIT_CHAIR, "unit"),
    State.DISTRICT_REVIEW: (Role.DISTRICT_REVIEWER, "district"),
    State.CITY_APPROVAL: (Role.CITY_REVIEWER, "city"),
}


@dataclass(frozen=True)
class Office:
    """Who decides first, and who is there to decide anew."""

    world: World
    town: Town
    first: dict[Role, Someone]
    again: dict[Role, Someone]


async def office(world: World) -> Office:
    town = await world.town()
    union = {"unit": town.units[0], "district": town.districts[0], "city": town.city}
    at = {role: union[tier] for role, tier in DECIDES.values()} | {
        Role.UNIT_CLERK: union["unit"],
        Role.DISTRICT_LEADER: union["district"],
        Role.CITY_LEADER: union["city"],
        Role.MUTUAL_AID_OFFICER: union["city"],
        Role.FINANCE_MAKER: union["city"],
        Role.FINANCE_CHECKER: union["city"],
        Role.AUDITOR: union["city"],
    }
    first = {role: await world.staff(role, place, consents=()) for role, place in at.items()}
    again = {role: await world.staff(role, place, consents=()) for role, place in at.items()}
    return Office(world, town, first, again)


async def family(office: Office, **given: Any) -> tuple[Someone, UUID]:
    someone = await office.world.person(home=office.town.units[0], name="林大勇")
    household_id = await office.world.household(someone, office.town.units[0], **given)
    await office.world.cover(someone, office.town.units[0])
    return someone, household_id


async def refused(client: httpx.AsyncClient, office: Office, at: State, *, kind: Kind = Kind.HARDSHIP_AID) -> Case:
    """An application that somebody at this desk has rejected."""
    student = make.id_number(date(2007, 3, 5))
    members = [make.member(number=student), make.member("spouse", name="林阿妹")]
    worker, household_id = await family(office, members=members)
    form = make.golden_autumn(student) if kind is Kind.GOLDEN_AUTUMN else None
    case = await office.world.application(
        worker, office.town.units[0], kind=kind, state=at, household_id=household_id, form=form
    )
    role = Role.MUTUAL_AID_OFFICER if (kind, at) == (Kind.SECONDARY_MEDICAL, State.CITY_APPROVAL) else DECIDES[at][0]
    body = {"action": "reject", "note": "材料不足", "reason_code": "documents_not_valid"}
    answer = await act(client, office.first[role], case, 1, body)
    assert answer.json()["state"] == "rejected", answer.text
    return case


async def granted(client: httpx.AsyncClient, office: Office, amount_fen: int = 1_000_00, **given: Any) -> Case:
    """An application that the city has approved, for less than the rules give."""
    worker, household_id = await family(office)
    case = await office.world.application(
        worker,
        office.town.units[0],
        state=State.CITY_APPROVAL,
        household_id=household_id,
        amount_fen=amount_fen,
        **given,
    )
    answer = await act(client, office.first[Role.CITY_REVIEWER], case, 1, {"action": "approve"})
    assert answer.json()["state"] == "public_notice", answer.text
    return case


async def act(client: httpx.AsyncClient, by: Someone, case: Case, version: int, body: dict[str, Any]) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(f"/staff/applications/{case.id}/actions", json=body, headers=headers)


async def lodge(client: httpx.AsyncClient, case: Case, version: int = 2, **given: Any) -> httpx.Response:
    headers = case.applicant.headers | make.keyed() | {"If-Match": f'"{version}"'}
    body = {"reason": "材料齐全，请再看一次"} | given
    return await client.post(f"/applications/{case.id}/appeals", json=body, headers=headers)


async def lodged(client: httpx.AsyncClient, case: Case, version: int = 2) -> dict[str, Any]:
    answer = await lodge(client, case, version)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def decide(
    client: httpx.AsyncClient, by: Someone, appeal: dict[str, Any], action: str, version: int = 1, **given: Any
) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
    body = {"action": action, "note": "复核后的答复"} | given
    return await client.post(f"/staff/appeals/{appeal['id']}/actions", json=body, headers=headers)


async def waiting(client: httpx.AsyncClient, by: Someone, **query: Any) -> list[str]:
    return [item["id"] for item in await every_item(client, "/staff/appeals", by=by, **query)]


async def own(client: httpx.AsyncClient, case: Case) -> dict[str, Any]:
    answer = await client.get(f"/applications/{case.id}", headers=case.applicant.headers)
    return dict(answer.json())
