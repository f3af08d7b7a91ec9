"""The package of the mini-program, compiled and run in Node: by itself, and against the service as it really runs."""

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest

from app.cli.contracts.types import PACKAGE
from app.demo.pieces import hospital_stay
from app.kernel.actor import Role
from app.kernel.business_time import academic_year
from app.settings import Settings
from tests.files.samples import picture
from tests.make import TODAY, Town, World
from tests.miniprogram.building import compiled, node, passed
from tests.miniprogram.conftest import wechat_name

NO_TYPES = ("DOM", "fetch(", "localStorage", "XMLHttpRequest", "URLSearchParams", "AbortController")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its tests as JavaScript."""
    return compiled(tmp_path_factory.mktemp("miniprogram"), "tsconfig.test.json")


def test_the_client_keeps_its_word_about_tokens_retries_versions_and_drafts(package: Path) -> None:
    files = sorted((package / "test" / "unit").glob("*.test.js"))
    assert files
    assert passed(node("--test", *files)) >= len(files)


async def test_the_client_walks_the_whole_way_against_the_real_service(
    package: Path, api: str, configured: Settings, world: World, town: Town, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    unit, district = town.units[0], town.districts[0]
    cast = {
        "worker": await world.worker(unit),
        "clerk": await world.staff(Role.UNIT_CLERK, unit, name="林少芬"),
        "chair": await world.staff(Role.UNIT_CHAIR, unit, name="郑泽凯"),
        "reviewer": await world.staff(Role.DISTRICT_REVIEWER, district, name="黄佩珊"),
        "stranger": await world.staff(Role.UNIT_CLERK, town.units[3], name="吴文彬"),
    }
    appid = configured.wechat_miniprogram_appid
    names = {role: await wechat_name(who, world, owner, appid) for role, who in cast.items()}
    story = {"academic_year": academic_year(TODAY), "hospital_stay": hospital_stay(30, 18), "names": names}
    (tmp_path / "photo.jpg").write_bytes(picture())
    script = package / "test" / "story.js"

    done = await asyncio.to_thread(node, script, api, tmp_path / "photo.jpg", AID_STORY=json.dumps(story))

    assert done.returncode == 0, done.stderr[-4_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told["submitted"]) == {"hardship_aid", "golden_autumn", "secondary_medical"}
    assert told["logins"] == 1


def test_what_the_contract_does_not_have_does_not_compile(package: Path) -> None:
    """Each line of wrong.ts has to be an error, or the compiler would have refused the comment above it."""
    text = (PACKAGE / "test" / "wrong.ts").read_text(encoding="utf-8")
    assert text.count("// @ts-expect-error") == text.count("    client.") == 10
    assert (package / "test" / "wrong.js").exists()


def test_the_package_uses_nothing_that_a_mini_program_does_not_have() -> None:
    for path in sorted((PACKAGE / "src").glob("*.ts")):
        if path.name != "schema.ts":
            text = path.read_text(encoding="utf-8")
            assert [word for word in NO_TYPES if word in text] == [], path.name


def test_no_address_of_a_registry_stands_in_the_lock() -> None:
    lock = json.loads((PACKAGE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert packages
    assert [name for name, each in packages.items() if "resolved" in each] == []
    assert [name for name, each in packages.items() if not each.get("integrity", "").startswith("sha512-")] == []
