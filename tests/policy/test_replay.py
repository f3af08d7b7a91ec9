import hashlib
import json
import sys
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kinds.golden_autumn import rules as golden_autumn
from app.kinds.hardship_aid import rules as hardship_aid
from app.policy.replay import FactsChanged, code_sha256, facts_from, facts_json, sha256


@dataclass(frozen=True, slots=True)
class Inner:
    amount_fen: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    name: str
    on: date
    known: bool | None
    amounts: tuple[Inner, ...] = ()


FACTS = Facts("张三", date(2026, 9, 1), None, (Inner(5), Inner(None)))
WRITTEN = '{"amounts":[{"amount_fen":5},{"amount_fen":null}],"known":null,"name":"张三","on":"2026-09-01"}'.encode()

facts = st.builds(
    Facts,
    st.text(st.characters(exclude_categories=["Cs"])),
    st.dates(),
    st.sampled_from([True, False, None]),
    st.lists(st.builds(Inner, st.integers(-(2**63), 2**63 - 1) | st.none())).map(tuple),
)


def test_facts_are_written_in_one_spelling():
    assert facts_json(FACTS) == WRITTEN


def test_the_hash_is_that_of_the_bytes():
    assert sha256(WRITTEN) == hashlib.sha256(WRITTEN).hexdigest()


@given(facts)
def test_facts_survive_being_written_and_read(given_facts):
    assert facts_from(Facts, facts_json(given_facts)) == given_facts


@given(facts, facts)
def test_different_facts_have_different_bytes(one, other):
    assert (facts_json(one) == facts_json(other)) is (one == other)


@pytest.mark.parametrize(
    "value",
    [1.5, datetime(2026, 9, 1, tzinfo=UTC), {1}, [1], b"x", {"a": 1}, Inner],
    ids=lambda value: str(type(value)),
)
def test_what_is_not_a_plain_fact_cannot_be_written(value):
    with pytest.raises(TypeError):
        facts_json(replace(FACTS, name=value))


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"known": 1},
        {"on": "1577836800"},
        {"on": "2026-09-01T00:00:00"},
        {"amounts": [{"amount_fen": 5.0}]},
        {"amounts": [{"amount_fen": 5, "extra": 1}]},
        {"name": None},
    ],
)
def test_tampered_facts_cannot_be_read(change):
    tampered = json.dumps(json.loads(WRITTEN) | change, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    with pytest.raises(FactsChanged):
        facts_from(Facts, tampered.encode())


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b" " + WRITTEN, b"\xff", WRITTEN.replace(b"5", b"5.0")])
def test_bytes_that_were_never_written_cannot_be_read(data):
    with pytest.raises(FactsChanged):
        facts_from(Facts, data)


def test_the_code_hash_is_stable_and_tells_kinds_apart():
    assert code_sha256(hardship_aid) == code_sha256(hardship_aid)
    assert code_sha256(hardship_aid) != code_sha256(golden_autumn)


def test_the_code_hash_covers_what_the_rules_stand_on(tmp_path, monkeypatch):
    def pretend(name, text):
        module = ModuleType(name)
        file = tmp_path / f"{name}.py"
        file.write_text(text, encoding="utf-8")
        module.__file__ = str(file)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    def hashed(suffix, below):
        pretend(f"app.below{suffix}", below)
        rules = pretend(f"app.rules{suffix}", f"from app.below{suffix} import cap\nimport json\n")
        return code_sha256(rules)

    one, two = hashed("_one", "cap = 1\n"), hashed("_two", "cap = 2\n")

    assert len(one) == 64
    assert one != two
