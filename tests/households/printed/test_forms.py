"""The statutory forms as they are printed: the same words as kept, in PDF and XLSX, whatever was filled in."""

import io
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel
from python_calamine import CalamineWorkbook

from app.documents import press
from app.documents.paper import UNITS
from app.households.forms import Head, HouseholdForm, Member
from app.households.printed import register_form as described
from app.households.printed.lists import NOTICE, SUMMARY, notice_form, summary_form, summary_line
from app.households.printed.register_form import register_form
from app.http.routes.household_forms import PAPER
from tests.documents.reading import glyphs, pages
from tests.households.printed import golden
from tests.households.printed.samples import FILE, OPINIONS, WHEN, form

TODAY = date(2026, 11, 25)
DISTRICT = "汕头市龙湖区总工会"
LINES = [summary_line(FILE | {"number": f"DA-440507-2026-{n:06d}"}, form(n % 4)) for n in range(1, 31)]
FORMS: dict[str, dict[str, Any]] = {
    "register_whole": register_form(FILE, form(), OPINIONS, whole=True),
    "register_masked": register_form(FILE, form(), OPINIONS),
    "register_crowded": register_form(FILE, form(20), OPINIONS),
    "register_empty": register_form({}, {}, {}),
    "summary": summary_form(DISTRICT, LINES, TODAY),
    "notice": notice_form(DISTRICT, LINES, TODAY),
    "notice_empty": notice_form(DISTRICT, [], TODAY),
}


def drawn(paper: Mapping[str, Any], kind: str = "pdf") -> bytes:
    document = press.draw({"as": kind, "form": str(PAPER), "data": paper, "made_at": WHEN.isoformat()})
    assert isinstance(document, bytes)
    return document


def cells(xlsx: bytes) -> list[list[str]]:
    """The rows of the first sheet; every cell must be text."""
    rows = CalamineWorkbook.from_filelike(io.BytesIO(xlsx)).get_sheet_by_index(0).to_python()
    assert all(isinstance(cell, str) for row in rows for cell in row)
    return [[cell for cell in row if cell] for row in rows]


@pytest.mark.parametrize("name", FORMS)
def test_a_form_says_what_it_is_known_to_say(name: str) -> None:
    pdf = drawn(FORMS[name])
    said = pages(pdf)
    golden.check(f"{name}.pdf.txt", "\f\n".join(said) + "\n")
    golden.check(f"{name}.xlsx.txt", "\n".join(" | ".join(row) for row in cells(drawn(FORMS[name], "xlsx"))) + "\n")
    assert 0 not in glyphs(pdf)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("kind", ["pdf", "xlsx"])
def test_equal_forms_give_equal_bytes(name: str, kind: str) -> None:
    assert drawn(FORMS[name], kind) == drawn(FORMS[name], kind)


@pytest.mark.parametrize("name", FORMS)
def test_pdf_and_worksheet_say_the_same_in_the_same_order(name: str) -> None:
    written = [cell["text"] for block in FORMS[name]["blocks"] for line in block["lines"] for cell in line]
    shown = "".join(pages(drawn(FORMS[name]))).replace("\n", "")
    listed = [cell for row in cells(drawn(FORMS[name], "xlsx")) for cell in row]
    for text in filter(None, written):
        assert text.replace("\n", "") in shown
        assert any(cell.startswith(text) for cell in listed), text


@pytest.mark.parametrize("name", FORMS)
def test_every_line_is_as_wide_as_the_form(name: str) -> None:
    for block in FORMS[name]["blocks"]:
        hanging = 0
        for line in (*block["header"], *block["lines"]):
            assert hanging + sum(cell["units"] for cell in line) == UNITS, (block["title"], line)
            hanging = sum(cell["units"] for cell in line if cell.get("rows", 1) > 1)


def test_a_form_that_is_masked_shows_no_personal_value() -> None:
    said = "".join(pages(drawn(FORMS["register_masked"]))).replace("\n", "") + str(FORMS["register_masked"])
    for value in ("11010519491231002X", "110105194912310021", "买买提", "13800138000", "丹霞庄", "1949年", "林阿妹"):
        assert value not in said
    assert "阿*****·*****·***" in said
    for name in ("summary", "notice", "notice_empty"):
        assert "买买提" not in str(FORMS[name])


def test_a_notice_shows_no_number_no_income_and_no_illness() -> None:
    said = str(FORMS["notice"]) + "".join(pages(drawn(FORMS["notice"])))
    for value in ("110105", "重特大疾病", "24,000", "500.00"):
        assert value not in said
    assert [column.label for column in NOTICE] == ["序号", "档案编号", "所属工会", "姓名", "困难类别", "家庭人口"]


def test_the_columns_of_the_summary_stand_in_the_order_of_the_form() -> None:
    assert cells(drawn(FORMS["summary"], "xlsx"))[2] == [column.label for column in SUMMARY]


def test_every_pointer_of_the_register_leads_to_a_field_that_can_be_filled_in() -> None:
    """A typing error in the description would print an empty box for ever."""
    groups = (described.PERSON, described.WORK, described.LIVING, described.CAUSES, described.PROGRAMME)
    pointers = [("", field.pointer) for group in groups for field in group]
    pointers += [("/members", column.pointer) for line in described.MEMBERS for column in line]
    for under, pointer in pointers:
        assert known(under + pointer) or under + pointer in DERIVED | TO_COME, under + pointer


def known(pointer: str) -> bool:
    models: dict[str, type[BaseModel]] = {"head": Head, "members": Member}
    *way, name = pointer.strip("/").split("/")
    return name in (models[way[0]] if way and way[0] in models else HouseholdForm).model_fields


DERIVED = {
    "/head/sex", "/head/birth_date", "/head/ailment", "/members/sex", "/members/ailment", "/organisation", "/people",
    "/members/income_fen_monthly", "/per_head_fen_monthly", "/cohort_2016", "/cohort_fixed_on", "/bank/bank_name",
    "/bank/branch", "/bank/number",
}  # fmt: skip
"""What follows from other fields, or is kept beside the form."""
TO_COME = {
    *(
        f"/{who}/{name}"
        for who in ("head", "members")
        for name in (
            "ethnicity", "political_status", "marital_status", "medical_insurance", "hukou_kind", "worker_identity",
        )
    ),
    *(
        f"/head/{name}"
        for name in (
            "model_worker", "hukou_division_code", "mobile", "other_contact", "postcode", "employer_kind",
            "employer_condition", "industry", "work_status", "work_began_on", "contract_signed_on", "contract_term",
            "monthly_income_fen",
        )
    ),
    *(f"/members/{name}" for name in ("school_entered_in", "school_years", "employer_or_school")),
    "/floor_area", "/non_wage_income_fen_yearly", "/can_help_itself", "/nobody_employed", "/cause_note", "/key_group",
    "/measure_batch",
}  # fmt: skip
"""What the statutory form asks for and the phone does not ask yet: printed empty."""


def test_twenty_members_each_stay_on_one_page() -> None:
    for page in pages(drawn(FORMS["register_crowded"])):
        assert page.count("1,028.81元") == page.count("慢性病")
