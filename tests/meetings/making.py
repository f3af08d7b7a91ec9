"""A city with people who may vote, large cases that wait for them, and the calls of a meeting."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from app.applications.path import STAGES, Kind, State, route_text
from app.kernel.actor import Role
from tests.calling import post
from tests.make import Case, Someone, Town, World

LARGE_FEN = 3_000_000
ROUTED: dict[str, Any] = {
    "route": route_text(STAGES),
    "route_version": "2026",
    "route_fen": LARGE_FEN,
    "decided_fen": LARGE_FEN,
    "amount_fen": LARGE_FEN,
    "item": "medical",
}


@dataclass(frozen=True)
class City:
    """Who prepares, who votes, and the desks below."""

    world: World
    town: Town
    secretary: Someone
    leaders: tuple[Someone, ...]
    desks: dict[Role, Someone]

    async def case(self, *, state: State = State.MEETING, kind: Kind = Kind.HARDSHIP_AID, **given: Any) -> Case:
        worker = await self.world.person(home=self.town.units[0])
        return await self.world.application(worker, self.town.units[0], kind=kind, state=state, **ROUTED | given)


async def city_of(world: World, leaders: int = 5) -> City:
    town = await world.town()
    unit, district, city = town.units[0], town.districts[0], town.city
    at = {
        Role.UNIT_CLERK: unit, Role.UNIT_CHAIR: unit, Role.DISTRICT_REVIEWER: district, Role.CITY_REVIEWER: city,
        Role.MUTUAL_AID_OFFICER: city, Role.FINANCE_MAKER: city, Role.FINANCE_CHECKER: city, Role.AUDITOR: city,
    }  # fmt: skip
    desks = {role: await world.staff(role, place, consents=()) for role, place in at.items()}
    voters = [
        await world.staff(Role.CITY_LEADER, city, consents=(), name=f"陈{n}明") for n in "一二三四五六七"[:leaders]
    ]
    secretary = await world.staff(Role.CITY_REVIEWER, city, consents=())
    return City(world, town, secretary, tuple(voters), desks)


async def candidates(client: httpx.AsyncClient, by: Someone, case: Case) -> httpx.Response:
    return await client.get(f"/staff/applications/{case.id}/meeting_candidates", headers=by.headers)


async def convene(
    client: httpx.AsyncClient, by: Someone, case: Case, members: tuple[Someone, ...], version: int = 1
) -> httpx.Response:
    body = {"application_id": str(case.id), "member_ids": [str(each.id) for each in members]}
    return await post(client, by, "/staff/meetings", body, version)


async def convened(client: httpx.AsyncClient, city: City, case: Case, members: tuple[Someone, ...]) -> str:
    version = (await case_seen(client, city.secretary, case))["version"]
    answer = await convene(client, city.secretary, case, members, version)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def vote(client: httpx.AsyncClient, by: Someone, meeting: str, choice: str, **given: Any) -> httpx.Response:
    return await post(client, by, f"/staff/meetings/{meeting}/votes", {"choice": choice} | given)


async def seen(client: httpx.AsyncClient, by: Someone, meeting: str) -> dict[str, Any]:
    answer = await client.get(f"/staff/meetings/{meeting}", headers=by.headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def minuted(client: httpx.AsyncClient, city: City, meeting: str, by: Someone | None = None) -> UUID:
    """The minutes, uploaded and attached by whoever holds it."""
    who = by or city.secretary
    file_id = await city.world.file(who)
    version = (await seen(client, who, meeting))["version"]
    answer = await post(client, who, f"/staff/meetings/{meeting}/minutes", {"file_id": str(file_id)}, version)
    assert answer.status_code == 200, answer.text
    return file_id


async def conclude(
    client: httpx.AsyncClient, by: Someone, meeting: str, version: int | None = None, **given: Any
) -> httpx.Response:
    current = (await seen(client, by, meeting))["version"] if version is None else version
    return await post(client, by, f"/staff/meetings/{meeting}/conclude", given, current)


async def cancel(client: httpx.AsyncClient, by: Someone, meeting: str, note: str | None = "改期") -> httpx.Response:
    version = (await seen(client, by, meeting))["version"]
    return await post(client, by, f"/staff/meetings/{meeting}/cancel", {"note": note} if note else {}, version)


async def decided(client: httpx.AsyncClient, city: City, case: Case, choices: tuple[str, ...], **words: Any) -> str:
    """A meeting from its beginning to its end; answers its id."""
    meeting = await convened(client, city, case, city.leaders[: len(choices)])
    for leader, choice in zip(city.leaders, choices, strict=False):
        assert (await vote(client, leader, meeting, choice)).status_code == 200
    await minuted(client, city, meeting)
    ended = await conclude(client, city.secretary, meeting, **words)
    assert ended.status_code == 200, ended.text
    return meeting


async def case_seen(client: httpx.AsyncClient, by: Someone, case: Case) -> dict[str, Any]:
    answer = await client.get(f"/staff/applications/{case.id}", headers=by.headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
