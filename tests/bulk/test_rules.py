"""What the rows of a template become, and how what is wrong in them is told."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import pytest

from app.bulk import columns as c
from app.bulk.rules import MESSAGES, Household, Reader, household, places_in
from app.households import forms
from app.households.forms import Head, HouseholdForm, Member
from app.spreadsheets.reading import LOST_DIGITS, Line
from tests.bulk.filling import Row, family, head, member
from tests.make import TODAY


def of(*rows: Row) -> Household:
    return household(list(enumerate(rows, 2)), TODAY)


def wrong(*rows: Row) -> list[tuple[int, str, str]]:
    return [(each.line, each.column, each.code) for each in of(*rows).wrong]


def test_a_family_becomes_a_form_that_the_phone_could_have_sent() -> None:
    rows = family(2)
    found = of(*rows)
    assert found.wrong == []
    assert found.form is not None
    form = HouseholdForm.model_validate(found.form)
    assert (form.income_fen_yearly, form.rigid_spending[0].amount_fen) == (12_000_50, 36_000_00)
    assert (form.secondary_causes, form.demands) == (["child_schooling", "accident"], ["医疗救助", "助学"])
    assert [each.relation for each in form.members] == ["son", "son"]
    assert [number for _, number in found.people] == [row[c.NUMBER] for row in rows]
    assert found.phone == "13800138000"


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        (c.NAME, "", "cell_missing"),
        (c.NAME, "张3", "name_characters"),
        (c.NUMBER, "440507198001011234", "id_number_checksum"),
        (c.NUMBER, "4405", "id_number_length"),
        (c.NUMBER, LOST_DIGITS, "number_lost_digits"),
        (c.PHONE, "1380013800", "mobile_format"),
        (c.HEALTH, "很好", "choice_unknown"),
        (c.HOUSING, "", "cell_missing"),
        (c.DIVISION, "汕头", "string_pattern_mismatch"),
        (c.INCOME, "一万", "money_format"),
        (c.INCOME, "-1", "money_format"),
        (c.INCOME, "1.005", "money_format"),
        (c.INCOME, "99999999999999", "money_format"),
        (c.CAUSE, "穷", "choice_unknown"),
        (c.OTHER_CAUSES, "穷、意外事故", "choice_unknown"),
        (c.OTHER_CAUSES, "其他、患重病、意外事故、子女上学", "too_long"),
        (c.ADDRESS, "金平区\u202e某街", "text_bidi"),
    ],
)
def test_what_is_wrong_with_a_head_is_told_once_at_its_column(column: str, text: str, code: str) -> None:
    assert wrong(head(**{column: text}), *family()[2:]) == [(2, column, code)]


def test_what_is_wrong_with_a_member_is_told_in_its_row() -> None:
    first = head()
    assert wrong(first, member(first, **{c.NAME: "张3"}), member(first, **{c.HEALTH: ""})) == [
        (4, c.HEALTH, "cell_missing"),
        (3, c.NAME, "name_characters"),
    ]


def test_rows_that_were_sorted_apart_do_not_make_strange_families() -> None:
    first, other = head(), head()
    assert wrong(first, member(other)) == [(3, c.OF_HEAD, "head_differs")]
    assert wrong(member(first)) == [(2, c.RELATION, "head_missing")]


def test_a_number_of_fifteen_digits_and_a_small_x_are_read_as_they_are_meant() -> None:
    row = head(**{c.NUMBER: "11010519491231002x"})
    assert of(row).head_number == "11010519491231002X"


def test_no_message_repeats_a_cell_and_all_are_plain_sentences() -> None:
    said = of(head(**{c.NAME: "张3", c.NUMBER: "440507198001011234", c.PHONE: "1", c.INCOME: "一万"})).wrong
    assert len(said) == 4
    for each in said:
        assert each.message.endswith("。")
        assert not any(text in each.message for text in ("张3", "440507198001011234", "一万"))
    assert all(message.endswith("。") for message in MESSAGES.values())


def test_households_are_given_as_soon_as_they_are_complete_whatever_the_chunks() -> None:
    rows = [row for _ in range(5) for row in family(2)]
    lines = [Line(n, [row.get(title, "") for title in c.TITLES]) for n, row in enumerate(rows, 2)]
    places = places_in(Line(1, [f"{title} *" if title == c.NAME else title for title in c.TITLES]))
    assert places is not None
    for size in (1, 2, 4, 100):
        reader, found = Reader(places, TODAY), list[Household]()
        for at in range(0, len(lines), size):
            found += reader.take(lines[at : at + size])
        found += reader.rest()
        assert [each.lines for each in found] == [[n, n + 1, n + 2] for n in range(2, 17, 3)]


def test_columns_may_stand_in_any_order_and_none_that_is_needed_may_be_missing() -> None:
    assert places_in(Line(1, list(reversed(c.TITLES)))) is not None
    assert places_in(Line(1, [title for title in c.TITLES if title != c.NUMBER])) is None
    assert places_in(Line(1, ["姓名"])) is None


def test_a_choice_is_taken_by_its_word_or_its_code() -> None:
    said = of(
        head(**{c.HOUSING: "public_rental", c.CAUSE: "患重特大疾病", c.OTHER_CAUSES: "child_schooling；意外事故"})
    )
    assert said.wrong == []
    assert said.form is not None
    assert (said.form["housing"], said.form["primary_cause"]) == ("public_rental", "serious_illness")
    assert said.form["secondary_causes"] == ["child_schooling", "accident"]


def test_the_template_has_a_column_for_every_field_that_a_clerk_can_fill_in() -> None:
    elsewhere = {"organisation_code", "child_consent_id", "bank_card_id", "attachments", "file_ids", "members", "head"}
    people = {item.head.removeprefix("/head/") for item in c.ITEMS if item.head.startswith("/head/")}
    assert set(Head.model_fields) - people - elsewhere == {"name", "id_number", "mobile"}
    assert set(Member.model_fields) - {i.member for i in c.ITEMS} - elsewhere == {"name", "id_number", "relation"}
    household_fields = set(HouseholdForm.model_fields) - {item.head[1:] for item in c.ITEMS} - elsewhere
    assert household_fields == {"secondary_causes", "demands", "rigid_spending"}


@pytest.mark.parametrize("item", [item for item in c.ITEMS if item.list], ids=lambda item: item.title)
def test_what_a_drop_down_offers_is_taken(item: c.Item) -> None:
    assert c.offered(item.list)
    assert all(word in c.choices(item.list) for word in c.offered(item.list))


def choices(annotation: Any) -> set[str]:
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return {each for argument in get_args(annotation) for each in choices(argument)}


@pytest.mark.parametrize(
    ("labels", "annotation"),
    [
        (c.choices("relation"), forms.Relation),
        (c.choices("health"), forms.Health),
        (c.choices("cause"), forms.Cause),
        (c.choices("schooling"), Member.model_fields["schooling"].annotation),
        (c.choices("housing"), HouseholdForm.model_fields["housing"].annotation),
        (c.choices("residence"), HouseholdForm.model_fields["residence"].annotation),
        (c.SPENDINGS, forms.Spending),
    ],
)
def test_every_code_of_the_form_can_be_chosen_in_the_template(labels: Mapping[str, str], annotation: Any) -> None:
    assert set(labels.values()) == choices(annotation)
