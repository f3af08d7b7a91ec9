"""The examples of the contract: real answers, each still allowed, the same every time, and nobody's."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.cli.contracts import templates
from app.cli.contracts.examples import FOLDER, file_name, operations, read_examples, wanted
from app.cli.contracts.refusals import NEVER_MET, all_told, read_refusals, says_the_same, unrecorded
from app.db.migrations import ROOT
from app.http import catalogues
from app.http.catalogues import CURES, catalogue, refusals
from app.http.words import OF_PATHS, WORDS
from tests.contract import contract, whole
from tests.normalising import Normaliser
from tests.recording import LARGEST, Recording, rank, shortened

RECORDED = read_examples()
DOCUMENT: dict[str, Any] = whole()
HAND_OVER = "run: make contract"


def test_every_operation_that_answers_in_json_has_an_example_that_its_schema_allows() -> None:
    for method, path in wanted(DOCUMENT):
        answers = RECORDED.get((method, path), {}).get("answers", {})
        assert answers, f"{method} {path}: {HAND_OVER}"
        for status, answer in answers.items():
            assert contract().wrong_with(method, path, status, answer) == [], f"{method} {path}: {HAND_OVER}"


def test_no_example_is_of_an_operation_that_is_gone() -> None:
    known = {key for key, _ in operations(DOCUMENT)}
    assert set(RECORDED) <= known, HAND_OVER
    assert {path.name for path in FOLDER.glob("*.json")} == {file_name(key) for key in RECORDED}


def test_every_operation_says_what_it_does_in_chinese_and_names_the_codes_of_its_refusals() -> None:
    for (method, path), operation in operations(DOCUMENT):
        for text in (operation["summary"], operation["description"], *operation["tags"]):
            assert re.search(r"[\u4e00-\u9fff]", text), (method, path)
        for status, response in operation["responses"].items():
            assert re.search(r"[\u4e00-\u9fff]", response["description"]), (method, path, status)
            if status >= "400":
                assert response["x-codes"], (method, path, status)
                examples = response["content"]["application/problem+json"]["examples"]
                assert set(examples) == set(response["x-codes"])


def test_the_examples_of_refusals_are_what_the_code_says() -> None:
    told = {f"{each.code}_{each.status}": each.detail for each in refusals()}
    for name, example in DOCUMENT["components"]["examples"].items():
        assert example["value"]["detail"] == told[name]
        assert example["value"]["detail"].endswith("。")


def test_every_code_was_told_to_a_test_or_says_why_nobody_is_told_it() -> None:
    assert unrecorded() == [], HAND_OVER
    known = {code for code, _ in all_told()}
    assert known >= set(NEVER_MET), "a code that is gone needs no reason"
    recorded = {code for code, _ in read_refusals()}
    assert not recorded & set(NEVER_MET), "a test was told it after all"
    assert set(read_refusals()) <= set(all_told()), HAND_OVER


def test_the_contract_shows_each_code_of_each_operation_as_a_test_was_told_it() -> None:
    kept = read_refusals()
    for (method, path), operation in operations(DOCUMENT):
        for status, response in operation["responses"].items():
            for code in response.get("x-codes", ()):
                shown = DOCUMENT["components"]["examples"][f"{code}_{status}"]["value"]
                assert "within" not in kept[code, status], (method, path, code)
                assert shown == kept[code, status]["answer"], (method, path, code)


def test_an_operation_that_takes_json_shows_a_request_and_one_that_answers_it_an_answer() -> None:
    for (method, path), operation in operations(DOCUMENT):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        assert body is None or body["examples"], (method, path)
        answers = [
            each["content"]["application/json"]
            for status, each in operation["responses"].items()
            if status < "400" and "application/json" in each.get("content", {})
        ]
        assert not answers or any(each.get("examples") for each in answers), (method, path)


def test_nobody_real_is_in_an_example() -> None:
    """Region 99 does not exist, and tokens and digests are told by their place alone."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.rglob("*.json")))
    assert re.findall(r"(?<![0-9a-f])(?!99)[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d\d{3}[\dX](?![0-9a-f])", text) == []
    assert re.findall(r"eyJ[A-Za-z0-9_-]+", text) == []
    assert [found for found in re.findall(r"\b[0-9a-f]{64}\b", text) if not found.startswith("0" * 40)] == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"id": "0198c0de-1111-7222-8333-abcdefabcdef"}, {"id": "019cab00-0000-7000-8000-000000000001"}),
        ({"sha256": "ab" * 32}, {"sha256": f"{1:064x}"}),
        ({"access_token": "x.y.z"}, {"access_token": "access_token-1"}),
        ({"number": "BF-0123456789AB"}, {"number": "BF-440507-2026-000001"}),
        ({"organisation": "unit-12ab工会"}, {"organisation": "汕头市榕汐电子有限公司工会"}),
        ({"born": "1980-01-01"}, {"born": "1980-01-01"}),
        ({"n": 3, "ok": True, "none": None}, {"n": 3, "ok": True, "none": None}),
    ],
)
def test_what_differs_each_time_is_told_the_same(given: Any, told: Any) -> None:
    assert Normaliser().of(given) == told


