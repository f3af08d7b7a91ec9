import unicodedata
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.text import MAX_NAME_LENGTH, MESSAGES, InvalidText, clean, clean_name, search_key
from tests.nasty import FAMILY, NASTY_TEXTS

BIDI_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

clean_lines = partial(clean, multiline=True)
anything = st.one_of(st.text(st.characters(), max_size=80), st.sampled_from(NASTY_TEXTS))


def answer(read: Callable[[str], str], text: str) -> str | InvalidText:
    try:
        return read(text)
    except InvalidText as refusal:
        return refusal


def code_of(refusal: str | InvalidText) -> str:
    assert isinstance(refusal, InvalidText)
    assert refusal.args == (refusal.code, MESSAGES[refusal.code])
    return refusal.code


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  下岗，家中有病人。\u3000", "下岗，家中有病人。"),
        ("Zo\u0308e", "Z\u00f6e"),
        ("张\u200b三\u200c\u2060\ufeff", "张三"),
        ("\ufeff 张三", "张三"),
        ("e\u200b\u0301", "é"),
        (f"张三𬸣{FAMILY}", f"张三𬸣{FAMILY}"),
        ("\U000323b0", "\U000323b0"),
        ("", ""),
        (" \u200b ", ""),
    ],
)
def test_text_is_composed_and_freed_of_what_nobody_sees(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("张\x00三", "text_nul"),
        ("张\ud83d", "text_surrogate"),
        ("\udfff", "text_surrogate"),
        ("\x01", "text_control"),
        ("\x1b[31m", "text_control"),
        ("\x7f", "text_control"),
        ("\x85", "text_control"),
        ("\x9f", "text_control"),
        ("\uffff", "text_control"),
        *[(f"张{control}三", "text_bidi") for control in BIDI_CONTROLS],
    ],
)
def test_unsafe_text_is_refused_on_one_line_and_on_many(text: str, code: str) -> None:
    assert code_of(answer(clean, text)) == code
    assert code_of(answer(clean_lines, text)) == code


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\r\nb", "a\u2028b", "张三\n"])
def test_one_line_takes_no_line_end_and_no_tab(text: str) -> None:
    assert code_of(answer(clean, text)) == "text_control"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\u2029"])
def test_on_many_lines_every_line_end_is_a_newline(end: str) -> None:
    assert clean(f"一{end}\t二{end}", multiline=True) == "一\n\t二"


@pytest.mark.parametrize("read", [clean, clean_lines], ids=["line", "lines"])
@given(text=anything)
def test_text_is_refused_by_a_known_code_or_cleaned_for_good(read: Callable[[str], str], text: str) -> None:
    match answer(read, text):
        case InvalidText() as refusal:
            assert code_of(refusal).startswith("text_")
        case cleaned:
            assert read(cleaned) == cleaned
            assert unicodedata.is_normalized("NFC", cleaned)
            assert "\x00" not in cleaned
            assert cleaned.encode().decode() == cleaned


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("张三", "张三"),
        (" 张三\u3000", "张三"),
        ("张\u200b三", "张三"),
        ("张\u200d三", "张三"),
        ("葛\U000e0100三", "葛三"),
        ("𬸣", "𬸣"),
        ("张\U00031350\U000323b0", "张\U00031350\U000323b0"),
        ("〇", "〇"),
        ("迪丽热巴•买买提", "迪丽热巴·买买提"),
        ("迪丽热巴‧买买提", "迪丽热巴·买买提"),
        ("迪丽热巴・买买提", "迪丽热巴·买买提"),
        ("迪丽热巴．买买提", "迪丽热巴·买买提"),
        ("迪丽热巴 · 买买提", "迪丽热巴·买买提"),
        ("John  Smith", "John Smith"),
        ("Zo\u0308e", "Z\u00f6e"),
        ("ئەخمەت", "ئەخمەت"),
        ("བཀྲ", "བཀྲ"),
        ("\uf9d1明", "六明"),
        ("张" * MAX_NAME_LENGTH, "张" * MAX_NAME_LENGTH),
    ],
)
def test_names_of_every_people_are_taken(text: str, name: str) -> None:
    assert clean_name(text) == name


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "name_length"),
        (" \u200d\ufe0f", "name_length"),
        ("张" * (MAX_NAME_LENGTH + 1), "name_length"),
        (" " * 10_000 + "张三", "name_length"),
        ("张3", "name_characters"),
        ("张３", "name_characters"),
        ("张①", "name_characters"),
        ("张三😀", "name_characters"),
        (f"张三{FAMILY}", "name_characters"),
        ("张,三", "name_characters"),
        ("张.三", "name_characters"),
        ("O'Brien", "name_characters"),
        ("张_三", "name_characters"),
        ("张（三）", "name_characters"),
        ("·", "name_characters"),
        ("·买买提", "name_characters"),
        ("买买提·", "name_characters"),
        ("迪丽热巴··买买提", "name_characters"),
        ("\u0301张", "name_characters"),
        ("\u3164", "name_characters"),
        ("\ue863", "name_characters"),
        ("⼩明", "name_characters"),
        ("张三\u202e", "text_bidi"),
        ("张\x00三", "text_nul"),
        ("张三\n李四", "text_control"),
        ("张\ud83d", "text_surrogate"),
    ],
)
def test_what_cannot_be_a_name_is_refused_with_its_reason(text: str, code: str) -> None:
    assert code_of(answer(clean_name, text)) == code


letters = st.text(st.one_of(st.sampled_from("张三𬸣〇·• \u3000\u200db\u0301"), st.characters()), max_size=12)


@given(letters)
def test_a_name_that_was_taken_is_taken_again_unchanged(text: str) -> None:
    match answer(clean_name, text):
        case InvalidText() as refusal:
            assert code_of(refusal) in MESSAGES
        case name:
            assert clean_name(name) == clean(name) == name
            assert 1 <= len(name) <= MAX_NAME_LENGTH
            assert not any(char.isdigit() for char in name)


@pytest.mark.parametrize("invisible", "\u00ad\u200b\u200c\u200d\u2060\u2063\ufeff\ufe00\ufe0f\U000e0020\U000e0100")
def test_an_invisible_character_makes_no_second_person(invisible: str) -> None:
    assert clean_name(f"{invisible}张{invisible}三{invisible}") == "张三"


def test_a_name_of_fifty_may_be_typed_with_marks_and_spaces_around_it() -> None:
    assert clean_name("  " + "e\u0301" * MAX_NAME_LENGTH + "\u200b ") == "é" * MAX_NAME_LENGTH


def test_spellings_that_look_alike_have_one_search_key() -> None:
    assert search_key("ＡＢＣ１２３") == search_key("abc123") == "abc123"
    assert search_key("Straße") == search_key("STRASSE")
    assert search_key("⼩明") == search_key("小明")
    assert search_key("张三") != search_key("张四")


@given(anything)
def test_a_search_key_is_its_own_key(text: str) -> None:
    assert search_key(search_key(text)) == search_key(text)


def test_a_refusal_reads_as_its_message() -> None:
    assert str(InvalidText("text_nul", MESSAGES["text_nul"])) == MESSAGES["text_nul"]
    assert max(map(len, MESSAGES.values())) <= 40
