"""A town with files of every stratum, an auditor, two evaluators, and an evaluation on its way."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from app.kernel.actor import Role
from tests.calling import every_item, post
from tests.make import TODAY, Guild, Someone, Town, World, unique

EVALUATIONS = "/staff/evaluations"
SCRIPT = Path(__file__).parents[2] / "tools" / "redraw_evaluation.py"
SIZES = {"never_archived": 1, "not_lifted": 2, "lifted": 1, "cancelled": 1}
FILES = (
    "rejected", "rejected", "active", "annual_review", "suspended", "exit_notice", "lifted", "relieved", "cancelled",
    "cancelled",
)  # fmt: skip
"""The states of the files in the town; beside them some of no stratum."""
SECRET = "蔡珍珠"


@dataclass(frozen=True)
class Office:
    world: World
    town: Town
    auditor: Someone
    first: Someone
    second: Someone
    heads: Mapping[UUID, Someone]
    """Whose the files are."""


async def office(world: World, town: Town, states: Iterable[str] = FILES) -> Office:
    heads = {}
    for n, state in enumerate((*states, "withdrawn", "transferred", "submitted")):
        head = await world.person(name=SECRET)
        heads[await world.household(head, town.units[n % 4], state=state, demands=[f"请打电话给{SECRET}"])] = head
    auditor, first, second = [
        await world.staff(role, town.city, consents=()) for role in (Role.AUDITOR, Role.EVALUATOR, Role.EVALUATOR)
    ]
    return Office(world, town, auditor, first, second, heads)


def request(made: Office, union: Guild | None = None, **given: Any) -> dict[str, Any]:
    return {
        "organisation_code": (union or made.town.city).code,
        "title": f"精准识别第三方评估 {unique()}",
        "basis": "汕工〔2026〕18号，委托合同第3号",
        "first_day": TODAY.isoformat(),
        "last_day": (TODAY + timedelta(days=30)).isoformat(),
        "sizes": SIZES,
        "first_evaluator_id": str(made.first.id),
        "second_evaluator_id": str(made.second.id),
    } | given


async def announce(client: httpx.AsyncClient, made: Office, union: Guild | None = None, **given: Any) -> httpx.Response:
    return await post(client, made.auditor, EVALUATIONS, request(made, union, **given))


async def drawn(client: httpx.AsyncClient, made: Office, **given: Any) -> dict[str, Any]:
    answer = await announce(client, made, **given)
    assert answer.status_code == 201, answer.text
    answer = await draw(client, made.auditor, answer.json())
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def draw(client: httpx.AsyncClient, by: Someone, evaluation: Mapping[str, Any]) -> httpx.Response:
    return await post(client, by, f"{EVALUATIONS}/{evaluation['id']}/draw", version=evaluation["version"])


async def close(client: httpx.AsyncClient, by: Someone, evaluation: Mapping[str, Any]) -> httpx.Response:
    return await post(client, by, f"{EVALUATIONS}/{evaluation['id']}/close", version=evaluation["version"])


async def read(client: httpx.AsyncClient, by: Someone, evaluation: Mapping[str, Any], *rest: str) -> httpx.Response:
    path = "/".join((EVALUATIONS, evaluation["id"], *rest))
    return await client.get(path, headers=by.headers)


async def cases(client: httpx.AsyncClient, by: Someone, evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    return await every_item(client, f"{EVALUATIONS}/{evaluation['id']}/cases", by=by)


async def score(
    client: httpx.AsyncClient,
    by: Someone,
    evaluation: Mapping[str, Any],
    case: Mapping[str, Any],
    verdict: str = "right",
    version: int = 1,
    reasons: str = "收入低于标准，识别准确",
) -> httpx.Response:
    path = f"{EVALUATIONS}/{evaluation['id']}/cases/{case['id']}/scores"
    return await post(client, by, path, {"verdict": verdict, "reasons": reasons}, version)


async def score_all(
    client: httpx.AsyncClient, by: Someone, evaluation: Mapping[str, Any], wrong: Iterable[int] = ()
) -> None:
    for case in await cases(client, by, evaluation):
        answer = await score(client, by, evaluation, case, "wrong" if case["serial"] in wrong else "right")
        assert answer.status_code == 200, answer.text


async def move_days(owner: asyncpg.Connection, evaluation: Mapping[str, Any], days: int) -> None:
    """As if so many days had gone by."""
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute(
            "update evaluation set first_day = first_day - $2::int, last_day = last_day - $2::int where id = $1",
            evaluation["id"], days,
        )  # fmt: skip


def redrawn(path: Path, content: bytes, evaluation: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    """By the script, in a process of its own that knows nothing of the service."""
    path.write_bytes(content)
    told = [evaluation[name] for name in ("population_sha256", "seed", "seed_sha256")]
    sizes = [f"{each['stratum']}={each['size']}" for each in evaluation["strata"]]
    command = [sys.executable, "-I", str(SCRIPT), str(path), *told, *sizes]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONIOENCODING": "utf-8"})