def test_the_same_stays_the_same_within_an_example_and_earlier_stays_earlier() -> None:
    one, other = "0198c0de-1111-7222-8333-abcdefabcdef", "0198c0de-1111-7222-8333-abcdefabcdee"
    normaliser = Normaliser()
    request = normaliser.of({"id": one})
    answer = normaliser.of({"a": other, "b": one, "later": "2024-05-01T10:00:09Z", "earlier": "2024-05-01T10:00:08Z"})
    assert answer["b"] == request["id"] != answer["a"]
    assert answer["earlier"] < answer["later"]


def test_what_a_test_was_answered_becomes_the_example_of_its_operation(tmp_path: Path) -> None:
    request = httpx.Request("GET", "http://aid.test/api/v1/me", headers={"Authorization": "Bearer secret"})
    answer = RECORDED["get", "/api/v1/me"]["answers"]["200"]
    detail = "没有找到您要的内容。"
    refusal = {"type": "", "title": "", "status": 404, "code": "not_found", "detail": detail, "request_id": "1"}
    recording = Recording(tmp_path)
    recording.take("GET", "/api/v1/me", httpx.Response(200, json=answer, request=request))
    problem = {"Content-Type": "application/problem+json"}
    recording.take("GET", "/api/v1/me", httpx.Response(404, json=refusal, headers=problem, request=request))
    recording.write()
    [written] = [json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob("*.json")]
    assert "secret" not in json.dumps(written)

    kept: dict[Any, Any] = {}
    tool = runpy.run_path(str(ROOT / "tools" / "examples.py"))
    tool["_merge"](kept, [written], anew=False)
    example = kept["get", "/api/v1/me"]
    assert set(example["answers"]) == {"200"}
    assert contract().wrong_with("get", "/api/v1/me", "200", example["answers"]["200"]) == []
    assert example["refusals"] == {"404": ["not_found"]}
    told = tool["_merged_refusals"]({}, [written])
    assert told["not_found", "404"]["operation"] == "GET /api/v1/me"
    assert example["test"].startswith("tests/cli/test_contract_examples.py::test_what_a_test_was_answered")


def test_of_two_refusals_the_one_by_itself_is_kept_and_one_in_other_words_is_not(tmp_path: Path) -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "examples.py"))
    key, told = ("card_missing", "409"), all_told()["card_missing", "409"]
    within = {"operation": "POST /x", "test": "a", "within": True, "answer": {"code": "card_missing"}}
    itself = {"operation": "POST /y", "test": "b", "answer": told.example}
    assert tool["_merged_refusals"]({key: within}, []) == {key: within}
    recorded = {"code": "card_missing", "status": "409", **itself}
    assert tool["_merged_refusals"]({key: within}, [{"answers": [recorded]}]) == {key: itself}
    other = {**itself, "answer": told.example | {"detail": "从前的话。"}}
    assert not says_the_same(told, other)
    assert tool["_merged_refusals"]({key: other}, []) == {}
    assert "tests/meetings/test_meetings.py" in tool["_tests_told"]([key])


def test_a_code_that_is_told_for_one_of_many_is_found_in_the_answer(tmp_path: Path) -> None:
    request = httpx.Request("POST", "http://aid.test/api/v1/staff/batches/preview")
    recording = Recording(tmp_path)
    left_out = {"left_out": [{"code": "card_missing", "message": "没有银行卡。"}, {"code": "neither"}]}
    recording.take("POST", "/api/v1/staff/batches/preview", httpx.Response(200, json=left_out, request=request))
    assert list(recording.refusals) == [("card_missing", "409")]
    assert recording.refusals["card_missing", "409"]["within"]


def test_the_tests_of_an_operation_without_an_example_are_found() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "examples.py"))
    found = tool["_tests_for"]([("post", "/api/v1/me/household/withdraw")], {})
    assert "tests/http/test_households.py" in found
    assert len(found) <= tool["AT_ONCE"]


def test_of_two_examples_the_fuller_one_is_kept_unless_nobody_would_read_it() -> None:
    thin, full = {"test": "b", "answer": {"a": None}}, {"test": "b", "answer": {"a": 1}}
    huge = {"test": "a", "answer": {"a": ["x" * LARGEST, 2, 3]}}
    assert max([thin, full, huge], key=rank) == full
    assert max([full, full | {"test": "a"}], key=rank)["test"] == "a"
    assert shortened({"items": [1, 2, 3, 4, 5]}) == {"items": [1, 2, 3]}


def test_the_catalogue_says_what_a_program_does_about_every_refusal() -> None:
    told = catalogue(WORDS, OF_PATHS)
    assert set(catalogues._BY_CODE) | set(catalogues._EXTRA) <= {each["code"] for each in told["problems"]}
    assert {each["cure"] for each in told["problems"]} <= set(CURES)
    assert len(told["problems"]) == len({(each["code"], each["status"]) for each in told["problems"]})
    for way in told["paths"].values():
        assert all(step["at"] in way["states"] and step["to"] in way["states"] for step in way["steps"])
    assert json.loads(json.dumps(told)) == told


def test_every_message_has_its_words_in_the_catalogue() -> None:
    found = {each.title: each.text for each in templates()}
    assert found["请参加会议表决"] == "申请{number}需要主席办公会决定，您列名参加，请查看材料后表决。"
    assert found["有公示异议待核查"] == "公示（{number}）收到异议，已暂停公示，请在{due_on}前核查。"
