"""Two people who are near one another in one way or another, and the calls of a declaration."""

from typing import Any
from uuid import UUID

import asyncpg
import httpx

from app.applications.path import Action, State
from app.applications.tables import Passage
from app.kernel.ids import new_id
from app.relatives.tables import DeclaredRelative
from tests import make
from tests.calling import post
from tests.make import Case, Someone, World

WAYS = ("one number", "one household", "declared", "declared by the other")
"""How two people may be near one another."""


async def bring_near(way: str, world: World, owner: asyncpg.Connection, one: Someone, other: Someone) -> None:
    """Makes two people near one another."""
    match way:
        case "one number":  # an account that was closed, and the one that came after it
            await owner.execute("update person set closed_at = now() where id = $1", one.id)
            await owner.execute(
                "update person set id_number_index = (select id_number_index from person where id = $1) where id = $2",
                one.id,
                other.id,
            )
        case "one household":
            members = [make.member(number=each.id_number, name=each.name) for each in (one, other)]
            town = await world.town()
            await world.household(await world.person(), town.units[0], members=members)
        case "declared":
            await declared(world, one, other)
        case _:
            await declared(world, other, one)


async def declared(world: World, one: Someone, relative: Someone, *, relation: str = "collateral") -> UUID:
    """A declaration as the route writes it."""
    relative_id = new_id()
    index = [world.keyring.blind_index("person.id_number", each.id_number) for each in (one, relative)]
    await world.insert(
        DeclaredRelative, id=relative_id, created_at=make.NOW, person_id=one.id, number_index=index[0],
        relative_index=index[1], relation=relation, name_masked="*",
        name=world.keyring.seal_text("declared_relative.name", relative_id, relative.name),
    )  # fmt: skip
    return relative_id


async def sign(world: World, case: Case, who: Someone, action: str, **given: Any) -> UUID:
    """A step of a review, written straight into the database."""
    passage_id = new_id()
    await world.insert(
        Passage, id=passage_id, created_at=make.NOW, application_id=case.id, round=given.pop("round", 1),
        person_id=who.id, post_role=given.pop("post_role", "unit_clerk"), organisation_name="x", action=action,
        from_state=State.SUBMITTED, to_state=State.UNIT_REVIEW, counts_as_review=True, **given,
    )  # fmt: skip
    return passage_id


async def refusal(world: World, case: Case, who: Someone, action: str, **given: Any) -> str | None:
    """The constraint that refuses a step; None when it is taken."""
    try:
        await sign(world, case, who, action, **given)
    except asyncpg.IntegrityConstraintViolationError as refused:
        return str(refused.constraint_name)
    return None


async def act(
    client: httpx.AsyncClient, by: Someone, case: Case, version: int, action: str = Action.APPROVE, **given: Any
) -> httpx.Response:
    return await post(client, by, f"/staff/applications/{case.id}/actions", {"action": action} | given, version)


async def queue(client: httpx.AsyncClient, by: Someone, case: Case) -> tuple[bool, int]:
    """Whether a case waits for somebody: by the list, and by the count."""
    listed = await client.get("/staff/tasks", params={"q": case.number}, headers=by.headers)
    counted = await client.get("/staff/tasks/count", params={"q": case.number}, headers=by.headers)
    assert (listed.status_code, counted.status_code) == (200, 200), listed.text
    return str(case.id) in [item["application_id"] for item in listed.json()["items"]], counted.json()["count"]


async def open_actions(client: httpx.AsyncClient, by: Someone, case: Case) -> list[str]:
    shown = await client.get(f"/staff/applications/{case.id}", headers=by.headers)
    assert shown.status_code == 200, shown.text
    return list(shown.json()["open_actions"])


async def declare(client: httpx.AsyncClient, by: Someone, **given: Any) -> httpx.Response:
    body = {"name": "陈大文", "id_number": make.id_number(), "relation": "spouse"} | given
    return await post(client, by, "/me/relatives", body)
