"""“What can I get”: the form asks the very rules that the API asks, keeps nothing, and says what it could not read."""

from html import unescape
from typing import Any

import httpx
import pytest

from app.http.pages.questions import GROUPS, answers, asked_at
from app.screening import Answers

POOR = {"members": "3", "income": "30000", "spending": "0", "residence": "urban", "file_active": "yes", "homes": "1"}


def text_of(page: httpx.Response) -> str:
    return unescape(page.text)


async def test_what_the_page_says_is_what_the_api_says(site: httpx.AsyncClient) -> None:
    page = text_of(await site.post("/screening", data=POOR))
    told, wrong = answers(POOR)
    spoken = (await site.post("/api/v1/screening", json=told)).json()

    assert wrong == {}
    (hardship,) = [each for each in spoken["items"] if each["kind"] == "hardship_aid"]
    assert hardship["likely"] == "yes"
    assert f"{hardship['amount_fen_max'] // 100:,}.00元" in page
    for each in spoken["items"]:
        for reason in each["reasons"]:
            assert reason["text"] in page
    assert spoken["dibao"]["text"] in page


async def test_a_student_and_a_stay_in_hospital_are_asked_for_as_well(site: httpx.AsyncClient) -> None:
    given = POOR | {
        "stage": "undergraduate", "enrolment": "continuing", "school_public": "yes", "tuition": "5,000.50 元",
        "programme_type": "ordinary", "admitted": "2026-09-01", "discharged": "2026-09-10", "settled": "2026-09-10",
        "cause": "illness", "treatment": "inpatient", "cover_from": "2026-01-01", "cover_until": "2026-12-31",
        "joining": "renewal", "inscp_scp_amt": "20000", "act_pay_dedc": "1000", "hifp_pay": "12000",
        "psn_cash_pay": "7000", "medfee_sumamt": "20000",
    }  # fmt: skip
    page = text_of(await site.post("/screening", data=given))
    told, _ = answers(given)

    assert told["student"]["tuition_fen"] == 5_000_50
    assert "金秋助学：可能得到" in page
    assert "住院二次医保：可能得到" in page
    assert "5,600.00元" in page, "80 % of what was left within the pool"


async def test_nothing_is_kept_and_nothing_stands_in_an_address(site: httpx.AsyncClient) -> None:
    page = await site.post("/screening", data=POOR)
    assert page.headers["cache-control"] == "no-store"
    assert str(page.url) == "http://aid.test/screening"
    assert 'value="30000"' in page.text, "what was filled in can be changed"
    assert "30000" not in (await site.get("/screening")).text


@pytest.mark.parametrize(
    ("given", "name", "said"),
    [
        ({"income": "三万"}, "income", "请写成 1200"),
        ({"income": "-5"}, "income", "请写成 1200"),
        ({"income": "1e5"}, "income", "请写成 1200"),
        ({"members": "3.5"}, "members", "请填写整数"),
        ({"members": "9999"}, "members", "数值太大"),
        ({"residence": "moon"}, "residence", "请从给出的选项中选择"),
        ({"file_active": "perhaps"}, "file_active", "请选择是或否"),
        ({"self_paid": "100"}, "medical_settled_on", "请填写这一项"),
        ({"caused": "100", "happened_on": "2026-02-30"}, "happened_on", "没有这一天"),
        ({"admitted": "2026-09-10"}, "discharged", "请填写这一项"),
        ({"stage": "kindergarten"}, "stage", "请从给出的选项中选择"),
    ],
)
async def test_what_cannot_be_read_is_said_beside_its_question(
    site: httpx.AsyncClient, given: dict[str, str], name: str, said: str
) -> None:
    page = await site.post("/screening", data=POOR | given)
    assert page.status_code == 422
    assert f'href="#{name}"' in page.text
    assert f'id="{name}-wrong"' in page.text
    assert said in text_of(page)
    assert 'value="3"' in page.text or given.get("members"), "what was filled in stays"


async def test_a_hostile_answer_is_no_markup(site: httpx.AsyncClient) -> None:
    page = await site.post("/screening", data=POOR | {"income": '"><script>alert(1)</script>'})
    assert "<script" not in page.text


def test_every_question_stands_in_the_answers_once() -> None:
    names = [question.name for group in GROUPS for question in group.questions]
    assert len(names) == len(set(names))
    for group in GROUPS:
        for question in group.questions:
            assert asked_at("/" + "/".join(question.place)) == question.name
            model: Any = Answers
            for step in question.place:
                field = model.model_fields[step]
                options = getattr(field.annotation, "__args__", (field.annotation,))
                model = next((each for each in options if hasattr(each, "model_fields")), None)
