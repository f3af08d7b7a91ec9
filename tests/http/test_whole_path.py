"""Each kind of aid, from a draft to the money: through every floor."""

import asyncio
from typing import Any

import httpx
import pytest

from app.calendars.queries import KeptCalendar
from app.db.database import Database
from app.db.sealing import Keyring
from app.files.store import FileStore
from app.jobs.handlers import HANDLERS, followed_by
from app.jobs.relay import relay
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.worker import end_notices
from tests import make
from tests.http.household_acts import officed
from tests.make import Someone, Town, World
from tests.paying import carded, paid


async def draft(client: httpx.AsyncClient, worker: Someone, kind: str, form: dict[str, Any]) -> httpx.Response:
    return await client.post("/applications", json={"kind": kind, "form": form}, headers=worker.headers | make.keyed())


async def submit(client: httpx.AsyncClient, worker: Someone, drafted: httpx.Response) -> httpx.Response:
    return await client.post(
        f"/applications/{drafted.json()['id']}/submit",
        headers=worker.headers | make.keyed() | {"If-Match": drafted.headers["etag"]},
    )


async def act(
    client: httpx.AsyncClient, by: Someone, application_id: str, version: int, action: str, **more: Any
) -> httpx.Response:
    return await client.post(
        f"/staff/applications/{application_id}/actions",
        json={"action": action, **more},
        headers=by.headers | make.keyed() | {"If-Match": f'"{version}"'},
    )


async def staff_of(world: World, town: Town) -> dict[str, Someone]:
    return await officed(world, town) | {
        "mutual_aid": await world.staff(Role.MUTUAL_AID_OFFICER, town.city),
        "maker": await world.staff(Role.FINANCE_MAKER, town.city),
        "checker": await world.staff(Role.FINANCE_CHECKER, town.city),
    }


async def end_notice(jobs: Database, keyring: Keyring, files: FileStore, application_id: str, kind: str) -> None:
    """What the worker process does: hand over the facts, open the notice, and close it when its second is over."""
    worker = Jobs(jobs, keyring, KeptCalendar(jobs), KeptPolicies(jobs, MODELS), files)
    async with worker.work() as work:
        await relay(work, followed_by())
        for handle in HANDLERS["ApplicationMoved"]:
            fact = {"action": "approve", "to_state": "public_notice", "application_id": application_id, "kind": kind}
            await handle(work, fact)
    await asyncio.sleep(1.1)
    assert await end_notices(worker)


@pytest.mark.parametrize("kind", ["hardship_aid", "golden_autumn", "secondary_medical"])
async def test_each_kind_goes_from_a_draft_to_paid(
    client: httpx.AsyncClient, world: World, jobs: Database, keyring: Keyring, files: FileStore, kind: str
) -> None:
    town = await world.town()
    staff = await staff_of(world, town)
    student = make.member()
    worker = await world.worker(town.units[0], members=[student])
    form = {
        "hardship_aid": make.living_aid(),
        "golden_autumn": make.golden_autumn(student["id_number"]),
        "secondary_medical": make.secondary_medical(),
    }[kind]
    drafted = await draft(client, worker, kind, form)
    assert (drafted.status_code, drafted.json().get("warnings")) == (201, []), drafted.text
    preview = await client.post(f"/applications/{drafted.json()['id']}/preview", headers=worker.headers | make.keyed())
    assert preview.json()["outcome"] == "eligible", preview.text
    submitted = await submit(client, worker, drafted)
    assert (submitted.status_code, submitted.json()["state"]) == (200, "submitted"), submitted.text
    application_id, version = submitted.json()["id"], submitted.json()["version"]
    last = "mutual_aid" if kind == "secondary_medical" else "city"
    for by, action in ((("clerk"), "accept"), ("chair", "approve"), ("district", "approve"), (last, "approve")):
        queue = await client.get("/staff/tasks", headers=staff[by].headers)
        assert [task["application_id"] for task in queue.json()["items"]] == [application_id], (by, queue.text)
        case = await client.get(f"/staff/applications/{application_id}", headers=staff[by].headers)
        assert action in case.json()["open_actions"], case.text
        moved = await act(client, staff[by], application_id, version, action)
        assert moved.status_code == 200, moved.text
        version = moved.json()["version"]
    if kind != "secondary_medical":
        assert moved.json()["state"] == "public_notice"
        early = await act(client, staff["maker"], application_id, version, "start_payment")
        assert (early.status_code, early.json()["code"]) == (409, "not_allowed_now")
        await end_notice(jobs, keyring, files, application_id, kind)
    await carded(world, worker)
    queue = await client.get("/staff/tasks", headers=staff["maker"].headers)
    assert [task["application_id"] for task in queue.json()["items"]] == [application_id], queue.text
    await paid(client, staff["maker"], staff["checker"], town.city)
    shown = await client.get(f"/applications/{application_id}", headers=worker.headers)
    assert shown.json()["state"] == "paid"
    assert [step["action"] for step in shown.json()["timeline"]][:2] == ["submit", "accept"]
