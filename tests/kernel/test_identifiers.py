import copy
import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric
from stdnum.cn import uscc as stdnum_uscc

from app.kernel.identifiers import MESSAGES, InvalidIdentifier, bank_card, check_digit, mobile, resident_id, uscc
from tests.nasty import NASTY_TEXTS

TODAY = date(2026, 11, 23)
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
READERS: dict[str, Callable[[str], str]] = {
    "resident_id": lambda text: resident_id(text, TODAY).number,
    "uscc": uscc,
    "bank_card": bank_card,
    "mobile": mobile,
}

births = st.dates(date(1900, 1, 1), TODAY)
sequences = st.integers(1, 999)
# Areas python-stdnum knows for every year since 1900.
known_regions = st.sampled_from(["110105", "440500", "310101"])
ascii_digits = "0123456789"
anything = st.one_of(
    st.text(st.characters(), max_size=24), st.text("0123456789Xx \n１Ⅹ", max_size=20), st.sampled_from(NASTY_TEXTS)
)


def made(region: str, birth: date, sequence: int) -> str:
    first17 = f"{region}{birth:%Y%m%d}{sequence:03d}"
    return first17 + check_digit(first17)


def answer(reader: str, text: str) -> str | InvalidIdentifier:
    try:
        return READERS[reader](text)
    except InvalidIdentifier as refusal:
        return refusal


def refused(text: str, reader: str = "resident_id") -> str:
    refusal = answer(reader, text)
    assert isinstance(refusal, InvalidIdentifier)
    return refusal.code


# --- identity numbers


@pytest.mark.parametrize(
    ("number", "birth_date", "sex"),
    [
        ("11010519491231002X", date(1949, 12, 31), "female"),
        ("440524188001010014", date(1880, 1, 1), "male"),
    ],
)
def test_the_samples_of_the_standard_are_read(number: str, birth_date: date, sex: str) -> None:
    read = resident_id(number, TODAY)
    assert (read.number, read.birth_date, read.sex, read.kind) == (number, birth_date, sex, "resident")


@pytest.mark.parametrize(
    "text",
    [
        "11010519491231002x",
        "  11010519491231002X ",
        "\u300011010519491231002X\u3000",
        "１１０１０５１９４９１２３１００２Ｘ",
        "１１０１０５１９４９１２３１００２ｘ",
        "11010519491231002Ⅹ",
    ],
)
def test_what_a_phone_keyboard_makes_of_a_number_is_normalised(text: str) -> None:
    assert resident_id(text, TODAY).number == "11010519491231002X"


def test_a_fifteen_digit_number_is_upgraded() -> None:
    assert resident_id("110105491231002", TODAY).number == "11010519491231002X"


@pytest.mark.parametrize("text", ["810000491231002", "911105491231002"])
def test_a_permit_or_a_foreigners_card_never_had_fifteen_digits(text: str) -> None:
    assert refused(text) == "id_number_length"


@pytest.mark.parametrize(
    ("region", "kind"),
    [
        ("810000", "hk_mo_tw_permit"),
        ("820000", "hk_mo_tw_permit"),
        ("830000", "hk_mo_tw_permit"),
        ("911840", "foreign_permanent_resident"),
        ("944392", "foreign_permanent_resident"),
        ("990000", "resident"),
        ("999999", "resident"),
        ("440507", "resident"),
        ("440524", "resident"),
    ],
)
def test_the_first_digits_tell_the_kind_of_document(region: str, kind: str) -> None:
    assert resident_id(made(region, date(1985, 3, 9), 11), TODAY).kind == kind


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "id_number_length"),
        ("   ", "id_number_length"),
        ("1101051949123100", "id_number_length"),
        ("11010519491231002X0", "id_number_length"),
        (" " * 100_000 + "11010519491231002X", "id_number_length"),
        ("1101051949123100\n2", "id_number_characters"),
        ("11010519491231002\n", "id_number_characters"),
        ("110105194912310\u200b02X"[:18], "id_number_characters"),
        ("1101051949123100X2", "id_number_characters"),
        ("X1010519491231002X", "id_number_characters"),
        ("11010549123100X", "id_number_characters"),
        ("١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", "id_number_characters"),
        ("110105 9491231002X", "id_number_characters"),
        ("-1010519491231002X", "id_number_characters"),
        ("01010519491231002X", "id_number_region"),
        ("11010519490229002X", "id_number_birth_date"),
        ("11010500001231002X", "id_number_birth_date"),
        ("11010519491331002X", "id_number_birth_date"),
        ("110105491331002", "id_number_birth_date"),
        ("110105194912310020", "id_number_checksum"),
        ("440524188001010015", "id_number_checksum"),
    ],
)
def test_a_wrong_number_is_refused_with_its_reason(text: str, code: str) -> None:
    assert refused(text) == code


