"""The method of drawing by itself: the script and the rules agree on anything, and shares are what they should be."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.ids import new_id
from app.supervision import rules
from app.supervision.rules import Answers, Paid, allocated, draw, error_share, population, sha256
from tests.supervision.sampling import SCRIPT
from tests.thorough import thorough

KINDS = ("golden_autumn", "hardship_aid", "secondary_medical")
Z95 = 19_600


def lines_of(random_: random.Random, count: int) -> list[Paid]:
    return [
        Paid(
            str(new_id()), f"4405{random_.randrange(7):02d}", random_.choice(KINDS), "2026-11-30T00:00:00+00:00",
            random_.randrange(1, 10**7),
        )
        for _ in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_the_script_draws_what_the_rules_draw(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    lines = lines_of(chosen, chosen.randrange(1, 400))
    size, word = chosen.randrange(1, 60), f"{chosen.getrandbits(128):032x}"
    content = population(lines)
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    told = (sha256(content), word, sha256(word.encode()), str(size))
    ran = subprocess.run([sys.executable, "-I", SCRIPT, path, *told], capture_output=True, text=True, check=True)
    strata, drawn = draw(word, size, rules.listed(content))
    assert ran.stdout.split() == [line.line_id for line in drawn]
    assert sum(stratum.fen for stratum in strata) == sum(line.amount_fen for line in lines)


def test_the_script_is_twenty_lines_and_knows_the_standard_library_alone() -> None:
    code = [line for line in SCRIPT.read_text().splitlines() if line and not line.startswith('"""')]
    assert len(code) <= 20
    imported = [line.split()[1].split(".")[0] for line in code if line.startswith(("import ", "from "))]
    assert set(imported) <= sys.stdlib_module_names


@thorough
@given(st.lists(st.integers(1, 500), max_size=25), st.integers(1, 1000))
def test_each_stratum_gets_one_and_the_rest_goes_by_share(counts: list[int], size: int) -> None:
    shares = allocated(size, counts)
    assert sum(shares) == min(sum(counts), max(size, len(counts)))
    assert all(1 <= share <= count for share, count in zip(shares, counts, strict=True))
    # Nobody is further than one from an exact share of what is beyond the first of each.
    rest, beyond = sum(shares) - len(counts), sum(counts) - len(counts)
    for share, count in zip(shares, counts, strict=True):
        assert beyond == 0 or abs((share - 1) * beyond - rest * (count - 1)) < beyond


@thorough
@given(st.integers(0, 2**32))
def test_the_order_in_which_lines_come_in_does_not_matter(seed: int) -> None:
    chosen = random.Random(seed)
    lines = lines_of(chosen, 12)
    shuffled = chosen.sample(lines, len(lines))
    assert population(lines) == population(shuffled)
    assert draw("seed", 5, lines) == draw("seed", 5, shuffled)


@pytest.mark.parametrize(
    ("n", "errors", "low", "high"), [(10, 1, 178, 4042), (20, 0, 0, 1612), (100, 5, 215, 1118), (5, 5, 5655, 10000)]
)
def test_the_interval_is_wilsons(n: int, errors: int, low: int, high: int) -> None:
    share = error_share(["error"] * errors + ["in_order"] * (n - errors) + ["unverifiable", None], Z95)
    assert share is not None
    assert (share.checked, share.errors, share.low_bp, share.high_bp) == (n, errors, low, high)


def test_nothing_verified_has_no_share() -> None:
    assert error_share(["unverifiable", None], Z95) is None


@pytest.mark.parametrize(
    ("answers", "result", "findings"),
    [
        (Answers("yes", "yes", "right", "complete"), "in_order", []),
        (Answers("no", "yes", "right", "complete"), "in_order", ["not_reached"]),
        (Answers("yes", "no", "unknown", "complete"), "error", ["not_arrived"]),
        (Answers("yes", "yes", "wrong", "missing"), "error", ["wrong_amount", "papers_missing"]),
        (Answers("no", "unknown", "unknown", "complete"), "unverifiable", ["not_reached"]),
        (Answers("yes", "yes", "unknown", "complete"), "unverifiable", []),
        (Answers("no", "unknown", "unknown", "missing"), "error", ["papers_missing", "not_reached"]),
    ],
)
def test_the_result_follows_from_what_was_found(answers: Answers, result: str, findings: list[str]) -> None:
    assert rules.result_of(answers) == result
    assert rules.findings_of(answers) == findings
