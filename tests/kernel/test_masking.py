import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.masking import mask_card, mask_id_number, mask_name, mask_phone
from tests.nasty import NASTY_TEXTS

anything = st.one_of(st.text(st.characters(), max_size=60), st.sampled_from(NASTY_TEXTS))
digits = "0123456789"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张三", "张*"),
        ("张小明", "张*明"),
        ("诸葛亮", "诸**"),
        ("欧阳娜娜", "欧***"),
        ("欧阳", "欧*"),
        ("范徐丽泰", "范**泰"),
        ("张", "*"),
        ("𬸣", "*"),
        ("𬸣三", "𬸣*"),
        ("张三𬸣", "张*𬸣"),
        ("张三\U00031350", "张*\U00031350"),
        ("迪丽热巴·买买提", "迪***·***"),
        ("艾力·买", "艾*·*"),
        ("Li", "L*"),
        ("John Smith", "J*** *****"),
        (" 张三 ", "张*"),
        ("葛\U000e0100三", "葛*"),
        ("Zoe\u0308", "Z*\u00eb"),
        ("张\u200b三", "张*"),
        ("张三\ud83d", "张*"),
        ("张三👨\u200d👩", "张**👩"),
        ("···", "*"),
        ("\x00", "*"),
        ("", ""),
    ],
)
def test_a_name_is_shown_by_its_ends_at_most(name: str, shown: str) -> None:
    assert mask_name(name) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("11010519491231002X", "110105********002X"),
        ("440524188001010014", "440524********0014"),
        ("110105491231002", "****"),
        ("1101051949123100\n2", "****"),
        ("11010519491231002X\n", "****"),
        ("", ""),
    ],
)
def test_an_identity_number_hides_the_birth_date(number: str, shown: str) -> None:
    assert mask_id_number(number) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [("13800138000", "138****8000"), ("0754-88888888", "****"), ("1380013800", "****"), ("", "")]
)
def test_a_phone_number_hides_its_middle(number: str, shown: str) -> None:
    assert mask_phone(number) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("6222020200001230123", "6222 **** **** 0123"),
        ("6222020200000123", "6222 **** **** 0123"),
        ("6222 0202 0000 0123", "6222 **** **** 0123"),
        ("622202020000012", "****"),
        ("", ""),
    ],
)
def test_a_card_shows_its_first_and_last_four(number: str, shown: str) -> None:
    assert mask_card(number) == shown


@given(anything)
def test_no_mask_fails_on_anything_or_shows_what_cannot_be_sent(text: str) -> None:
    for mask in (mask_name, mask_id_number, mask_phone, mask_card):
        shown = mask(text)
        assert json.dumps(shown, ensure_ascii=False).encode()
        assert "\x00" not in shown
        assert bool(shown) == bool(text)


@given(st.text("张王李赵𬸣明丽欧阳", min_size=2, max_size=50))
def test_a_mask_keeps_the_length_and_at_most_two_characters_of_a_name(name: str) -> None:
    shown = mask_name(name)
    assert len(shown) == len(name)
    assert len(shown) - shown.count("*") <= min(2, len(name) - 1)


@given(st.text(digits, min_size=17, max_size=17))
def test_ten_characters_of_an_identity_number_are_all_that_shows(first17: str) -> None:
    shown = mask_id_number(f"{first17}X")
    assert (len(shown), shown[6:14], shown[:6], shown[14:]) == (18, "*" * 8, first17[:6], f"{first17[14:]}X")
