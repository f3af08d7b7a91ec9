"""The pages that say what a version of each kind may hold."""

import pytest

from app.cli.policy_pages import policy_pages
from app.policies.rules import document_of, read
from app.policy.book import POLICY_KINDS, PolicyKind
from app.policy.versions import read_yaml
from app.programmes import MODELS, shipped
from tests.policies.making import KINDS

PAGES = policy_pages()


def rows(kind: PolicyKind) -> list[list[str]]:
    """The table of a page: place, what it is, what it takes, whether it must be there."""
    lines = [line for line in PAGES[f"policy_{kind}.md"].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_there_is_a_page_for_every_kind() -> None:
    assert set(PAGES) == {f"policy_{kind}.md" for kind in POLICY_KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_every_kind_says_in_chinese_what_it_is(kind: PolicyKind) -> None:
    assert [place for place, said, *_ in rows(kind) if said.isascii()] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_the_models_stands_in_the_table(kind: PolicyKind) -> None:
    places = {place.strip("`") for place, *_ in rows(kind)}
    assert places >= set(MODELS[kind].model_fields)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_is_the_newest_shipped_version_and_is_read_as_such(kind: PolicyKind) -> None:
    example = PAGES[f"policy_{kind}.md"].partition("```yaml\n")[2].partition("```")[0]
    newest = shipped().versions[kind][-1]
    written = read_yaml(example)
    assert isinstance(written, dict)
    assert written == document_of(newest)
    assert read(MODELS[kind], written) == newest
