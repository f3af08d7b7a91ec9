"""What changes in the contract is told, and what breaks its clients stops the check unless the version says so."""

import copy
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli import contracts as command
from app.cli.contracts.changelog import changelog, is_newer, must_be_newer, released
from app.cli.contracts.changes import bare, breaking, changes
from app.cli.contracts.shapes import Change, Kind
from tests.contract import whole

WHOLE: dict[str, Any] = whole()
DOCUMENT: dict[str, Any] = bare(WHOLE)
SCHEMAS = "components", "schemas"
Mutation = Callable[[dict[str, Any]], Any]


def at(document: dict[str, Any], *names: str) -> Any:
    for name in names:
        document = document[name]
    return document


def changed(mutate: Mutation) -> list[Change]:
    after = copy.deepcopy(DOCUMENT)
    mutate(after)
    return changes(DOCUMENT, after)


def schema(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: at(document, *SCHEMAS, name)


def rename(members: dict[str, Any], old: str, new: str) -> None:
    members[new] = members.pop(old)


def parameter(document: dict[str, Any], method: str, path: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(p for p in document["paths"][path][method]["parameters"] if p["name"] == name)
    return found


def test_the_same_contract_has_no_changes() -> None:
    assert changed(lambda _: None) == []


BREAKING: dict[str, tuple[Mutation, str, str]] = {
    "a path is renamed": (
        lambda d: rename(d["paths"], "/api/v1/applications", "/api/v1/requests"),
        "POST /api/v1/applications",
        "接口已删除或改名（新建申请）",
    ),
    "a method is gone": (
        lambda d: d["paths"]["/api/v1/applications/{application_id}"].pop("put"),
        "PUT /api/v1/applications/{}",
        "接口已删除或改名（修改草稿）",
    ),
    "a field of a request is renamed": (
        lambda d: rename(schema("CaseAction")(d)["properties"], "reason_code", "reason"),
        "POST /api/v1/staff/applications/{}/actions 请求.reason_code",
        "字段已删除或改名",
    ),
    "a field of an answer is renamed": (
        lambda d: rename(schema("TaskView")(d)["properties"], "due_at", "deadline"),
        "GET /api/v1/staff/tasks 200.items[].due_at",
        "字段已删除或改名",
    ),
    "a field of an answer may be missing": (
        lambda d: schema("TaskView")(d)["required"].remove("due_at"),
        "GET /api/v1/staff/tasks 200.items[].due_at",
        "回答中不再总有这个字段",
    ),
    "a field of an answer changes its type": (
        lambda d: schema("MovedView")(d)["properties"].update(version={"type": "string"}),
        ".version",
        "类型由 integer 改为 string",
    ),
    "a field of an answer may be null": (
        lambda d: schema("MovedView")(d)["properties"].update(
            version={"anyOf": [{"type": "integer"}, {"type": "null"}]}
        ),
        ".version",
        "可能为 null",
    ),
    "a field of a request becomes required": (
        lambda d: schema("CaseAction")(d)["required"].append("note"),
        "POST /api/v1/staff/applications/{}/actions 请求.note",
        "改为必填",
    ),
    "a new field of a request is required": (
        lambda d: (
            schema("CaseAction")(d)["properties"].update(why={"type": "string"}),
            schema("CaseAction")(d)["required"].append("why"),
        ),
        "POST /api/v1/staff/applications/{}/actions 请求.why",
        "新增了必填字段",
    ),
    "a request may name fewer values": (
        lambda d: schema("NewApplication")(d)["properties"].update(kind={"type": "string", "enum": ["hardship_aid"]}),
        "POST /api/v1/applications 请求.kind",
        "不再有值 golden_autumn、secondary_medical",
    ),
    "a request is bounded more": (
        lambda d: parameter(d, "get", "/api/v1/applications", "limit")["schema"].update(maximum=50),
        "GET /api/v1/applications query:limit",
        "maximum 由 100 改为 50",
    ),
    "a parameter is renamed": (
        lambda d: parameter(d, "get", "/api/v1/staff/tasks", "kind").update(name="type"),
        "GET /api/v1/staff/tasks query:kind",
        "参数已删除或改名",
    ),
    "a header becomes required": (
        lambda d: parameter(d, "put", "/api/v1/me/household", "If-Match").update(required=True),
        "PUT /api/v1/me/household header:If-Match",
        "参数改为必填",
    ),
    "an answer has another status": (
        lambda d: rename(at(d, "paths", "/api/v1/applications", "post", "responses"), "201", "200"),
        "POST /api/v1/applications 201",
        "不再这样回答",
    ),
    "a code is renamed": (
        lambda d: rename(d["x-problems"], "draft_already_open", "draft_open"),
        "code draft_already_open",
        "错误代码已删除或改名",
    ),
    "a code comes with another status": (
        lambda d: d["x-problems"].update(draft_already_open=[422]),
        "code draft_already_open",
        "状态由 409 改为 422",
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_client_is_found_at_its_place(name: str) -> None:
    mutate, place, what = BREAKING[name]
    found = breaking(changed(mutate))
    assert any(each.place.endswith(place) and each.what == what for each in found), found


def _new_path(document: dict[str, Any]) -> None:
    operation = at(document, "paths", "/api/v1/me", "get")
    document["paths"]["/api/v1/me/new"] = {"get": operation | {"summary": "新的"}}


HARMLESS: dict[str, tuple[Mutation, Kind]] = {
    "a path": (_new_path, Kind.ADDED),
    "a field of an answer": (
        lambda d: schema("TaskView")(d)["properties"].update(colour={"type": "string"}),
        Kind.ADDED,
    ),
    "a field of a request that may be left out": (
        lambda d: schema("CaseAction")(d)["properties"].update(colour={"type": "string"}),
        Kind.ADDED,
    ),
    "a code": (lambda d: d["x-problems"].update(brand_new=[409]), Kind.ADDED),
    "another name of a parameter in the path": (
        lambda d: rename(d["paths"], "/api/v1/applications/{application_id}", "/api/v1/applications/{id}"),
        Kind.CHANGED,
    ),
    "a wider bound of a request": (
        lambda d: parameter(d, "get", "/api/v1/applications", "limit")["schema"].update(maximum=200),
        Kind.CHANGED,
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_breaks_nobody_is_told_and_stops_nothing(name: str) -> None:
    mutate, kind = HARMLESS[name]
    found = changed(mutate)
    assert breaking(found) == []
    assert all(each.kind is kind for each in found)
    assert found or name == "another name of a parameter in the path"


def test_answers_may_have_more_values_and_requests_too() -> None:
    values = at(DOCUMENT, *SCHEMAS, "Kind")["enum"]
    found = changed(lambda d: schema("Kind")(d).update(enum=[*values, "fourth"]))
    assert found
    assert {(each.kind, each.what) for each in found} == {(Kind.ADDED, "新增值 fourth")}


def test_only_a_new_major_version_may_break_clients() -> None:
    broken = [Change(Kind.BREAKING, "GET /x", "接口已删除或改名")]
    assert must_be_newer(broken, "1.4.0", "1.3.0") == (
        "有不兼容的变更，版本号要从 1.3.0 升到 2.0.0（app/http/openapi.py 的 VERSION）"
    )
    assert must_be_newer(broken, "2.0.0", "1.3.0") is None
    added = [Change(Kind.ADDED, "GET /y", "新增接口：甲")]
    assert (
        must_be_newer(added, "1.3.1", "1.3.0")
        == "有变更，版本号要从 1.3.0 升到 1.4.0（app/http/openapi.py 的 VERSION）"
    )
    assert must_be_newer(added, "1.4.0", "1.3.0") is None
    assert must_be_newer([], "1.3.0", "1.3.0") is None
    assert is_newer("1.10.0", "1.9.0")
    assert not is_newer("1.9.0", "1.9.0")


def test_the_check_fails_and_names_the_place_of_a_rename(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody renames a field of the code; the released contract still has it."""
    before = copy.deepcopy(DOCUMENT)
    rename(schema("TaskView")(before)["properties"], "due_at", "was_called_so")
    kept = tmp_path / "released.json"
    kept.write_text(json.dumps(before), encoding="utf-8")
    monkeypatch.setattr(command, "RELEASED", kept)
    told = command._broken(WHOLE)
    assert "GET /api/v1/staff/tasks 200.items[].was_called_so：字段已删除或改名" in told
    assert any("升到" in line for line in told)
    # With a new major version the same is no obstacle.
    newer = WHOLE | {"info": WHOLE["info"] | {"version": "99.0.0"}}
    assert command._broken(newer) == []


def test_a_release_wants_a_newer_version_and_is_written_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "RELEASED", tmp_path / "released.json")
    monkeypatch.setattr(command, "CHANGELOG", tmp_path / "CHANGELOG.md")
    command._release(WHOLE)
    assert "第一版：" in command.CHANGELOG.read_text("utf-8")
    with pytest.raises(typer.Exit):
        command._release(WHOLE)
    broken = copy.deepcopy(WHOLE)
    rename(schema("TaskView")(broken)["properties"], "due_at", "deadline")
    broken["info"]["version"] = "1.1.0"
    with pytest.raises(typer.Exit):
        command._release(broken)
    broken["info"]["version"] = "99.0.0"
    command._release(broken)
    assert json.loads(command.RELEASED.read_text("utf-8"))["info"]["version"] == "99.0.0"
    told = command.CHANGELOG.read_text("utf-8")
    assert told.index("## 99.0.0") < told.index("200.items[].due_at`：字段已删除或改名") < told.index("第一版：")


def test_the_change_log_writes_what_is_not_released_anew_and_keeps_the_rest() -> None:
    added = [Change(Kind.ADDED, "GET /x", "新增接口：甲")]
    first = released([], "1.0.0", date(2026, 1, 1), "", "第一版：1 个接口。")
    once = changelog(added, "1.1.0", "1.0.0", first)
    assert changelog(added, "1.1.0", "1.0.0", once) == once
    assert "## 未发布：1.1.0（与 1.0.0 相比）" in once
    assert "### 新增\n\n- `GET /x`：新增接口：甲" in once
    second = released(added, "1.1.0", date(2026, 2, 1), once)
    assert (
        second.index("## 未发布（与 1.1.0 相比）") < second.index("## 1.1.0（2026-02-01）") < second.index("## 1.0.0")
    )
    assert second.count("新增接口：甲") == 1


def test_a_change_log_in_which_two_branches_met_is_written_anew() -> None:
    kept = released([], "1.0.0", date(2026, 1, 1), "", "第一版：1 个接口。")
    met = kept.replace("没有变更。", "<<<<<<< ours\n甲\n=======\n乙\n>>>>>>> theirs")
    assert changelog([], "1.0.0", "1.0.0", met) == kept
