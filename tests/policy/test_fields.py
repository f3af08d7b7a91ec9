from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.kernel.identifiers import check_digit
from app.policy.fields import Code, Fen, FileIds, Id, IdNumber, Instant, IsoDate, LongText, PersonName, ShortText
from app.policy.periods import months_after
from app.policy.wording import day_text, percent_text
from tests.nasty import NASTY_TEXTS

ID = "019a0000-0000-7000-8000-000000000001"


def read(kind, value):
    return TypeAdapter(kind).validate_python(value, strict=True)


def refusal(kind, value):
    with pytest.raises(ValidationError) as error:
        read(kind, value)
    return error.value.errors()[0]["type"]


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_every_date_of_the_range_is_read_from_its_iso_string(day):
    assert read(IsoDate, day.isoformat()) == day


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("1899-12-31", "date_range"),
        ("2101-01-01", "date_range"),
        ("2026-02-29", "date_invalid"),
        ("2026-13-01", "date_invalid"),
        ("2026-9-1", "date_format"),
        ("20260901", "date_format"),
        ("1577836800", "date_format"),
        ("2026-09-01T00:00:00", "date_format"),
        ("2026-09-01\n", "date_format"),
        ("２０２６-０９-０１", "date_format"),
        (1577836800, "date_format"),
        (20260901, "date_format"),
        (True, "date_format"),
        (None, "date_format"),
        (datetime(2026, 9, 1, tzinfo=UTC), "date_format"),
    ],
)
def test_a_date_in_any_other_spelling_or_out_of_range_is_refused(value, code):
    assert refusal(IsoDate, value) == code


@pytest.mark.parametrize(
    "text", ["2026-09-01T23:30:00+08:00", "2026-09-01T15:30:00Z", "2026-09-01T15:30:00.000000+00:00"]
)
def test_an_instant_is_read_with_its_offset(text):
    assert read(Instant, text) == datetime(2026, 9, 1, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2026-09-01T15:30:00", "instant_format"),
        ("2026-09-01", "instant_format"),
        ("2026-09-01 15:30:00+08:00", "instant_format"),
        ("1788240000", "instant_format"),
        (1788240000, "instant_format"),
        ("2026-09-01T25:00:00Z", "date_invalid"),
        ("2026-09-01T15:30:00+99:00", "date_invalid"),
        ("9999-12-31T00:00:00-12:00", "date_range"),
        ("0001-01-01T00:00:00+12:00", "date_range"),
    ],
)
def test_an_instant_without_offset_or_out_of_range_is_refused(value, code):
    assert refusal(Instant, value) == code


@pytest.mark.parametrize("amount", [0, 1, 10**12])
def test_an_amount_within_bounds_is_read(amount):
    assert read(Fen, amount) == amount


@pytest.mark.parametrize("amount", [-1, 10**12 + 1, 2**63, 10**400, "1", 1.0, True, None])
def test_an_amount_out_of_bounds_or_of_another_type_is_refused(amount):
    with pytest.raises(ValidationError):
        read(Fen, amount)


def test_an_id_is_read_from_its_hyphenated_string_in_either_case():
    assert read(Id, ID) == read(Id, ID.upper()) == UUID(ID)


@pytest.mark.parametrize(
    "value", ["", ID.replace("-", ""), f"urn:uuid:{ID}", f"{{{ID}}}", f"{ID}\n", 5, UUID(ID).bytes]
)
def test_an_id_in_any_other_spelling_is_refused(value):
    assert refusal(Id, value) == "id_format"


def test_twenty_files_are_taken_and_not_one_more():
    assert len(read(FileIds, [ID] * 20)) == 20
    assert refusal(FileIds, [ID] * 21) == "too_long"


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        (ShortText, "  汕头大学 ", "汕头大学"),
        (LongText, "第一行\r\n第二行", "第一行\n第二行"),
        (PersonName, "阿依古丽・买买提", "阿依古丽·买买提"),
        (Code, " H44050700123 ", "H44050700123"),
        (IdNumber, "11010519491231002x", "11010519491231002X"),
        (IdNumber, "４４０５２４１８８００１０１００１４", "440524188001010014"),
    ],
)
def test_text_is_cleaned(kind, value, result):
    assert read(kind, value) == result


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        (ShortText, "a\x00b", "text_nul"),
        (ShortText, "第一行\n第二行", "text_control"),
        (ShortText, "\u202e反", "text_bidi"),
        (ShortText, " \u200b ", "text_empty"),
        (ShortText, "长" * 101, "string_too_long"),
        (LongText, "", "text_empty"),
        (LongText, "长" * 2001, "string_too_long"),
        (LongText, 5, "string_type"),
        (PersonName, "123", "name_characters"),
        (PersonName, "", "name_length"),
        (Code, "编号1", "code_characters"),
        (Code, "=1+1", "code_characters"),
        (IdNumber, "110105491231002", "id_number_length"),
        (IdNumber, "1101051949123100AX", "id_number_characters"),
        (IdNumber, "110105194912310021", "id_number_checksum"),
    ],
)
def test_unsafe_or_wrong_text_is_refused_by_name(kind, value, code):
    assert refusal(kind, value) == code


@given(st.from_regex(r"\A[1-9][0-9]{16}\Z"))
def test_only_the_right_check_digit_passes(first17):
    right = check_digit(first17)

    assert read(IdNumber, first17 + right) == first17 + right
    assert {refusal(IdNumber, first17 + digit) for digit in "0123456789X" if digit != right} == {"id_number_checksum"}


@pytest.mark.parametrize("text", NASTY_TEXTS)
@pytest.mark.parametrize("kind", [ShortText, LongText, PersonName, Code, IdNumber, IsoDate, Instant, Id])
def test_nasty_text_is_either_cleaned_or_refused(kind, text):
    try:
        value = read(kind, text)
    except ValidationError:
        return
    assert str(value).strip()
    assert "\x00" not in str(value)


def test_a_refusal_never_repeats_the_value():
    with pytest.raises(ValidationError) as error:
        TypeAdapter(IdNumber).validate_python("110105194912310021")

    assert "110105194912310021" not in "".join(each["msg"] for each in error.value.errors())


@pytest.mark.parametrize(
    ("day", "months", "result"),
    [
        (date(2022, 7, 15), 12, date(2023, 7, 15)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2025, 12, 31), 2, date(2026, 2, 28)),
        (date(2025, 11, 30), 1, date(2025, 12, 30)),
    ],
)
def test_months_end_on_the_same_day_or_the_months_last(day, months, result):
    assert months_after(day, months) == result


def test_days_and_rates_are_worded_for_people():
    assert day_text(date(2026, 9, 1)) == "2026年9月1日"
    assert [percent_text(rate) for rate in (8_000, 1_250, 10_000, 1_205, 5)] == [
        "80%",
        "12.5%",
        "100%",
        "12.05%",
        "0.05%",
    ]