def test_a_number_with_a_trailing_newline_is_refused() -> None:
    assert refused("11010519491231002X\n") == "id_number_length"


def test_a_child_born_today_has_a_number_and_one_born_tomorrow_has_none() -> None:
    assert resident_id(made("440507", TODAY, 2), TODAY).birth_date == TODAY
    assert refused(made("440507", TODAY + timedelta(days=1), 2)) == "id_number_birth_date"


def test_nobody_is_a_hundred_and_fifty() -> None:
    assert resident_id(made("440507", date(1876, 11, 24), 2), TODAY).birth_date.year == 1876
    assert refused(made("440507", date(1876, 11, 23), 2)) == "id_number_birth_date"


def test_leap_days_are_read_in_leap_years_only() -> None:
    assert resident_id(made("440507", date(2000, 2, 29), 2), TODAY).birth_date == date(2000, 2, 29)
    first17 = "44050719000229002"
    assert refused(first17 + check_digit(first17)) == "id_number_birth_date"


def test_a_number_stays_out_of_the_repr() -> None:
    shown = repr(resident_id("11010519491231002X", TODAY))
    assert "1949" not in shown
    assert "female" in shown


@given(known_regions, births, sequences)
def test_our_reading_agrees_with_python_stdnum_where_it_is_right(region: str, birth: date, sequence: int) -> None:
    number = made(region, birth, sequence)
    assert ric.validate(number) == number
    read = resident_id(number, TODAY)
    assert (read.number, read.birth_date) == (number, ric.get_birth_date(number))


@given(known_regions, births, sequences, st.sampled_from("0123456789X"))
def test_both_accept_the_same_last_character(region: str, birth: date, sequence: int, last: str) -> None:
    number = made(region, birth, sequence)[:17] + last
    assert (answer("resident_id", number) == number) == ric.is_valid(number)


@given(st.text(ascii_digits, min_size=17, max_size=17))
def test_the_check_digit_is_that_of_python_stdnum(first17: str) -> None:
    assert check_digit(first17) == ric.calc_check_digit(f"{first17}0")


@given(births, sequences, st.integers(0, 16), st.sampled_from(ascii_digits))
def test_one_mistyped_digit_is_always_found(birth: date, sequence: int, position: int, digit: str) -> None:
    number = made("440507", birth, sequence)
    assume(number[position] != digit)
    assert refused(number[:position] + digit + number[position + 1 :]).startswith("id_number_")


@given(births, sequences, st.integers(0, 16))
def test_two_swapped_neighbours_are_always_found(birth: date, sequence: int, position: int) -> None:
    number = made("440507", birth, sequence)
    assume(number[position] != number[position + 1])
    swapped = number[:position] + number[position + 1] + number[position] + number[position + 2 :]
    assert refused(swapped).startswith("id_number_")


@given(st.dates(date(1900, 1, 1), date(1999, 12, 31)), sequences)
def test_an_upgrade_keeps_birth_date_and_sex(birth: date, sequence: int) -> None:
    read = resident_id(f"440507{birth:%y%m%d}{sequence:03d}", TODAY)
    assert read == resident_id(made("440507", birth, sequence), TODAY)


@pytest.mark.parametrize(
    ("first17", "code"),
    [
        ("1101051949123100", "id_number_length"),
        ("1101051949123100X", "id_number_characters"),
        ("１" * 17, "id_number_characters"),
    ],
)
def test_a_check_digit_needs_seventeen_ascii_digits(first17: str, code: str) -> None:
    with pytest.raises(InvalidIdentifier) as caught:
        check_digit(first17)
    assert caught.value.code == code


