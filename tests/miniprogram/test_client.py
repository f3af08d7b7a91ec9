"""The package of the mini-program, compiled and run in Node: by itself, and against the service as it really runs."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.cli.contracts.types import NODE, PACKAGE
from app.demo.pieces import hospital_stay
from app.http.server import SERVER
from app.kernel.actor import Role
from app.kernel.business_time import academic_year
from app.main import create_app
from app.settings import Settings
from app.simulator.codes import openid
from tests.files.samples import picture
from tests.make import TODAY, Someone, Town, World, unique
from tests.serving import serving

COMPILER = PACKAGE / "node_modules" / "typescript" / "bin" / "tsc"
NO_TYPES = ("DOM", "fetch(", "localStorage", "XMLHttpRequest", "URLSearchParams", "AbortController")


def node(*words: str | Path, **around: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NODE, *words], cwd=PACKAGE, env=os.environ | around, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its tests as JavaScript. Strictly typed, or there is none."""
    if not NODE.exists() or not COMPILER.exists():
        pytest.fail("Node.js is not set up: sh tools/setup_node.sh, or make test")
    folder = tmp_path_factory.mktemp("miniprogram")
    done = node(COMPILER, "-p", "tsconfig.test.json", "--noEmit", "false", "--outDir", folder)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="module")
def api(configured: Settings) -> Iterator[str]:
    """The service as it is served, on a port of its own, with its own way to the simulator."""
    with serving(create_app(configured), **SERVER | {"lifespan": "on", "timeout_graceful_shutdown": 1}) as url:
        yield url


async def wechat_name(who: Someone, world: World, owner: asyncpg.Connection, appid: str) -> str:
    """The name by which the simulator signs somebody in who is there already."""
    name = unique("phone-")
    number = openid(appid, name)
    sealed = world.keyring.seal_text("person.openid", who.id, number)
    index = world.keyring.blind_index("person.openid", number)
    await owner.execute("update person set openid = $1, openid_index = $2 where id = $3", sealed, index, who.id)
    return name


def test_the_client_keeps_its_word_about_tokens_retries_versions_and_drafts(compiled: Path) -> None:
    files = sorted((compiled / "test" / "unit").glob("*.test.js"))
    assert files
    done = node("--test", *files)
    assert done.returncode == 0, done.stdout[-4_000:]
    assert "# fail 0" in done.stdout or "ℹ fail 0" in done.stdout
    assert "# pass 0" not in done.stdout


async def test_the_client_walks_the_whole_way_against_the_real_service(
    compiled: Path, api: str, configured: Settings, world: World, town: Town, owner: asyncpg.Connection, tmp_path: Path
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
    script = compiled / "test" / "story.js"

    done = await asyncio.to_thread(node, script, api, tmp_path / "photo.jpg", AID_STORY=json.dumps(story))

    assert done.returncode == 0, done.stderr[-4_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told["submitted"]) == {"hardship_aid", "golden_autumn", "secondary_medical"}
    assert told["logins"] == 1


def test_what_the_contract_does_not_have_does_not_compile(compiled: Path) -> None:
    """Each line of wrong.ts has to be an error, or the compiler would have refused the comment above it."""
    text = (PACKAGE / "test" / "wrong.ts").read_text(encoding="utf-8")
    assert text.count("// @ts-expect-error") == text.count("    client.") == 10
    assert (compiled / "test" / "wrong.js").exists()


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
