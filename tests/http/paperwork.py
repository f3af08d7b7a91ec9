"""What staff do as they fill in an application for a worker."""

from dataclasses import dataclass
from typing import Any

import httpx

from app.applications.path import Kind
from app.kernel.actor import Role
from app.people.consents import Purpose
from tests import calling, make
from tests.make import FORMS, Guild, Someone, Town, World

ALL = [purpose.value for purpose in Purpose]


def filing(someone: Someone | None, union: Guild, kind: Kind = Kind.HARDSHIP_AID, **given: Any) -> dict[str, Any]:
    who = {"name": someone.name, "id_number": someone.id_number} if someone else {}
    body = {"phone": "13800138000", "organisation_code": union.code, "kind": kind.value, "form": FORMS[kind]()}
    return who | body | given


async def post(client: httpx.AsyncClient, by: Someone, path: str, body: Any = None, version: int = 1) -> httpx.Response:
    return await calling.post(client, by, path, body, version)


async def filed(client: httpx.AsyncClient, by: Someone, body: dict[str, Any]) -> dict[str, Any]:
    answer = await post(client, by, "/staff/proxy_applications", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def confirmed(client: httpx.AsyncClient, worker: Someone, one: dict[str, Any]) -> dict[str, Any]:
    answer = await post(client, worker, f"/me/proxy_applications/{one['id']}/confirm")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def on_paper(
    client: httpx.AsyncClient, world: World, by: Someone, one: dict[str, Any], consents: list[str] = ALL
) -> httpx.Response:
    paper = {"signature_file_id": str(await world.file(by)), "consents": consents}
    return await post(client, by, f"/staff/proxy_applications/{one['id']}/confirm_on_paper", paper)


async def act(client: httpx.AsyncClient, by: Someone, case: dict[str, Any], action: str, **more: Any) -> httpx.Response:
    path = f"/staff/applications/{case['id']}/actions"
    return await post(client, by, path, {"action": action} | more, case["version"])


async def moved(client: httpx.AsyncClient, by: Someone, case: dict[str, Any], action: str, **more: Any) -> Any:
    answer = await act(client, by, case, action, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


@dataclass(frozen=True)
class Returned:
    """What was returned, a body that fills it in anew, and who has dealt with it."""

    body: dict[str, Any]
    case: dict[str, Any]
    author: Someone
    second: Someone
    clerk: Someone
    chair: Someone


async def returned_on_paper(client: httpx.AsyncClient, world: World, town: Town, **given: Any) -> Returned:
    """An application of somebody without WeChat that was accepted and sent back."""
    unit = town.units[0]
    author, second, clerk = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(3)]
    chair = await world.staff(Role.UNIT_CHAIR, unit)
    aid = make.living_aid(item="temporary", requested_fen=1_000_00) | given
    body = filing(None, unit, name="林阿伯", id_number=make.id_number(), form=aid)
    case = (await on_paper(client, world, second, await filed(client, author, body))).json()
    case = await moved(client, clerk, case, "accept")
    case = await moved(client, chair, case, "return", note="请补充")
    return Returned(body | {"returned_application_id": case["id"]}, case, author, second, clerk, chair)


async def everything(world: World, town: Town) -> Someone:
    """Somebody who may file, review, approve and pay alone, if they had not assisted."""
    unit = town.units[0]
    here = [(role, unit) for role in (Role.UNIT_CLERK, Role.UNIT_CHAIR)]
    above = [(Role.DISTRICT_REVIEWER, town.districts[0])]
    city = [
        (role, town.city)
        for role in (Role.CITY_LEADER, Role.MUTUAL_AID_OFFICER, Role.FINANCE_MAKER, Role.FINANCE_CHECKER)
    ]
    return await world.person(posts=(*here, *above, *city))