# --- organisations, cards, mobiles


@pytest.mark.parametrize("code", ["91350100M000100Y43", "91110000802100433B", "51100000500019541K"])
def test_known_credit_codes_are_read(code: str) -> None:
    assert uscc(code) == code
    assert uscc(f" {code.lower()}\u3000") == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "uscc_length"),
        ("91350100M000100Y4", "uscc_length"),
        ("9999999\n9999999999", "uscc_characters"),
        ("91350100I000100Y43", "uscc_characters"),
        ("9135010XM000100Y43", "uscc_characters"),
        ("91350100M000100Y4\n", "uscc_characters"),
        ("91350100M000100Y44", "uscc_checksum"),
    ],
)
def test_a_wrong_credit_code_is_refused_with_its_reason(text: str, code: str) -> None:
    assert refused(text, "uscc") == code


@given(st.from_regex(rf"[0-9]{{8}}[{USCC_ALPHABET}]{{9}}", fullmatch=True), st.sampled_from(USCC_ALPHABET))
def test_both_accept_the_same_credit_codes(first17: str, last: str) -> None:
    right = stdnum_uscc.calc_check_digit(first17)
    assert uscc(first17 + right) == stdnum_uscc.validate(first17 + right)
    assume(last != right)
    assert refused(first17 + last, "uscc") == "uscc_checksum"


@pytest.mark.parametrize(
    "text", ["6217000000000000004", "6217 0000 0000 0000 004", "６２１７００００００００００００００４ "]
)
def test_a_card_number_is_read_as_it_is_printed_or_typed(text: str) -> None:
    assert bank_card(text) == "6217000000000000004"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bank_card_length"),
        ("621700000000009", "bank_card_length"),
        ("62170000000000000000", "bank_card_length"),
        ("6217-0000-0000-0000", "bank_card_characters"),
        ("621700000000000000\n", "bank_card_characters"),
        ("6217000000000000005", "bank_card_checksum"),
        ("0000000000000000", "bank_card_checksum"),
    ],
)
def test_a_wrong_card_number_is_refused_with_its_reason(text: str, code: str) -> None:
    assert refused(text, "bank_card") == code


@given(st.from_regex(r"[1-9][0-9]{15,18}", fullmatch=True))
def test_both_accept_the_same_card_numbers(number: str) -> None:
    assert (answer("bank_card", number) == number) == luhn.is_valid(number)


@given(st.from_regex(r"[1-9][0-9]{14,17}", fullmatch=True))
def test_every_beginning_of_a_card_has_one_right_ending(beginning: str) -> None:
    number = beginning + luhn.calc_check_digit(beginning)
    assert bank_card(number) == number


@pytest.mark.parametrize("text", ["13800138000", " 19912345678 ", "１３８００１３８０００"])
def test_a_mobile_number_is_read(text: str) -> None:
    assert re.fullmatch(r"1[3-9][0-9]{9}", mobile(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12800138000",
        "1380013800",
        "138001380000",
        "+8613800138000",
        "13800138000\n",
        "1380013800Ⅹ",
        "0754-88888888",
    ],
)
def test_what_is_no_mobile_number_is_refused(text: str) -> None:
    assert refused(text, "mobile") == "mobile_format"


# --- refusals


def test_a_refusal_reads_as_its_message_and_can_be_copied() -> None:
    refusal = copy.copy(answer("resident_id", "1"))
    assert isinstance(refusal, InvalidIdentifier)
    assert (refusal.code, str(refusal)) == ("id_number_length", MESSAGES["id_number_length"])


@pytest.mark.parametrize("reader", READERS)
@given(text=anything)
@example(text="1101051949123100\n2")
def test_any_text_is_read_to_ascii_or_refused_without_being_repeated(reader: str, text: str) -> None:
    match answer(reader, text):
        case InvalidIdentifier() as refusal:
            assert refusal.args == (refusal.code, MESSAGES[refusal.code])
        case number:
            assert re.fullmatch(r"[0-9A-Z]{11,19}", number)


def test_every_message_is_short_enough_to_read() -> None:
    assert max(map(len, MESSAGES.values())) <= 40
