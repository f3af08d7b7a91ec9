"""Somebody without WeChat brings what was asked for to the union, and staff hand it in for them."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import State
from app.kernel.actor import Role
from app.people.consents import Purpose
from tests import make
from tests.calling import post, upload
from tests.files.samples import picture
from tests.http.refusals import refused
from tests.make import Someone, Town, World
from tests.relatives.making import declared


@dataclass(frozen=True)
class Asked:
    """A case of somebody without WeChat that waits for what they were asked to bring."""

    id: str
    version: int
    chair: Someone
    """Who asked."""
    author: Someone
    """Who filled it in."""
    helper: Someone
    """Who has had nothing to do with it."""
    clerk: Someone
    """Who accepted it."""
    unit: str

    @property
    def path(self) -> str:
        return f"/staff/applications/{self.id}/supplement_on_paper"


async def moved(client: httpx.AsyncClient, by: Someone, path: str, body: Any, version: int = 1) -> dict[str, Any]:
    answer = await post(client, by, path, body, version)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
async def asked(client: httpx.AsyncClient, world: World, town: Town) -> Asked:
    unit = town.units[0]
    author, second, clerk, helper = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(4)]
    chair = await world.person(posts=((Role.UNIT_CLERK, unit), (Role.UNIT_CHAIR, unit)))
    body = {
        "name": "林阿伯", "id_number": make.id_number(), "phone": "13800138000", "organisation_code": unit.code,
        "kind": "hardship_aid", "form": make.living_aid(item="temporary", requested_fen=1_000_00),
    }  # fmt: skip
    one = await moved(client, author, "/staff/proxy_applications", body)
    signed = {"signature_file_id": str(await world.file(second)), "consents": [each.value for each in Purpose]}
    case = await moved(client, second, f"/staff/proxy_applications/{one['id']}/confirm_on_paper", signed)
    path = f"/staff/applications/{case['id']}"
    case = await moved(client, clerk, f"{path}/actions", {"action": "accept"}, case["version"])
    case = await moved(client, chair, f"{path}/supplements", {"text": "请补充病历"}, case["version"])
    return Asked(case["id"], case["version"], chair, author, helper, clerk, unit.code)


async def brought(world: World, by: Someone) -> dict[str, Any]:
    """What the worker brought, photographed by whoever hands it in."""
    record, signature = await world.file(by), await world.file(by)
    return {
        "answers": [{"item": "question", "text": "病历已带来", "file_ids": [str(record)]}],
        "signature_file_id": str(signature),
    }


async def test_what_was_brought_is_the_workers_and_the_case_goes_on_where_it_stood(
    client: httpx.AsyncClient, asked: Asked, owner: asyncpg.Connection
) -> None:
    record, signature = [(await upload(client, asked.helper, picture())).json()["id"] for _ in range(2)]
    body = {"answers": [{"item": "question", "file_ids": [record]}], "signature_file_id": signature}
    done = await moved(client, asked.helper, asked.path, body, asked.version)
    assert done["state"] == State.UNIT_REVIEW
    shown = (await client.get(f"/staff/applications/{asked.id}", headers=asked.chair.headers)).json()
    (supplement,) = shown["supplements"]
    assert (supplement["state"], supplement["missing"]) == ("answered", [])
    assert supplement["answer"]["signature_file_id"] == signature
    assert [(step["action"], step["by"]["who"]) for step in shown["timeline"]][-2:] == [
        ("assist", "staff"), ("supplement", "staff"),
    ]  # fmt: skip
    applicant = await owner.fetchval("select applicant_id from application where id = $1", UUID(asked.id))
    names = [record, signature]
    owners = {
        str(row["id"]): row["person_id"]
        for row in await owner.fetch("select id, person_id from file where id = any($1::uuid[])", names)
    }
    assert owners == {record: applicant, signature: asked.helper.id}
    for name in names:
        assert (await client.get(f"/files/{name}", headers=asked.chair.headers)).status_code == 200, name
    approve = {"action": "approve"}
    path = f"/staff/applications/{asked.id}/actions"
    assert (await post(client, asked.chair, path, approve, done["version"])).status_code == 200


async def test_whoever_handed_it_in_decides_nothing_of_it(
    client: httpx.AsyncClient, world: World, town: Town, asked: Asked
) -> None:
    both = await world.person(posts=((Role.UNIT_CLERK, town.units[0]), (Role.UNIT_CHAIR, town.units[0])))
    done = await moved(client, both, asked.path, await brought(world, both), asked.version)
    act = await post(client, both, f"/staff/applications/{asked.id}/actions", {"action": "approve"}, done["version"])
    refused(act, 403, "already_signed")


async def test_whoever_filled_it_in_may_hand_it_in_and_whoever_asked_may_not(
    client: httpx.AsyncClient, world: World, asked: Asked
) -> None:
    own = await post(client, asked.chair, asked.path, await brought(world, asked.chair), asked.version)
    refused(own, 403, "handed_in_by_asker")
    await moved(client, asked.author, asked.path, await brought(world, asked.author), asked.version)


async def test_it_is_handed_in_once(client: httpx.AsyncClient, world: World, town: Town, asked: Asked) -> None:
    helpers = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(4)]
    bodies = [await brought(world, helper) for helper in helpers]
    answers = await asyncio.gather(
        *(post(client, by, asked.path, body, asked.version) for by, body in zip(helpers, bodies, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"nothing_awaited"}


async def test_only_for_somebody_without_wechat_within_ones_reach_and_not_near_oneself(
    client: httpx.AsyncClient, world: World, town: Town, asked: Asked
) -> None:
    for by, status, code in (
        (await world.staff(Role.UNIT_CLERK, town.units[1]), 404, "application_not_found"),
        (await world.staff(Role.DISTRICT_LEADER, town.districts[0]), 403, "not_allowed"),
        (await world.worker(town.units[0]), 403, "not_allowed"),
    ):
        refused(await post(client, by, asked.path, await brought(world, by), asked.version), status, code)
    near = await world.staff(Role.UNIT_CLERK, town.units[0])
    await declared(world, near, asked.author)
    refused(await post(client, near, asked.path, await brought(world, near), asked.version), 403, "kept_apart")
    strange = await brought(world, near)
    refused(await post(client, asked.helper, asked.path, strange, asked.version), 422, "invalid")
    mine = await brought(world, asked.helper)
    refused(await post(client, asked.helper, asked.path, mine, asked.version + 1), 412, "stale_version")
    empty = {"signature_file_id": mine["signature_file_id"]}
    refused(await post(client, asked.helper, asked.path, empty, asked.version), 422, "invalid")
    worker = await world.worker(town.units[0])
    case = await world.application(worker, town.units[0], state=State.UNIT_REVIEW)
    path = f"/staff/applications/{case.id}"
    version = (await client.get(path, headers=asked.chair.headers)).json()["version"]
    waiting = await moved(client, asked.chair, f"{path}/supplements", {"text": "请补充病历"}, version)
    own = await post(client, asked.helper, f"{path}/supplement_on_paper", mine, waiting["version"])
    refused(own, 409, "has_account")


async def test_what_was_not_asked_for_is_not_handed_in(client: httpx.AsyncClient, world: World, asked: Asked) -> None:
    body = await brought(world, asked.helper)
    done = await moved(client, asked.helper, asked.path, body, asked.version)
    # The files are the worker's by now; that is not what is wrong.
    refused(await post(client, asked.helper, asked.path, body, done["version"]), 409, "nothing_awaited")


async def test_whoever_has_decided_something_of_it_hands_nothing_in(
    client: httpx.AsyncClient, world: World, asked: Asked
) -> None:
    body = await brought(world, asked.clerk)
    refused(await post(client, asked.clerk, asked.path, body, asked.version), 403, "already_signed")


async def test_a_signature_stands_for_one_paper(client: httpx.AsyncClient, world: World, asked: Asked) -> None:
    body = await brought(world, asked.helper)
    twice = body | {"file_ids": [body["signature_file_id"]]}
    problem = refused(await post(client, asked.helper, asked.path, twice, asked.version), 422, "invalid")
    assert [error["code"] for error in problem["errors"]] == ["signature_used"]
    await moved(client, asked.helper, asked.path, body, asked.version)
    again = {
        "name": "林阿婆", "id_number": make.id_number(), "phone": "13800138000", "kind": "hardship_aid", "form": {},
        "organisation_code": asked.unit,
    }  # fmt: skip
    one = await moved(client, asked.author, "/staff/proxy_applications", again)
    paper = {"signature_file_id": body["signature_file_id"], "consents": [each.value for each in Purpose]}
    path = f"/staff/proxy_applications/{one['id']}/confirm_on_paper"
    problem = refused(await post(client, asked.helper, path, paper, 1), 422, "invalid")
    assert [error["code"] for error in problem["errors"]] == ["signature_used"]
