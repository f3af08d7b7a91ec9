"""The examples in docs/policy.md are such as the service takes."""

import re
from functools import reduce
from typing import Any

import pytest

from app.applications.path import Kind
from app.db import migrations
from app.policies.rules import document_of, read
from app.policy.versions import read_yaml
from app.programmes import MODELS, case_file, shipped

TEXT = (migrations.ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n# (\w+)(?: 的 (/\S+)| (案例))?\n(.*?)```", TEXT, re.DOTALL)
"""Kind, the place of a part of a version or nothing, "案例" for a case or nothing, and the YAML."""


def with_part(kind: Any, pointer: str, part: Any) -> dict[str, Any]:
    """The newest shipped version of a kind with this in a place of it."""
    whole = document_of(shipped().versions[kind][-1])
    *above, last = (int(step) if step.isdecimal() else step for step in pointer.split("/")[1:])
    place: Any = reduce(lambda here, step: here[step], above, whole)
    assert place[last] != part
    place[last] = part
    return whole


def test_every_block_of_the_page_is_an_example_of_something() -> None:
    assert len(EXAMPLES) == TEXT.count("```yaml") >= 6


@pytest.mark.parametrize(("kind", "pointer", "case", "text"), EXAMPLES, ids=[f"{e[0]}{e[1]}{e[2]}" for e in EXAMPLES])
def test_an_example_is_taken(kind: Any, pointer: str, case: str, text: str) -> None:
    written = read_yaml(text)
    assert isinstance(written, dict)
    if not case:
        read(MODELS[kind], with_part(kind, pointer, written) if pointer else written)
        return
    file = case_file(Kind(kind))
    given = read(file.model, written)
    decision = file.judge(given, file.governing(given, shipped()), shipped())
    assert decision.outcome == "eligible"
