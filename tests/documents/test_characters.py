"""Every character of the national list can be printed, with our font and no other."""

from pathlib import Path

from app.documents import press
from app.documents.paper import paper
from app.households.printed.register_form import TITLE
from app.http.routes.household_forms import PAPER
from tests.documents.reading import fonts, glyphs, pages
from tests.households.printed.samples import WHEN

LIST = Path(__file__).with_name("standard_characters.txt")
CHARACTERS = [c for line in LIST.read_text("utf-8").splitlines() if not line.startswith("#") for c in line]
NAMES_BEYOND = "𠮷㛃䶮犇喆堃祎玥·"
"""Characters of names outside the list that people in our files have."""


def drawn(text: str) -> bytes:
    block = {"title": "", "header": [], "lines": [[{"text": text, "units": 36}]]}
    pdf = press.draw({"as": "pdf", "form": str(PAPER), "data": paper(TITLE, [block]), "made_at": WHEN.isoformat()})
    assert isinstance(pdf, bytes)
    return pdf


def test_the_list_is_the_national_one() -> None:
    assert (len(CHARACTERS), len(set(CHARACTERS))) == (8_105, 8_105)
    assert (CHARACTERS[0], CHARACTERS[3_499], CHARACTERS[3_500], CHARACTERS[6_500], CHARACTERS[-1]) == tuple(
        "一矗乂亍蠼"
    )


def test_every_character_of_the_national_list_is_printed() -> None:
    for first in range(0, len(CHARACTERS), 500):
        text = "".join(CHARACTERS[first : first + 500])
        pdf = drawn(text)
        assert 0 not in glyphs(pdf), first
        assert text in "".join(pages(pdf)).replace("\n", ""), first
        assert fonts(pdf) == {"NotoSansCJKsc-Regular-Identity-H"}


def test_rare_characters_of_names_are_printed() -> None:
    pdf = drawn(NAMES_BEYOND)
    assert 0 not in glyphs(pdf)
    assert NAMES_BEYOND in "".join(pages(pdf))


def test_a_character_that_the_font_lacks_would_be_found() -> None:
    """The check itself: an unassigned one is drawn as a box, which is glyph 0."""
    assert 0 in glyphs(drawn("\U000e0fff\U0003fffd"))
