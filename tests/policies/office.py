"""The policy desk of a city's union, over HTTP."""

from dataclasses import dataclass
from typing import Any

import httpx

from app.kernel.actor import Role
from app.policy.book import PolicyKind
from tests import make
from tests.make import Guild, Someone, World
from tests.policies.making import proposal


@dataclass(frozen=True)
class Office:
    """The policy desk of a city's union: who proposes, who publishes, who looks on."""

    client: httpx.AsyncClient
    city: Guild
    proposer: Someone
    publisher: Someone
    auditor: Someone

    async def send(self, who: Someone, path: str, body: Any = None, version: int | None = None) -> httpx.Response:
        headers = who.headers | make.keyed() | ({"If-Match": f'"{version}"'} if version is not None else {})
        return await self.client.post(f"/staff/policies{path}", json=body, headers=headers)

    async def propose(self, kind: PolicyKind = "hardship_aid", **given: Any) -> str:
        answer = await self.send(self.proposer, "", proposal(kind, **given))
        assert answer.status_code == 201, answer.text
        policy_id: str = answer.json()["id"]
        return policy_id

    async def publish(self, policy_id: str, version: int = 1) -> httpx.Response:
        return await self.send(self.publisher, f"/{policy_id}/publish", version=version)

    async def withdraw(self, who: Someone, policy_id: str, version: int = 1) -> httpx.Response:
        return await self.send(who, f"/{policy_id}/withdraw", version=version)

    async def look(self, policy_id: str, who: Someone | None = None) -> dict[str, Any]:
        answer = await self.client.get(f"/staff/policies/{policy_id}", headers=(who or self.auditor).headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["etag"] == f'"{answer.json()["version"]}"'
        seen: dict[str, Any] = answer.json()
        return seen


async def opened(client: httpx.AsyncClient, world: World) -> Office:
    """A city's union of its own with a person for each part."""
    city = await world.union("city")
    people = [await world.staff(r, city) for r in (Role.CITY_REVIEWER, Role.CITY_LEADER, Role.AUDITOR)]
    return Office(client, city, *people)
