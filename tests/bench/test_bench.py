"""The bench itself: it runs, and says what it promises to say. What it measures is nobody's promise here."""

import json
from pathlib import Path

import pytest

from app.bench.run import run

FIGURES = {"rps", "ratio", "p50_ms", "p99_ms"}


def test_the_bench_ends_with_one_line_of_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(rows=2_000, seconds=0.3, clients=8, rounds=1, together=100, folder=tmp_path / "bench", huge_mib=0) == 0

    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    for case in ("get", "list", "case", "submit", "approve", "approve_last", "page", "notices"):
        assert told[case].keys() >= FIGURES
        assert told[case]["rps"] > 0
    assert told["yardstick_rps"] > 0
    assert told["list_10k_p99_ms"] > 0
    assert told["rss_rest_mib"] > 0
    assert told["rss_after_mib"] > 0
    assert told["bulk"]["items"] == 100
    assert 0 < told["bulk"]["seconds"] <= told["bulk"]["worst_s"]
