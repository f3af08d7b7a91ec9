"""A household to match, and the calls of those who match it: the list that goes out, what comes back."""

import base64
import csv
import hashlib
import io
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx

from app.kernel.actor import Role
from app.people.consents import Purpose
from tests import make
from tests.calling import post
from tests.make import Someone, Town, World

BASIS = {"code": "《社会救助暂行办法》第五十八条", "text": "经授权，可以向有关部门查询、核对家庭收入和财产状况。"}
DAY = str(make.TODAY)
HEAD = {"plain": "序号", "hashed": "摘要"}


@dataclass(frozen=True)
class Case:
    """A worker of the first district with an adult spouse who has signed and a child of nine."""

    town: Town
    worker: Someone
    file: UUID
    reviewer: Someone
    spouse: str
    child: str
    paper: str
    """What the worker uploaded."""


async def case(world: World, *, consents: tuple[Purpose, ...] = tuple(Purpose), **given: Any) -> Case:
    town = await world.town()
    worker = await world.person(name="林晓东", home=town.units[0], consents=consents)
    spouse, child = make.id_number(date(1982, 5, 6)), make.id_number(make.TODAY - timedelta(days=9 * 365))
    members = [
        make.member("spouse", name="林阿妹", number=spouse, schooling=None),
        make.member("son", name="林小雨", number=child, schooling="primary"),
    ]
    file = await world.household(worker, town.units[0], members=members, **given)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    return Case(town, worker, file, reviewer, spouse, child, str(await world.file(worker)))


async def signed(client: httpx.AsyncClient, one: Case, member: int = 0) -> str:
    body = {"member": member, "file_id": one.paper, "signed_on": DAY}
    answer = await post(client, one.worker, "/me/household/match_authorisations", body)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


async def ask(client: httpx.AsyncClient, one: Case, **given: Any) -> httpx.Response:
    body = {"department": "civil_affairs", "purpose": "identification", "basis": BASIS, "mode": "plain"}
    return await post(client, one.reviewer, "/staff/matches", body | {"household_ids": [str(one.file)]} | given)


async def made(client: httpx.AsyncClient, one: Case, **given: Any) -> dict[str, Any]:
    answer = await ask(client, one, **given)
    assert answer.status_code == 201, answer.text
    batch: dict[str, Any] = answer.json()
    return batch


async def listed(client: httpx.AsyncClient, one: Case, batch: dict[str, Any]) -> list[list[str]]:
    answer = await client.get(f"/staff/matches/{batch['id']}/file", headers=one.reviewer.headers)
    assert answer.status_code == 200, answer.text
    content = base64.b64decode(answer.json()["content"])
    assert answer.json()["sha256"] == hashlib.sha256(content).hexdigest()
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def written(batch: dict[str, Any], *lines: tuple[str, str, str, str], mode: str = "plain") -> bytes:
    """Lines of who, field, result and value, all of today."""
    heads = f"批次,{HEAD[mode]},项目,结果,核对值,记录日期"
    return "\r\n".join((heads, *(f"{batch['number']},{','.join(line)},{DAY}" for line in lines))).encode()


async def bring(
    client: httpx.AsyncClient, who: Someone, batch: dict[str, Any], content: bytes, sha256: str | None = None
) -> httpx.Response:
    body = {
        "sha256": sha256 or hashlib.sha256(content).hexdigest(),
        "content": base64.b64encode(content).decode(),
    }
    return await post(client, who, f"/staff/matches/{batch['id']}/results", body)


async def own(client: httpx.AsyncClient, who: Someone, what: str = "matches") -> list[dict[str, Any]]:
    answer = await client.get(f"/me/household/{what}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items
