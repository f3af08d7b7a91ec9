"""`aid appoint`, as whoever runs the service types it."""

import subprocess
import sys

import asyncpg
import pytest

from app.kernel.actor import Role
from app.settings import Settings
from tests import make
from tests.make import World


def appoint(configured: Settings, role: str, code: str, name: str, number: str) -> subprocess.CompletedProcess[str]:
    assert configured.database_url is not None
    environment = {
        "AID_ENV": "test", "AID_DATABASE_URL": configured.database_url.get_secret_value(),
        "AID_FILES_URL": configured.files_url or "", "PATH": "", "PYTHONIOENCODING": "utf-8",
    }  # fmt: skip
    command = [sys.executable, "-m", "app.cli", "appoint", role, code]
    typed = f"{name}\n{number}\n"
    return subprocess.run(
        command, env=environment, input=typed, capture_output=True, text=True, timeout=120, check=False
    )


async def test_the_first_two_are_appointed_by_whoever_runs_the_service_and_nobody_after_them(
    configured: Settings, world: World, owner: asyncpg.Connection
) -> None:
    city = (await world.town()).city
    first, second = await world.person(name="郑系统"), await world.person(name="郭安全")
    for who, role in ((first, "system_admin"), (second, "security_admin")):
        ended = appoint(configured, role, city.code, who.name, who.id_number)
        assert ended.returncode == 0, ended.stderr
        assert who.id_number not in ended.stdout + ended.stderr
    held = await owner.fetch("select person_id, role from post where organisation_id = $1 order by role", city.id)
    assert [tuple(row) for row in held] == [(second.id, "security_admin"), (first.id, "system_admin")]
    audited = await owner.fetchval(
        "select count(*) from audit_entry where action = 'post.first_appointed' and subject_person_id = any($1)",
        [first.id, second.id],
    )
    assert audited == 2
    third = await world.person(name="陈三")
    ended = appoint(configured, "system_admin", city.code, third.name, third.id_number)
    assert (ended.returncode, "已经有人担任" in ended.stderr) == (2, True), ended.stderr


@pytest.mark.parametrize(
    ("role", "said"),
    [("city_leader", "只设立最初"), ("system_admin", "没有找到这个人"), ("security_admin", "没有找到这个人")],
)
async def test_what_is_wrong_ends_with_2_and_a_sentence(
    configured: Settings, world: World, role: str, said: str
) -> None:
    city = (await world.town()).city
    ended = appoint(configured, role, city.code, "没有的人", make.id_number())
    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr


async def test_an_officer_holds_nothing_else_and_stands_at_the_city(configured: Settings, world: World) -> None:
    town = await world.town()
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    for code, said in ((town.city.code, "不能兼任"), (town.units[0].code, "市总工会"), ("nowhere", "没有找到")):
        ended = appoint(configured, "system_admin", code, clerk.name, clerk.id_number)
        assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr
    ended = appoint(configured, "system_admin", town.city.code, clerk.name, "440507199001011234")
    assert ended.returncode == 2
