"""Policies in plain words: what they say stands in policies_said.txt, for the office to read; no word changes unseen.

After a change that is meant: `AID_WRITE_SAID=1 make test`, then read what git shows.
"""

import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from app.http.pages.policies import PAGES
from app.kinds.secondary_medical.documents import load_scheme, scheme_names
from app.kinds.secondary_medical.plain import sections
from app.policy.plain import Section, standards_on
from app.programmes import shipped
from tests.kinds.cases import check_text_is_plain

FILE = Path(__file__).with_name("policies_said.txt")
TODAY = date(2026, 11, 30)


def spelt(found: Iterable[Section]) -> str:
    lines: list[str] = []
    for section in found:
        lines += [f"== {section.title}", *section.lines]
        if section.table is not None:
            rows = (section.table.head, *section.table.rows)
            lines += [section.table.caption, *(" | ".join(row).replace("\n", "；") for row in rows)]
        lines += [f"出处：{section.source}" if section.source else "", ""]
    return "\n".join(lines)


def texts(found: Iterable[Section]) -> Iterable[str]:
    for section in found:
        yield section.title
        yield from section.lines
        if section.table is not None:
            yield from (section.table.caption, *section.table.head)
            for row in section.table.rows:
                yield f"表：{'，'.join(row)}"


def test_what_the_policies_in_force_say() -> None:
    book = shipped()
    said = "\n".join(
        f"# {explained.name}\n\n"
        + spelt(explained.say(book.in_force(kind, explained.model, TODAY), standards_on(book, TODAY)))
        for kind, explained in PAGES.items()
    )
    if os.environ.get("AID_WRITE_SAID"):
        FILE.write_text(said)
    assert FILE.read_text() == said


@pytest.mark.parametrize("kind", PAGES)
def test_every_version_that_comes_with_the_service_can_be_said(kind: str) -> None:
    book, explained = shipped(), PAGES[kind]  # type: ignore[index]
    for version in book.of(kind, explained.model):  # type: ignore[arg-type]
        found = explained.say(version, standards_on(book, version.in_force_from))
        assert found
        for text in texts(found):
            check_text_is_plain(text)


@pytest.mark.parametrize("scheme", scheme_names())
def test_every_scheme_of_insurance_can_be_said(scheme: str) -> None:
    for version in load_scheme(scheme):
        found = sections(version)
        names = [section.title for section in found]
        assert [each.name for each in version.benefits] == names[: len(version.benefits)]
        for text in texts(found):
            check_text_is_plain(text)
