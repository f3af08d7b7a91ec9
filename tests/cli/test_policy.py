"""`aid policy`: what an official gets who tries, checks or describes a policy without any database."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from pydantic import Field
from typer.testing import CliRunner, Result

from app.applications.path import Kind
from app.cli import policy
from app.cli.rehearse import policy_app
from app.db import migrations
from app.policies.rules import document_of
from app.policy.book import POLICY_KINDS, PolicyBook, PolicyKind
from app.policy.changes import decide
from app.policy.decision import Cited, Decision, Finding, Judged, Reason, TraceStep, cite
from app.policy.fields import Fen, Frozen, IsoDate
from app.programmes import MODELS, CaseFile, shipped
from tests.policies.making import KINDS, document

FILES = [
    *(migrations.ROOT / "app" / "kinds" / kind / "policy.yaml" for kind in Kind),
    migrations.ROOT / "app" / "households" / "policy.yaml",
    migrations.ROOT / "app" / "households" / "upkeep.yaml",
    migrations.ROOT / "app" / "households" / "exit_target.yaml",
    migrations.ROOT / "app" / "policy" / "minimum_living_standard.yaml",
    migrations.ROOT / "app" / "visits" / "policy.yaml",
    migrations.ROOT / "app" / "notices" / "policy.yaml",
    migrations.ROOT / "app" / "policy" / "accountability.yaml",
    migrations.ROOT / "app" / "applications" / "service_standard.yaml",
    migrations.ROOT / "app" / "applications" / "approval_route.yaml",
    migrations.ROOT / "app" / "funds" / "fund_order.yaml",
    migrations.ROOT / "app" / "applications" / "reasons.yaml",
    migrations.ROOT / "app" / "applications" / "household_cap.yaml",
    migrations.ROOT / "app" / "payments" / "payment.yaml",
    migrations.ROOT / "app" / "reaching" / "text_messages.yaml",
]


class Written(Frozen):
    """A case of this test alone."""

    event_date: IsoDate = Field(description="事发日期")
    area: str = Field(default="440500", description="地区")
    requested_fen: Fen = Field(description="申请金额（分）")


@dataclass(frozen=True, slots=True)
class Facts:
    requested_fen: int


def judge(case: Written, version: Any, book: PolicyBook) -> Decision:
    criteria = book.in_force("household_criteria", MODELS["household_criteria"], case.event_date, case.area)
    met: Finding[Facts] = Finding(Reason("known", True, "符合条件", "符合", "符合", version.source), None)
    step = TraceStep("asked", "申请金额", case.requested_fen)
    cited = cite("hardship_aid", version, Cited("household_criteria", criteria.version))
    known = Facts(case.requested_fen)
    return decide(cited, known, lambda facts: Judged((met,), (step,), facts.requested_fen), case.event_date)


def of_its_day(case: Written, book: PolicyBook) -> Any:
    return book.in_force("hardship_aid", MODELS["hardship_aid"], case.event_date, case.area)


@pytest.fixture(autouse=True)
def rules_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "case_file", lambda kind: CaseFile(Written, of_its_day, judge))


def aid(*words: object) -> Result:
    return CliRunner().invoke(policy_app, [str(word) for word in words])


def file(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True), "utf-8")
    return path


CASE = {"event_date": "2026-09-01", "requested_fen": 300_000}


# ---- evaluate ----


def test_a_case_is_decided_by_the_version_of_its_day_and_area(tmp_path: Path) -> None:
    versions = [
        document(version="old", in_force_from="2020-01-01"),
        document(version="new", in_force_from="2026-09-01"),
        document(version="elsewhere", area="440100", in_force_from="2026-01-01"),
    ]
    for day, due in (("2026-08-31", "old"), ("2026-09-01", "new")):
        law, case = file(tmp_path, "p.yaml", versions), file(tmp_path, "c.yaml", CASE | {"event_date": day})
        answer = aid("evaluate", "--kind", "hardship_aid", "--policy", law, "--case", case)
        assert answer.exit_code == 0, answer.output
        assert json.loads(answer.stdout)["policy"]["version"] == due


def test_the_answer_is_the_decision_as_the_api_gives_it_the_same_bytes_every_time(tmp_path: Path) -> None:
    law, case = file(tmp_path, "p.yaml", document(in_force_from="2020-01-01")), file(tmp_path, "c.yaml", CASE)
    answers = {aid("evaluate", "--kind", "hardship_aid", "--policy", law, "--case", case).stdout for _ in range(3)}
    (answer,) = answers
    decision = json.loads(answer)
    assert list(decision) == ["outcome", "amount_fen", "policy", "reasons", "changes", "trace", "decided_on"]
    assert (decision["outcome"], decision["amount_fen"]) == ("eligible", 300_000)


def test_the_criteria_are_the_shipped_ones_unless_a_file_is_given(tmp_path: Path) -> None:
    law, case = file(tmp_path, "p.yaml", document(in_force_from="2020-01-01")), file(tmp_path, "c.yaml", CASE)
    criteria = file(tmp_path, "k.yaml", document("household_criteria", version="draft", in_force_from="2021-01-01"))
    base = ("evaluate", "--kind", "hardship_aid", "--policy", law, "--case", case)
    known = shipped().versions["household_criteria"][-1].version
    for more, due in (((), known), (("--criteria", criteria), "draft")):
        assert json.loads(aid(*base, *more).stdout)["policy"]["rests_on"][0]["version"] == due


@pytest.mark.parametrize(
    ("law", "case", "said"),
    [
        ({"source": "x"}, CASE, "p.yaml: /source: 内容太短。"),
        ({"surprise": 1}, CASE, "p.yaml: /surprise: 没有这一项，请删除。"),
        ({}, CASE | {"requested_fen": 1.5}, "c.yaml: /requested_fen: 请填写整数。"),
        ({}, {"requested_fen": 1}, "c.yaml: /event_date: 请填写这一项。"),
        ({}, CASE | {"event_date": "2019-12-31"}, "c.yaml: /: 这一天还没有生效的政策，暂时不能计算。"),
        ({}, CASE | {"area": "430100"}, "c.yaml: /: 这一天还没有生效的政策，暂时不能计算。"),
        ({}, "- [1", "c.yaml: /: 不是有效的 YAML（第1行第5列）。"),
        ({}, "[]", "c.yaml: /: 请按表格逐项填写。"),
        ({}, "event_date: 2026-09-01\nevent_date: 2026-09-02", "c.yaml: /: 同一项写了两次（第1行第1列）。"),
    ],
    ids=str,
)
def test_a_file_that_cannot_be_used_is_told_by_place_in_one_line(
    tmp_path: Path, law: dict[str, Any], case: Any, said: str
) -> None:
    own = document(in_force_from="2020-01-01") | law
    paths = file(tmp_path, "p.yaml", own), file(tmp_path, "c.yaml", case)
    answer = aid("evaluate", "--kind", "hardship_aid", "--policy", paths[0], "--case", paths[1])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr == f"{tmp_path}/{said}\n"


def test_a_file_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    answer = aid("evaluate", "--kind", "hardship_aid", "--policy", tmp_path / "no", "--case", tmp_path / "no")
    assert (answer.exit_code, answer.stderr) == (2, f"{tmp_path}/no: /: 读不到这个文件，或者它不是 UTF-8 文本。\n")


# ---- schema ----


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_of_a_kind_takes_every_shipped_version_and_no_unknown_field(kind: PolicyKind) -> None:
    schema = json.loads(aid("schema", "--kind", kind).stdout)
    assert schema["$schema"] == policy.DIALECT
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    for version in shipped().versions[kind]:
        written = document_of(version)
        assert validator.is_valid(written)
        assert not validator.is_valid(written | {"surprise": 1})
        assert not validator.is_valid({name: value for name, value in written.items() if name != "source"})


def test_without_a_kind_every_schema_is_printed_by_its_name() -> None:
    assert tuple(json.loads(aid("schema").stdout)) == POLICY_KINDS
    assert set(json.loads(aid("schema", "--case").stdout)) == set(Kind)


def test_the_schema_of_a_case_file_takes_a_case() -> None:
    schema = json.loads(aid("schema", "--case", "--kind", "golden_autumn").stdout)
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(CASE)
    refused = aid("schema", "--case", "--kind", "household_criteria")
    assert (refused.exit_code, refused.stdout) == (2, "")


# ---- check ----


def test_the_shipped_files_are_fine_and_their_kinds_are_known_by_where_they_stand() -> None:
    answer = aid("check", *FILES)
    assert answer.exit_code == 0, answer.stdout
    lines = answer.stdout.splitlines()
    assert len(lines) == sum(len(versions) for versions in shipped().versions.values())
    assert all(line.startswith("OK ") for line in lines)


def test_every_mistake_of_every_file_is_told_and_the_exit_code_says_so(tmp_path: Path) -> None:
    good = file(tmp_path, "golden_autumn-2027.yaml", [document("golden_autumn")])
    bad = file(tmp_path, "hardship_aid-2027.yaml", [document(), document(area="x"), document(source="")])
    unknown = file(tmp_path, "policy.yaml", [document()])
    answer = aid("check", good, bad, unknown)
    assert answer.exit_code == 1
    lines = answer.stdout.splitlines()
    assert lines[0].startswith(f"OK {good}: golden_autumn 440500 ")
    assert lines[1:] == [
        f"{bad}: /1/area: 格式不正确。",
        f"{bad}: /2/source: 内容太短。",
        f"{unknown}: /: 看不出是哪一种政策，请用 --kind 说明。",
    ]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"in_force_from": "2027-01-01"}, "一天只能有一个"),
        ({"in_force_from": "2026-01-01"}, "从早到晚"),
        ({"version": "a", "in_force_from": "2028-01-01"}, "同名"),
    ],
)
def test_versions_of_a_file_are_in_order_and_have_names_of_their_own(
    tmp_path: Path, second: dict[str, Any], said: str
) -> None:
    rows = [document(version="a", in_force_from="2027-01-01"), document() | second]
    answer = aid("check", "--kind", "hardship_aid", file(tmp_path, "p.yaml", rows))
    assert answer.exit_code == 1
    assert said in answer.stdout


# ---- rehearse ----


def test_a_version_that_has_begun_is_not_rehearsed(tmp_path: Path) -> None:
    law = file(tmp_path, "hardship_aid-2020.yaml", document(in_force_from="2020-01-01"))

    answer = aid("rehearse", "--kind", "hardship_aid", "--policy", law)

    assert answer.exit_code == 2
    assert "/in_force_from: 只有还没有生效的版本可以预演" in answer.stderr
