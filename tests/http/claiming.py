"""Somebody who was filed on paper, and a WeChat that claims their account."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from app.db.sealing import Keyring
from app.kernel.actor import Role
from tests import calling, make
from tests.calling import bearer, sign_in
from tests.forms import filing
from tests.make import Someone, Town, World

NAME = "林阿伯"


@dataclass(frozen=True)
class Paper:
    """Somebody whose household was filed on paper, by one clerk and confirmed by another."""

    town: Town
    id: UUID
    number: str
    phone: str
    household_id: str
    author: Someone
    second: Someone
    clerk: Someone
    other: Someone
    """These two had no hand in it."""


async def post(client: httpx.AsyncClient, by: Someone, path: str, body: Any) -> httpx.Response:
    """On something in its first version."""
    return await calling.post(client, by, path, body, 1)


def a_phone() -> str:
    return "139" + make.id_number()[-9:-1]


async def paper(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, keyring: Keyring, phone: str | None = None
) -> Paper:
    town = await world.town()
    author, second, clerk, other = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(4)]
    number, phone = make.id_number(), phone or a_phone()
    body = filing(None, town.units[0], name=NAME, id_number=number, phone=phone, household=make.household_form(author))
    filed = (await post(client, author, "/staff/proxy_households", body)).json()
    signature = {"signature_file_id": str(await world.file(second))}
    done = await post(client, second, f"/staff/proxy_households/{filed['id']}/confirm_on_paper", signature)
    assert done.status_code == 200, done.text
    person_id = await owner.fetchval(
        "select id from person where id_number_index = $1", keyring.blind_index("person.id_number", number)
    )
    return Paper(town, person_id, number, phone, done.json()["id"], author, second, clerk, other)


class Phone:
    """A WeChat on a phone: signed in, with the tokens that it has."""

    def __init__(self, client: httpx.AsyncClient, session: httpx.Response, name: str) -> None:
        self.client, self.session, self.name = client, session.json(), name
        self.headers = bearer(session)

    async def bind(self, phone: str) -> None:
        code = {"code": f"simphone:{phone}#{make.unique()}"}
        assert (await self.client.put("/me/phone", json=code, headers=self.headers)).status_code == 200

    async def claim(self, number: str, name: str = NAME) -> httpx.Response:
        body = {"name": name, "id_number": number}
        return await self.client.post("/me/account_claims", json=body, headers=self.headers | make.keyed())

    async def refreshed(self) -> dict[str, Any]:
        """Signed in again by the refresh token."""
        body = {"refresh_token": self.session["refresh_token"]}
        answer = await self.client.post("/sessions/refresh", json=body)
        assert answer.status_code == 200, answer.text
        self.session, self.headers = answer.json(), bearer(answer)
        person: dict[str, Any] = self.session["person"]
        return person


async def phone_of_nobody(client: httpx.AsyncClient, phone: str | None = None) -> Phone:
    name = make.unique("claims-")
    one = Phone(client, await sign_in(client, name), name)
    if phone is not None:
        await one.bind(phone)
    return one


async def decide(
    client: httpx.AsyncClient, by: Someone, claim: dict[str, Any], action: str = "confirm", **given: Any
) -> httpx.Response:
    path = f"/staff/account_claims/{claim['id']}/actions"
    return await post(client, by, path, {"action": action} | given)


async def bound_to(owner: asyncpg.Connection, one: Paper) -> bool:
    bound: bool = await owner.fetchval("select openid_index is not null from person where id = $1", one.id)
    return bound
