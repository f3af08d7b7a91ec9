"""Why something is refused or returned: a dated catalogue, in words that people read, and nothing outside it."""

import json
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import ValidationError

from app.applications.path import Kind, State
from app.applications.reasons.rules import BY_RULE, ReasonCatalogue, by_rule, reasons_for, reasons_on
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.policy.book import PolicyBook
from app.policy.versions import NoPolicyInForce
from app.programmes import shipped
from tests import make
from tests.applications.reviewing import Desks, act, case_at, desks_of, own, seen
from tests.make import World

(*_, CATALOGUE) = shipped().of("application_reasons", ReasonCatalogue)
TODAY = date(2026, 11, 30)


@pytest.fixture(scope="module")
async def desks(world: World) -> Desks:
    return await desks_of(world)


def catalogue(year: int, text: str) -> ReasonCatalogue:
    given = CATALOGUE.model_dump(mode="json", exclude_unset=True)
    by_rule = next(each for each in given["reasons"] if each["code"] == BY_RULE)
    by_rule["text"] = text
    version = given | {"version": str(year), "in_force_from": f"{year}-01-01", "reasons": [by_rule]}
    return ReasonCatalogue.model_validate_json(json.dumps(version))


def test_each_day_has_its_own_words() -> None:
    book = PolicyBook({"application_reasons": (catalogue(2020, "旧的说法"), catalogue(2025, "新的说法"))})
    assert by_rule(book, date(2024, 12, 31)) == "旧的说法"
    assert by_rule(book, date(2025, 1, 1)) == "新的说法"
    assert reasons_on(book, date(2019, 12, 31)) == {}
    with pytest.raises(NoPolicyInForce):
        by_rule(book, date(2019, 12, 31))


@pytest.mark.parametrize("kind", Kind)
def test_the_rules_own_reason_is_nobodys_choice_and_uses_are_kept_apart(kind: Kind) -> None:
    rejecting, returning = (reasons_for(shipped(), TODAY, kind, action) for action in ("reject", "return"))
    assert BY_RULE not in rejecting
    assert rejecting
    assert returning
    assert not rejecting.keys() & returning.keys()
    assert ("not_in_hardship" in rejecting) is (kind is not Kind.SECONDARY_MEDICAL)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"text": "按 ineligible_by_policy 处理"}, "text_has_code"),
        ({"cure": "见 reason_code 的说明"}, "text_has_code"),
        ({"code": "Bad-Code"}, "string_pattern_mismatch"),
        ({"used_for": []}, "too_short"),
        ({"cure": ""}, "string_too_short"),
    ],
)
def test_a_catalogue_that_people_cannot_read_is_refused(change: dict[str, Any], code: str) -> None:
    given = CATALOGUE.model_dump(mode="json", exclude_unset=True)
    given["reasons"][0] |= change
    with pytest.raises(ValidationError) as refused:
        ReasonCatalogue.model_validate_json(json.dumps(given))
    assert [error["type"] for error in refused.value.errors()] == [code]


# ---- over HTTP and in the database ----


async def test_staff_choose_from_the_catalogue_and_the_worker_reads_what_to_do(
    client: httpx.AsyncClient, desks: Desks
) -> None:
    case = await case_at(desks, State.CITY_APPROVAL, Kind.SECONDARY_MEDICAL)
    officer = desks.first[Role.MUTUAL_AID_OFFICER]
    shown = await seen(client, officer, case)
    assert "not_in_hardship" not in shown["rejection_reasons"]
    assert {each["action"] for each in shown["reasons"]} == {"reject", "return"}
    for code in ("not_in_hardship", BY_RULE, "form_incomplete", "made_up", ""):
        refused = await act(client, officer, case, 1, "reject", note="不足", reason_code=code)
        assert [e["code"] for e in refused.json()["errors"]] == ["reason_unknown"], refused.text
    granted = await act(client, officer, case, 1, "approve", reason_code="")
    assert [e["code"] for e in granted.json()["errors"]] == ["reason_unknown"], granted.text
    coded = await act(client, officer, case, 1, "reject", note="见 documents_not_valid", reason_code="duplicate_aid")
    assert [(e["pointer"], e["code"]) for e in coded.json()["errors"]] == [("/note", "note_has_code")]
    done = await act(client, officer, case, 1, "reject", note="去年已给付", reason_code="duplicate_aid")
    assert done.json()["state"] == "rejected", done.text
    step = (await own(client, case))["timeline"][-1]
    assert (step["reason_text"], step["cure"]) == (
        "同一事项已经得到帮扶或由其他单位解决", "同一次住院只能给付一次；以后再住院的，凭新的结算单申请。",
    )  # fmt: skip


async def test_what_the_rules_refuse_says_why_and_what_can_be_done(client: httpx.AsyncClient, world: World) -> None:
    worker = await world.person(home=(await world.town()).units[0])
    body = {"kind": "hardship_aid", "form": make.living_aid()}
    draft = await client.post("/applications", json=body, headers=worker.headers | make.keyed())
    headers = worker.headers | make.keyed() | {"If-Match": '"1"'}
    refused = await client.post(f"/applications/{draft.json()['id']}/submit", headers=headers)
    assert refused.json()["state"] == "rejected", refused.text
    step = (await client.get(f"/applications/{draft.json()['id']}", headers=worker.headers)).json()["timeline"][-1]
    assert (step["note"], step["reason_text"]) == ("按现行政策测算不符合条件",) * 2
    assert "申诉" in step["cure"]


@pytest.mark.parametrize(
    ("action", "code", "note", "refused"),
    [
        ("reject", "documents_not_valid", b"-", None),
        ("reject", "made_up", b"-", asyncpg.ForeignKeyViolationError),
        ("return", "made_up", b"-", asyncpg.ForeignKeyViolationError),
        ("reject", None, b"-", asyncpg.CheckViolationError),
        ("reject", "documents_not_valid", None, asyncpg.CheckViolationError),
        ("refuse_by_rule", None, b"-", asyncpg.CheckViolationError),
    ],
)
async def test_the_database_takes_no_refusal_without_a_reason_of_the_catalogue(
    desks: Desks, owner: asyncpg.Connection, action: str, code: str | None, note: bytes | None,
    refused: type[Exception] | None,
) -> None:  # fmt: skip
    case = await case_at(desks, State.UNIT_REVIEW)
    written = owner.execute(
        "insert into passage (id, created_at, application_id, round, action, from_state, to_state, counts_as_review, "
        "reason_code, note) values ($1, $2, $3, 1, $4, 'unit_review', 'rejected', false, $5, $6)",
        new_id(), datetime.now(UTC), case.id, action, code, note,
    )  # fmt: skip
    if refused is None:
        await written
    else:
        with pytest.raises(refused):
            await written


async def test_the_published_catalogue_is_in_the_table_and_no_code_is_in_its_texts(owner: asyncpg.Connection) -> None:
    rows = {row["code"]: row["text"] for row in await owner.fetch("select code, text from application_reason")}
    assert rows.items() >= {each.code: each.text for each in CATALOGUE.reasons}.items()
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("insert into application_reason (code, text) values ('planted', '见 reason_code')")
