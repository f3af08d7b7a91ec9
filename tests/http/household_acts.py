"""What is done with a household file over HTTP, and by whom."""

from typing import Any
from uuid import UUID

import httpx

from app.kernel.actor import Role
from tests import make
from tests.http import household_notices
from tests.make import Guild, Someone, Town, World

PROOF = ["01890000-0000-7000-8000-000000000001"]
"""Stands for an upload of whoever proposes."""
LIFTED = {
    "kind": "lifted", "file_ids": PROOF, "income_fen_yearly": 60_000_00, "rigid_spending_fen": 6_000_00,
    "months_above": 8,
}  # fmt: skip
RELIEVED = {
    "kind": "relieved", "file_ids": PROOF, "income_fen_yearly": 24_000_00, "rigid_spending_fen": 6_000_00,
    "floor_aid_fen_yearly": 12_000_00, "standing_aid_fen_yearly": 3_000_00,
}  # fmt: skip
CANCELLED = {"kind": "cancelled", "code": "voluntary", "file_ids": PROOF}


async def save(
    client: httpx.AsyncClient, someone: Someone, form: dict[str, Any], version: str | None = None
) -> httpx.Response:
    headers = someone.headers | ({"If-Match": version} if version else {})
    return await client.put("/me/household", json=form, headers=headers)


async def submit(client: httpx.AsyncClient, someone: Someone, version: str) -> httpx.Response:
    return await client.post("/me/household/submit", headers=someone.headers | make.keyed() | {"If-Match": version})


async def act(client: httpx.AsyncClient, by: Someone, household: dict[str, Any], **action: Any) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{household["version"]}"'}
    return await client.post(f"/staff/households/{household['id']}/actions", json=action, headers=headers)


async def put(
    client: httpx.AsyncClient, by: Someone, household: dict[str, Any], what: str, **body: Any
) -> httpx.Response:
    headers = by.headers | {"If-Match": f'"{household["version"]}"'}
    return await client.put(f"/staff/households/{household['id']}/{what}", json=body, headers=headers)


async def officed(world: World, town: Town) -> dict[str, Someone]:
    """One for each desk that a file of the first unit passes."""
    return {
        "clerk": await world.staff(Role.UNIT_CLERK, town.units[0]),
        "chair": await world.staff(Role.UNIT_CHAIR, town.units[0]),
        "district": await world.staff(Role.DISTRICT_REVIEWER, town.districts[0]),
        "city": await world.staff(Role.CITY_LEADER, town.city),
    }


def of(someone: Someone, union: Guild, **given: Any) -> dict[str, Any]:
    form = make.household_form(someone, **given)
    form["head"]["organisation_code"] = union.code
    return form


def seen(household_id: Any, version: int = 1) -> dict[str, Any]:
    return {"id": str(household_id), "version": version}


async def propose(
    client: httpx.AsyncClient, world: World, office: dict[str, Someone], file: Any, exit: Any
) -> httpx.Response:
    if exit["file_ids"] == PROOF:
        exit = exit | {"file_ids": [str(await world.file(office["clerk"]))]}
    return await act(client, office["clerk"], file, action="propose_exit", note="建议退出", exit=exit)


async def left(client: httpx.AsyncClient, world: World, office: dict[str, Someone], file: Any, exit: Any) -> Any:
    """The whole way out: proposed, approved, published, over."""
    moved = (await propose(client, world, office, file, exit)).json()
    assert moved["state"] == "exit_proposed", moved
    moved = (await act(client, office["district"], moved, action="approve")).json()
    assert moved["state"] == "exit_notice", moved
    return moved | await household_notices.end(world, moved["id"])


async def merge(
    client: httpx.AsyncClient, by: Someone, file: UUID, into: UUID, version: int = 1, relation: str = "sibling"
) -> httpx.Response:
    told = {"household_id": str(into), "version": version, "head_relation": relation}
    return await act(client, by, seen(file), action="merge", note="同一家庭重复建档", merge=told)


async def split(client: httpx.AsyncClient, by: Someone, file: UUID, head: int, *others: int) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": '"1"'}
    body = {"head": head, "members": list(others), "note": "儿子成家，分户"}
    return await client.post(f"/staff/households/{file}/split", json=body, headers=headers)


async def offer(client: httpx.AsyncClient, by: Someone, file: UUID, to: Guild, version: int = 1) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
    body = {"organisation_code": to.code, "note": "职工调动工作"}
    return await client.post(f"/staff/households/{file}/transfers", json=body, headers=headers)


async def reply(client: httpx.AsyncClient, by: Someone, transfer: dict[str, Any], action: str) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{transfer["version"]}"'}
    path = f"/staff/households/transfers/{transfer['id']}/actions"
    return await client.post(path, json={"action": action}, headers=headers)
