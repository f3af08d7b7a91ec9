"""The reference mini-program: typed by the contract, its logic tried, its pages opened in WeChat's own simulator."""

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.cli.contracts.types import PACKAGE, type_text
from app.kernel.actor import Role
from app.settings import Settings
from tests.files.samples import picture
from tests.forms import member
from tests.make import Town, World
from tests.miniprogram.building import REFERENCE, need_node, node, passed, runnable_reference, tsc
from tests.miniprogram.conftest import wechat_name
from tests.miniprogram.markup import READABLE, SMALLEST_TARGET, contrast, contrasts, elements, heights, tappable

MINIPROGRAM = REFERENCE / "miniprogram"
APP: dict[str, Any] = json.loads((MINIPROGRAM / "app.json").read_text(encoding="utf-8"))
PAGES = [*APP["pages"], *(f"{part['root']}/{page}" for part in APP["subPackages"] for page in part["pages"])]
CONTRACT: dict[str, Any] = json.loads((PACKAGE / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = {f"{method.upper()} {path}" for path, methods in CONTRACT["paths"].items() for method in methods}
STYLES = (MINIPROGRAM / "app.wxss").read_text(encoding="utf-8")
CALL = re.compile(r"\.(get|post|put|delete)\(\s*\"(/api/v1/[^\"]+)\"")
BY_THE_CLIENT = {"POST /api/v1/files", "PUT /api/v1/applications/{application_id}", "POST /api/v1/applications"} | {
    "POST /api/v1/applications/{application_id}/submit", "DELETE /api/v1/sessions/current", "POST /api/v1/sessions"
}  # fmt: skip
"""What pages let the package do for them: uploads, drafts, sessions."""
PRIVATE = {
    "chooseMedia": "选中的照片或视频",
    "chooseMessageFile": "选中的文件",
    "getLocation": "位置",
    "getPhoneNumber": "手机号",
    "setClipboardData": "剪切板",
}
"""Interfaces of wx that fail (112) unless 用户隐私保护指引 declares them: docs/miniprogram.md tells which."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runnable_reference(tmp_path_factory.mktemp("reference"))


def sources() -> dict[str, str]:
    files = sorted(MINIPROGRAM.rglob("*.ts"))
    return {str(path.relative_to(MINIPROGRAM)): path.read_text(encoding="utf-8") for path in files}


def written_calls() -> set[str]:
    return {f"{method.upper()} {path}" for text in sources().values() for method, path in CALL.findall(text)}


def test_its_logic_holds(built: Path) -> None:
    done = node("--test", *sorted((built / "reference" / "test" / "unit").glob("*.test.js")))
    assert passed(done) >= 30


def test_every_page_opens_does_what_it_offers_and_asks_for_nothing_that_the_contract_has_not(
    built: Path, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    opened = sorted((built / "reference" / "test" / "pages").glob("*.test.js"))
    done = node("--test", *opened, AID_CONTRACT=str(PACKAGE), AID_ASKED=str(asked))
    assert passed(done) >= len(PAGES)
    text = "".join(each.read_text(encoding="utf-8") for each in (REFERENCE / "test" / "pages").glob("*.test.ts"))
    assert [page for page in PAGES if f'open("{page}"' not in text] == []
    made = set(asked.read_text(encoding="utf-8").split("\n")) - {""}
    assert made <= OPERATIONS
    assert written_calls() <= OPERATIONS
    assert made == written_calls() | BY_THE_CLIENT, "each call that a page can make was made, and no other"


async def test_its_pages_walk_the_way_of_an_application_against_the_real_service(
    built: Path, api: str, configured: Settings, world: World, town: Town, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    unit, daughter = town.units[0], member()
    worker = await world.worker(unit, members=[daughter])
    cast = {
        "worker": worker,
        "clerk": await world.staff(Role.UNIT_CLERK, unit, name="林少芬"),
        "chair": await world.staff(Role.UNIT_CHAIR, unit, name="郑泽凯"),
    }
    names = {
        role: await wechat_name(who, world, owner, configured.wechat_miniprogram_appid) for role, who in cast.items()
    }
    story = {"names": names, "student": {key: daughter[key] for key in ("name", "id_number")}}
    (tmp_path / "photo.jpg").write_bytes(picture())
    script = built / "reference" / "test" / "story.js"

    done = await asyncio.to_thread(node, script, api, tmp_path / "photo.jpg", AID_STORY=json.dumps(story))

    assert done.returncode == 0, done.stderr[-4_000:]
    assert json.loads(done.stdout.splitlines()[-1])["logins"] == 1


def test_every_page_is_listed_and_whole() -> None:
    there = {str(path.relative_to(MINIPROGRAM).with_suffix("")) for path in MINIPROGRAM.rglob("*.wxml")}
    components = {path for path in there if path.startswith("components/")}
    assert there == {*PAGES, *components}
    for path in there:
        assert all((MINIPROGRAM / f"{path}{suffix}").exists() for suffix in (".ts", ".json")), path
        used = json.loads((MINIPROGRAM / f"{path}.json").read_text(encoding="utf-8")).get("usingComponents", {})
        known = {each.removeprefix("/") for each in (used | APP["usingComponents"]).values()}
        assert known <= components, path
        tags = {each.tag for each in elements(MINIPROGRAM / f"{path}.wxml")}
        own = {name.rsplit("/", 1)[1] for name in components}
        assert (tags & own) <= used.keys() | APP["usingComponents"].keys(), path
    assert json.loads((REFERENCE / "project.config.json").read_text(encoding="utf-8"))["appid"] == "touristappid"


@pytest.mark.parametrize("path", sorted(MINIPROGRAM.rglob("*.wxml")), ids=lambda path: path.stem)
def test_whatever_is_tapped_is_large_has_a_name_and_something_to_do(path: Path) -> None:
    least = heights(STYLES)
    script = path.with_suffix(".ts").read_text(encoding="utf-8")
    for element in elements(path):
        for name, handler in element.attributes.items():
            if name.startswith("bind"):
                assert re.search(rf"\b{handler}\(", script), (path.name, element.line, handler)
        if tappable(element):
            assert max([least.get(each, 0) for each in element.classes], default=0) >= SMALLEST_TARGET, (path, element)


@pytest.mark.parametrize("path", sorted(MINIPROGRAM.rglob("*.wxml")), ids=lambda path: path.stem)
def test_what_the_markup_shows_is_there(path: Path) -> None:
    """Markup is not typed: each name in it must be one of its script, and each member one that some script makes."""
    everything = "".join(sources().values())
    script = path.with_suffix(".ts").read_text(encoding="utf-8") + " busy trouble rootSize"  # BASIC has these
    found = elements(path)
    own = {
        each.attributes[name] for each in found for name in ("wx:for-item", "wx:for-index") if name in each.attributes
    }
    shown = [each[1:-1] for each in re.findall(r"\{[^{}]+\}", path.read_text(encoding="utf-8"))]
    unquoted = [re.sub(r"'[^']*'", "", each) for each in shown]
    names = {name for each in unquoted for name in re.findall(r"(?<![\w.])[a-zA-Z_]\w*", each)} - own
    assert [name for name in sorted(names - {"item", "index"}) if not re.search(rf"\b{name}\b", script)] == []
    members = {name for each in unquoted for name in re.findall(r"\.([a-zA-Z_]\w*)", each)} - {"length"}
    assert [name for name in sorted(members) if not re.search(rf"\b{name}\b", everything)] == []


def test_what_is_read_stands_out_from_its_ground() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    found = contrasts(STYLES, ("#ffffff", "#f4f5f7", "#fff3ec"))
    assert len(found) >= 10
    assert {selector: ratio for selector, ratio in found.items() if ratio < READABLE} == {}
    tabs = APP["tabBar"]
    assert all(contrast(tabs[each], tabs["backgroundColor"]) >= READABLE for each in ("color", "selectedColor"))


def test_letters_follow_the_chosen_size_on_every_page() -> None:
    assert re.findall(r"font-size:\s*[\d.]+(?!rem)(?:px|rpx|pt)", STYLES) == []
    for page in PAGES:
        first = elements(MINIPROGRAM / f"{page}.wxml")[0]
        assert (first.tag, first.attributes.get("root-font-size")) == ("page-meta", "{{rootSize}}"), page
        assert "showing(this)" in (MINIPROGRAM / f"{page}.ts").read_text(encoding="utf-8"), page


def test_what_wechat_wants_declared_is_declared_and_written_down() -> None:
    text = "".join(sources().values()) + "".join(path.read_text("utf-8") for path in MINIPROGRAM.rglob("*.wxml"))
    told = (PACKAGE.parent / "docs" / "miniprogram.md").read_text(encoding="utf-8")
    used = {name for name in PRIVATE if re.search(rf"\b{name}\b", text)}
    assert used == PRIVATE.keys()
    assert [name for name in used if f"`{name}`" not in told] == []
    located = {each for each in ("getLocation", "chooseLocation", "onLocationChange") if f"wx.{each}" in text}
    assert located == set(APP["requiredPrivateInfos"])
    assert "console." not in text, "nothing personal may reach the log"


RENAMED = {
    ("GoldenAutumnFormDraft", "tuition_fen"): "logic/forms.ts",
    ("MoneyTotals", "in_flight_fen"): "logic/cases.ts",
    ("HouseholdView", "gaps"): "pages/household/household.ts",
    ("CaseAction", "reason_code"): "staff/case/case.ts",
}
"""Fields that are sent and fields that are answered, each with the one file that uses it."""


def test_a_field_that_is_renamed_breaks_the_build_where_it_is_used(tmp_path: Path) -> None:
    """The types are made anew from a contract with other names; the compiler says where the mini-program is wrong."""
    need_node()
    document = json.loads(json.dumps(CONTRACT))
    for schema, field in RENAMED:
        rename(document["components"]["schemas"][schema], field)
    for part in ("src", "reference"):
        shutil.copytree(PACKAGE / part, tmp_path / part, ignore=shutil.ignore_patterns("test", "node_modules"))
    (tmp_path / "src" / "schema.ts").write_text(type_text(document), encoding="utf-8")
    shutil.copy(PACKAGE / "tsconfig.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(PACKAGE / "node_modules")

    done = tsc(str(tmp_path / "reference"))

    assert done.returncode, "the compiler saw nothing"
    wrong = re.findall(r"miniprogram/([\w/]+\.ts)\(\d+,\d+\): error TS\d+: (.*)", done.stdout)
    for (_, field), where in RENAMED.items():
        assert {file for file, said in wrong if f"'{field}'" in said or f'"{field}"' in said} == {where}, done.stdout
    assert {file for file, _ in wrong} == set(RENAMED.values()), "and nowhere else"


def rename(schema: Any, field: str) -> None:
    schema["properties"][f"renamed_{field}"] = schema["properties"].pop(field)
    schema["required"] = [f"renamed_{field}" if each == field else each for each in schema.get("required", [])]
