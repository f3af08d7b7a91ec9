"""Claims with real papers in the store, submitted and looked at as the worker process does."""

from dataclasses import replace
from hashlib import sha256
from random import Random
from typing import Any

import httpx

from app.applications.path import Kind, State
from app.files.tables import File, FileUse
from app.jobs.reuse.search import look_at
from app.jobs.running import Jobs
from app.kernel.ids import new_id
from app.seed.bills import Bill, bill, drawn, photographed, scanned
from tests import make
from tests.calling import every_item
from tests.make import Case, Guild, Someone, World

REUSES = "/staff/reuses"


def some_bill(seed: int, hospital: str | None = None) -> Bill:
    return bill(Random(seed), make.TODAY, hospital)


def next_one(first: Bill, seed: int) -> Bill:
    """The next in line at the same hospital: another patient of the same days."""
    number = f"{int(first.number) + 1:018d}"[-18:]
    return replace(
        some_bill(seed, first.hospital), number=number, admitted_on=first.admitted_on, discharged_on=first.discharged_on
    )


def form_of(said: Bill) -> dict[str, Any]:
    return make.secondary_medical(stay=said.stay(), settlement=said.sheet())


async def uploaded(
    world: World, jobs: Jobs, someone: Someone, case: Case, content: bytes, *, purpose: str = "medical",
    media_type: str = "image/jpeg",
) -> str:  # fmt: skip
    """A paper in the store, named by an application."""
    file_id = new_id()
    await jobs.files.put(file_id, content)
    await world.insert(
        File, id=file_id, created_at=make.NOW, person_id=someone.id, sha256=sha256(content).digest(),
        media_type=media_type, size=len(content), state="clean", purpose=purpose,
    )  # fmt: skip
    await world.insert(FileUse, file_id=file_id, subject_kind="application", subject_id=case.id, living=True)
    return str(file_id)


async def claimed(
    world: World, jobs: Jobs, said: Bill, home: Guild, *, paper: bytes | None = None, who: Someone | None = None,
    state: State = State.SUBMITTED, looked: bool = True, **given: Any,
) -> Case:  # fmt: skip
    """A claim of the second medical insurance for what a bill says, by somebody, with a picture of a paper."""
    worker = who or await world.person(home=home)
    given.setdefault("form", form_of(said))
    case = await world.application(worker, home, kind=Kind.SECONDARY_MEDICAL, state=state, **given)
    if paper is not None:
        await uploaded(world, jobs, worker, case, paper)
    if looked:
        await look_at(jobs, case.id)
    return case


def scan(shown: Bill, seed: int = 1) -> bytes:
    return scanned(drawn(shown), Random(seed))


def photo(shown: Bill, seed: int = 2) -> bytes:
    return photographed(drawn(shown), Random(seed))


async def hints(client: httpx.AsyncClient, who: Someone, state: str = "open") -> list[dict[str, Any]]:
    items = await every_item(client, REUSES, by=who, state=state)
    counted = await client.get(f"{REUSES}/count?state={state}", headers=who.headers)
    assert counted.json() == {"count": len(items)}
    return items


async def say(
    client: httpx.AsyncClient, who: Someone, shown: dict[str, Any], action: str, note: str | None = "已对照原件"
) -> httpx.Response:
    headers = who.headers | make.keyed() | {"If-Match": f'"{shown["version"]}"'}
    return await client.post(f"{REUSES}/{shown['id']}/actions", json={"action": action, "note": note}, headers=headers)


async def step(client: httpx.AsyncClient, who: Someone, case: Case, action: str, **said: Any) -> httpx.Response:
    """A step on a case as it is now."""
    seen = await client.get(f"/staff/applications/{case.id}", headers=who.headers)
    headers = who.headers | make.keyed() | {"If-Match": f'"{seen.json()["version"]}"'}
    body = {"action": action} | said
    return await client.post(f"/staff/applications/{case.id}/actions", json=body, headers=headers)
