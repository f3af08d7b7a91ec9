"""A town with somebody at every desk, and the calls around a supplement, a return and an undoing."""

from dataclasses import dataclass
from typing import Any

import httpx

from app.applications.path import Kind, State
from app.kernel.actor import Role
from tests.calling import every_item, post
from tests.make import Case, Someone, Town, World

REVIEWERS: dict[State, tuple[Role, str]] = {
    State.SUBMITTED: (Role.UNIT_CLERK, "unit"),
    State.UNIT_REVIEW: (Role.UNIT_CHAIR, "unit"),
    State.DISTRICT_REVIEW: (Role.DISTRICT_REVIEWER, "district"),
    State.CITY_APPROVAL: (Role.CITY_REVIEWER, "city"),
}


@dataclass(frozen=True)
class Desks:
    """Two people at each desk of a town's first unit."""

    world: World
    town: Town
    first: dict[Role, Someone]
    second: dict[Role, Someone]

    def reviewer(self, state: State, kind: Kind = Kind.HARDSHIP_AID) -> Someone:
        role = REVIEWERS[state][0]
        if (kind, state) == (Kind.SECONDARY_MEDICAL, State.CITY_APPROVAL):
            role = Role.MUTUAL_AID_OFFICER
        return self.first[role]


async def desks_of(world: World) -> Desks:
    town = await world.town()
    union = {"unit": town.units[0], "district": town.districts[0], "city": town.city}
    at = {role: union[tier] for role, tier in REVIEWERS.values()} | {
        Role.CITY_LEADER: town.city,
        Role.MUTUAL_AID_OFFICER: town.city,
        Role.FINANCE_MAKER: town.city,
        Role.FINANCE_CHECKER: town.city,
    }
    people = [{role: await world.staff(role, place, consents=()) for role, place in at.items()} for _ in range(2)]
    return Desks(world, town, *people)


async def case_at(desks: Desks, state: State, kind: Kind = Kind.HARDSHIP_AID, **given: Any) -> Case:
    """An application of a new worker's that stands at a desk."""
    worker = await desks.world.worker(desks.town.units[0])
    return await desks.world.application(worker, desks.town.units[0], kind=kind, state=state, **given)


async def act(
    client: httpx.AsyncClient, by: Someone, case: Case, version: int, action: str, **words: Any
) -> httpx.Response:
    return await post(client, by, f"/staff/applications/{case.id}/actions", {"action": action} | words, version)


async def ask(client: httpx.AsyncClient, by: Someone, case: Case, version: int = 1, **asked: Any) -> httpx.Response:
    return await post(client, by, f"/staff/applications/{case.id}/supplements", asked or {"text": "请说明"}, version)


async def bring(client: httpx.AsyncClient, case: Case, version: int = 2, **given: Any) -> httpx.Response:
    return await post(client, case.applicant, f"/applications/{case.id}/supplement", given or {"note": "说明"}, version)


async def own(client: httpx.AsyncClient, case: Case) -> dict[str, Any]:
    answer = await client.get(f"/applications/{case.id}", headers=case.applicant.headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def seen(client: httpx.AsyncClient, by: Someone, case: Case) -> dict[str, Any]:
    answer = await client.get(f"/staff/applications/{case.id}", headers=by.headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def queue(client: httpx.AsyncClient, by: Someone) -> list[dict[str, Any]]:
    return await every_item(client, "/staff/tasks", by=by)
