"""A union with somebody at each desk, and what they do with a request to change a file."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from app.kernel.actor import Role
from tests import make
from tests.make import Someone, Town, World

REASON = "银行卡遗失"


@dataclass(frozen=True)
class Place:
    """A unit with somebody at each desk, and a worker with an active file."""

    town: Town
    worker: Someone
    household_id: UUID
    clerk: Someone
    chair: Someone
    maker: Someone
    checker: Someone


async def placed(world: World, town: Town) -> Place:
    worker = await world.person(home=town.units[0])
    household_id = await world.household(worker, town.units[0])
    desks = [(Role.UNIT_CLERK, town.units[0]), (Role.UNIT_CHAIR, town.units[0])]
    desks += [(Role.FINANCE_MAKER, town.city), (Role.FINANCE_CHECKER, town.city)]
    people = [await world.staff(role, union, consents=()) for role, union in desks]
    return Place(town, worker, household_id, *people)


async def ask(client: httpx.AsyncClient, place: Place, by: Someone, **body: Any) -> httpx.Response:
    own = by is place.worker
    path = "/me/household" if own else f"/staff/households/{place.household_id}"
    headers = by.headers | make.keyed()
    return await client.post(f"{path}/change_requests", json={"reason": REASON} | body, headers=headers)


async def decide(
    client: httpx.AsyncClient, by: Someone, request: dict[str, Any], action: str = "approve", **given: Any
) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{request["version"]}"'}
    body = {"action": action, "note": "已核对原件"} | given
    return await client.post(f"/staff/change_requests/{request['id']}/actions", json=body, headers=headers)
