"""Every state, action and role over HTTP: a file goes where its table says, and nowhere else."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from app.households.path import PATH
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.workflow.path import Step
from tests import make
from tests.make import Guild, Someone, Town, World
from tests.visits.making import confirmed_visit

_AT: dict[Role, str] = {
    Role.UNIT_CLERK: "unit", Role.UNIT_CHAIR: "unit", Role.STREET_REVIEWER: "street",
    Role.DISTRICT_REVIEWER: "district", Role.DISTRICT_LEADER: "district",
}  # fmt: skip
_RELEVANT = {
    Permission.READ_CASES, Permission.ACCEPT_CASE, Permission.REVIEW_AT_UNIT, Permission.REVIEW_AT_DISTRICT,
    Permission.APPROVE_AT_CITY,
}  # fmt: skip
# One role for each set of permissions that a file's path could ask for.
ROLES = list({frozenset(PERMISSIONS[role] & _RELEVANT): role for role in reversed(Role)}.values())
_WORDS = {"note": "情况属实", "reason_code": "not_in_hardship"}
_EXIT = {"kind": "cancelled", "code": "voluntary"}


async def file_at(world: World, union: Guild, state: str) -> UUID:
    someone = await world.person()
    form = make.registered(make.household_form(someone))
    row = {"category": "deep", "archive_level": "municipal"} if state == "means_check" else {}
    given = {name: form[name] for name in ("head", *make.REGISTER)}
    file = await world.household(someone, union, state=state, columns=row, **given)
    if state == "home_visit":
        await confirmed_visit(world, file, someone, union)
    return file


async def standing(world: World, union: Guild) -> UUID:
    return await world.household(await world.person(), union, state="active")


async def ask(
    client: httpx.AsyncClient, world: World, by: Someone, household_id: UUID, action: str, into: UUID, version: int = 1
) -> httpx.Response:
    body: dict[str, Any] = {"action": action, **_WORDS}
    if action == "propose_exit":
        body["exit"] = _EXIT | {"file_ids": [str(await world.file(by))]}
    if action == "merge":
        body["merge"] = {"household_id": str(into), "version": version, "head_relation": "sibling"}
    headers = by.headers | make.keyed() | {"If-Match": '"1"'}
    return await client.post(f"/staff/households/{household_id}/actions", json=body, headers=headers)


def row_of(state: str, action: str) -> Step | None:
    """The row for a file that, where it matters, was active before."""
    before = "active" if state in ("suspended", "exit_proposed", "exit_notice") else None
    fits = [s for s in PATH.steps if (s.at, s.action) == (state, action) and s.when in (None, before)]
    return fits[0] if fits else None


def expected(state: str, action: str, role: Role) -> tuple[int, str]:
    """Status, and the code of the refusal or the next state."""
    held, step = PERMISSIONS[role], row_of(state, action)
    if Permission.READ_CASES not in held:
        return 403, "not_allowed"
    if state == "draft":
        return 404, "household_not_found"
    if step is None or step.by in (Permission.OWN, Permission.SYSTEM):
        return 409, "not_allowed_now"
    if step.by not in held:
        return 403, "not_allowed"
    return 200, step.to


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture(scope="module")
async def staff(world: World, town: Town) -> dict[Role, Someone]:
    unions = {"unit": town.units[0], "street": town.streets[0], "district": town.districts[0]}
    return {role: await world.staff(role, unions.get(_AT.get(role, ""), town.city), consents=()) for role in ROLES}


@pytest.mark.parametrize("state", PATH.states)
async def test_every_action_of_every_role_ends_as_the_table_says(
    client: httpx.AsyncClient, world: World, town: Town, staff: dict[Role, Someone], state: str
) -> None:
    file, into, into_version = await file_at(world, town.units[0], state), await standing(world, town.units[0]), 1
    for action in PATH.actions:
        for role, someone in staff.items():
            answer = await ask(client, world, someone, file, action, into, into_version)
            status, outcome = expected(state, action, role)
            told = answer.json()
            if action not in STAFF and status != 403:
                # What only workers and timers do is no choice of staff at all.
                assert answer.status_code in (404, 409, 422), (state, action, role, told)
                continue
            assert (answer.status_code, told.get("state" if status == 200 else "code")) == (status, outcome), (
                action, role, told,
            )  # fmt: skip
            if status == 200:
                into_version += action == "merge"
                file = await file_at(world, town.units[0], state)


STAFF = {step.action for step in PATH.steps if step.by not in (Permission.OWN, Permission.SYSTEM)}


@pytest.mark.parametrize(("action", "state"), [(s.action, s.at) for s in PATH.steps if s.needs_note and s.when is None])
async def test_a_step_that_wants_words_wants_them(
    client: httpx.AsyncClient, world: World, town: Town, staff: dict[Role, Someone], action: str, state: str
) -> None:
    step = row_of(state, action)
    assert step is not None
    someone = next(who for role, who in staff.items() if step.by in PERMISSIONS[role])
    file = await file_at(world, town.units[0], state)
    headers = someone.headers | make.keyed() | {"If-Match": '"1"'}
    refused = await client.post(f"/staff/households/{file}/actions", json={"action": action}, headers=headers)
    assert refused.status_code == 422
    assert "note_required" in {error["code"] for error in refused.json()["errors"]}


@pytest.mark.parametrize("state", ["unit_review", "district_review", "city_approval"])
async def test_who_is_retired_under_social_management_is_not_admitted_by_anybody(
    client: httpx.AsyncClient, world: World, town: Town, staff: dict[Role, Someone], state: str
) -> None:
    someone = await world.person()
    file = await world.household(someone, town.units[0], state=state, retired_under_social_management=True)
    approve = row_of(state, "approve")
    assert approve is not None
    by = next(who for role, who in staff.items() if approve.by in PERMISSIONS[role])
    refused = await ask(client, world, by, file, "approve", file)
    assert (refused.status_code, refused.json()["code"]) == (409, "retired_under_social_management")
    headers = by.headers | make.keyed() | {"If-Match": '"1"'}
    body = {"action": "reject", "note": "不在建档范围", "reason_code": "retired_under_social_management"}
    rejected = await client.post(f"/staff/households/{file}/actions", json=body, headers=headers)
    assert (rejected.status_code, rejected.json()["state"]) == (200, "rejected")


@pytest.mark.parametrize("state", ["active", "annual_review", "relieved"])
async def test_what_is_suspended_comes_back_to_where_it_was(
    client: httpx.AsyncClient, world: World, town: Town, staff: dict[Role, Someone], state: str
) -> None:
    file = await file_at(world, town.units[0], state)
    district = next(who for role, who in staff.items() if Permission.REVIEW_AT_DISTRICT in PERMISSIONS[role])
    assert (await ask(client, world, district, file, "suspend", file)).json()["state"] == "suspended"
    headers = district.headers | make.keyed() | {"If-Match": '"2"'}
    body = {"action": "resume", "note": "已核实"}
    resumed = await client.post(f"/staff/households/{file}/actions", json=body, headers=headers)
    assert (resumed.status_code, resumed.json()["state"]) == (200, state)
