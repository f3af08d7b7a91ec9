"""Home visits as the commands would write them, and the calls that visitors make."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.programmes import shipped
from app.visits.commands import ADDRESS
from app.visits.tables import Visit, VisitVisitor
from tests import make
from tests.make import NOW, TODAY, Guild, Someone, Town, World

ADDRESS_TOLD = "龙湖区金霞街道"
POLICY_VERSION = shipped().versions["home_visits"][-1].version
SHA256 = "ab" * 32


async def visit_of(
    world: World, household_id: UUID, owner: Someone, home: Guild, visitors: tuple[Someone, ...], **given: Any
) -> UUID:
    """A visit to a household, started unless something else is given."""
    visit_id = new_id()
    columns: dict[str, Any] = {
        "household_id": household_id,
        "person_id": owner.id,
        "round": 1,
        "purpose": "spot",
        "state": "started",
        "planned_on": TODAY,
        "planned_by": owner.id,
        "organisation_name": home.name,
        "visitor_ids": [each.id for each in visitors],
        "visitors": [{"name_masked": "温*琳", "role": "home_visitor", "union": home.name} for _ in visitors],
        "policy_version": POLICY_VERSION,
        "head_masked": "陈*明",
        "address": world.keyring.seal_text(ADDRESS, visit_id, ADDRESS_TOLD),
        "changed": {},
        "photos": [],
        "position_agreed": False,
        "started_at": NOW,
        "version": 1,
    }
    places = {f"{tier}_id": home.ancestors[tier] for tier in home.ancestors}
    await world.insert(Visit, id=visit_id, created_at=NOW, **columns | given | places)
    for each in visitors:
        await world.insert(VisitVisitor, id=new_id(), created_at=NOW, visit_id=visit_id, person_id=each.id)
    return visit_id


async def confirmed_visit(world: World, household_id: UUID, owner: Someone, home: Guild, *, round: int = 1) -> UUID:
    """A visit for the admission of a file that its worker has confirmed."""
    done = {"purpose": "admission", "state": "confirmed", "ended_at": NOW, "confirmed_at": NOW, "round": round}
    return await visit_of(world, household_id, owner, home, (), **done | {"visitor_ids": [new_id()]})


async def plan(
    client: httpx.AsyncClient,
    planner: Someone,
    household_id: UUID,
    visitors: tuple[Someone, ...],
    *,
    purpose: str = "admission",
    days: int = 1,
) -> httpx.Response:
    body = {
        "purpose": purpose,
        "planned_on": str(TODAY + timedelta(days=days)),
        "visitor_ids": [str(each.id) for each in visitors],
    }
    return await client.post(
        f"/staff/households/{household_id}/visits", json=body, headers=planner.headers | make.keyed()
    )


async def act(
    client: httpx.AsyncClient, who: Someone, visit_id: Any, version: int, action: str, **given: Any
) -> httpx.Response:
    headers = who.headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(f"/staff/visits/{visit_id}/actions", json={"action": action, **given}, headers=headers)


def edit(field: str, value: Any, base_version: int, operation_id: UUID | None = None) -> dict[str, Any]:
    return {
        "operation_id": str(operation_id or new_id()),
        "field": field,
        "value": value,
        "base_version": base_version,
    }


async def sync(client: httpx.AsyncClient, who: Someone, visit_id: Any, *edits: dict[str, Any]) -> httpx.Response:
    return await client.post(
        f"/staff/visits/{visit_id}/operations", json={"operations": list(edits)}, headers=who.headers | make.keyed()
    )


async def photo(world: World, who: Someone) -> str:
    """The field of a photo that they took; its hash is SHA256."""
    return f"/photos/{await world.file(who, sha256=SHA256)}"


def truthful(**given: Any) -> dict[str, Any]:
    """Answers that say what the household file of the tests says."""
    said = {
        "lives_here": True,
        "members": 2,
        "housing": "private_rental",
        "income": 24_000_00,
        "receives_dibao": False,
        "private_car": False,
        "runs_business": False,
        "head_health": "weak",
    }
    return said | given


async def answers(world: World, who: Someone, version: int, **given: Any) -> list[dict[str, Any]]:
    """The whole questionnaire and a photo of the visitor's."""
    said = [edit(f"/answers/{code}", value, version) for code, value in truthful(**given).items()]
    return [*said, edit(await photo(world, who), SHA256, version)]


async def visitor(world: World, union: Guild, **given: Any) -> Someone:
    return await world.staff(Role.HOME_VISITOR, union, **given)


class Household:
    """A family at the step of the home visit, with the clerk of its union and two volunteers."""

    def __init__(self, town: Town, worker: Someone, id_: Any, clerk: Someone, volunteers: tuple[Someone, ...]) -> None:
        self.town, self.worker, self.id, self.clerk, self.volunteers = town, worker, id_, clerk, volunteers


async def family_of(world: World, town: Town) -> Household:
    """One of the town's first unit; the second volunteer belongs to the district."""
    unit = town.units[0]
    worker = await world.person(home=unit)
    household_id = await world.household(worker, unit, state="home_visit")
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    volunteers = (await visitor(world, unit, name="温若琳"), await visitor(world, town.districts[0], name="詹国栋"))
    return Household(town, worker, household_id, clerk, volunteers)


async def confirmed(
    client: httpx.AsyncClient, worker: Someone, visit_id: Any, version: int, **given: Any
) -> httpx.Response:
    headers = worker.headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(f"/me/visits/{visit_id}/confirm", json={"agrees": True, **given}, headers=headers)


async def shown(client: httpx.AsyncClient, who: Someone, visit_id: Any) -> dict[str, Any]:
    answer = await client.get(f"/staff/visits/{visit_id}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == f'"{body["version"]}"'
    return body
