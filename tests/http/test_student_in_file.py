"""The student of a Golden Autumn grant beside the household file: in it, not in it, otherwise in it; or no file."""

from typing import Any

import httpx
import pytest

from tests import make
from tests.make import Someone, World

REGISTERED = "已登记；档案中的{}与申请不同，请审核时核对"


async def told(client: httpx.AsyncClient, worker: Someone, **given: Any) -> tuple[bool | None, str, str | None]:
    """What is said of the student: met or not, what was found, and what would change it."""
    drafted = await client.post(
        "/applications",
        json={"kind": "golden_autumn", "form": make.golden_autumn(**given)},
        headers=worker.headers | make.keyed(),
    )
    answer = await client.post(f"/applications/{drafted.json()['id']}/preview", headers=worker.headers | make.keyed())
    decision = answer.json()
    (reason,) = [each for each in decision["reasons"] if each["rule"] == "student_in_household"]
    changes = [each["text"] for each in decision["changes"] if each["rule"] == "student_in_household"]
    return reason["met"], reason["given"], changes[0] if changes else None


@pytest.mark.parametrize(
    ("in_file", "given"),
    [
        ({}, "已登记"),
        ({"name": "陈小语"}, REGISTERED.format("姓名")),
        ({"schooling": "senior_high"}, REGISTERED.format("学业阶段")),
        ({"name": "陈小语", "schooling": "senior_high"}, REGISTERED.format("姓名、学业阶段")),
    ],
)
async def test_where_the_file_has_the_student_otherwise_it_is_told_and_decides_nothing(
    client: httpx.AsyncClient, world: World, in_file: dict[str, Any], given: str
) -> None:
    student = make.member(**in_file)
    worker = await world.worker((await world.town()).units[0], members=[student])

    assert await told(client, worker, number=student["id_number"]) == (True, given, None)


async def test_a_student_who_is_not_in_the_file_is_to_be_added_and_without_a_file_the_union_looks(
    client: httpx.AsyncClient, world: World
) -> None:
    home = (await world.town()).units[0]
    without_file = await world.person(home=home)

    assert await told(client, await world.worker(home)) == (
        False, "没有登记", "请先把学生补登到家庭档案的成员中，再申请",
    )  # fmt: skip
    assert await told(client, without_file) == (None, "暂时查不到", "由工会查核家庭档案的成员后重新计算")
