"""What a resubmission has changed, shown exactly; and the place in the queue, which it keeps."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from app.applications.commands import FORM
from app.applications.path import Kind, State
from app.applications.resubmissions.labels import LABELS, label
from app.applications.resubmissions.rules import Submitted, applied, compare
from app.households.history import differences
from app.kernel.actor import Role
from app.programmes import KINDS
from tests import make
from tests.applications.reviewing import Desks, act, case_at, desks_of, own, queue, seen
from tests.make import Case, World

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab/~中0", max_size=3)
NAMES = st.sampled_from(["name", "id_number", "kind", "a/b", "~", "0", "file_ids", "other_grants"])


def values(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)


FORMS = st.dictionaries(NAMES, st.recursive(LEAVES, values, max_leaves=12), max_size=5)
FILES = st.lists(st.uuids().map(str), max_size=4, unique=True)


def spelt(form: dict[str, Any]) -> bytes:
    return orjson.dumps(form, option=orjson.OPT_SORT_KEYS)


@given(FORMS, FORMS)
def test_the_differences_applied_to_what_was_submitted_give_what_is_submitted_now(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    found = differences(before, after)
    assert spelt(applied(before, found)) == spelt(after)
    assert (found == ()) is (spelt(before) == spelt(after))


@given(FILES, FILES, st.integers(0, 9), st.integers(0, 9))
def test_files_are_told_as_files_and_everything_else_as_fields(
    before: list[str], after: list[str], asked: int, asks: int
) -> None:
    found = compare(
        1, NOW, Submitted({"requested_fen": asked, "file_ids": before}, None, asked),
        Submitted({"requested_fen": asks, "file_ids": after}, None, asks),
    )  # fmt: skip
    assert (set(found.files_added), set(found.files_removed)) == (set(after) - set(before), set(before) - set(after))
    assert [change.pointer for change in found.fields] == (["/requested_fen"] if asked != asks else [])
    assert (found.amount_before_fen, found.amount_after_fen) == (asked, asks)


def fields_of(model: type[BaseModel]) -> set[str]:
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}


def test_every_field_of_every_form_has_a_name_and_no_name_is_for_nothing() -> None:
    fields = set[str]().union(*(fields_of(programme.form) for programme in KINDS.values()))
    assert fields == set(LABELS)
    assert label("/other_grants/1/amount_fen") == "其他资助·第2项·金额"


# ---- over HTTP ----


@pytest.fixture(scope="module")
async def desks(world: World) -> Desks:
    return await desks_of(world)


async def resubmit(client: httpx.AsyncClient, case: Case, version: int, form: dict[str, Any] | None) -> httpx.Response:
    """As the worker does it: edited first, or as it is."""
    headers = case.applicant.headers
    if form is not None:
        saved = await client.put(
            f"/applications/{case.id}", json={"form": form}, headers=headers | {"If-Match": f'"{version}"'}
        )
        assert saved.status_code == 200, saved.text
        version += 1
    return await client.post(
        f"/applications/{case.id}/submit", headers=headers | make.keyed() | {"If-Match": f'"{version}"'}
    )


async def test_the_reviewer_sees_what_was_changed_and_the_case_keeps_its_place(
    client: httpx.AsyncClient, desks: Desks, world: World
) -> None:
    clerk, town = desks.first[Role.UNIT_CLERK], desks.town
    worker = await world.worker(town.units[0])
    files = [str(await world.file(worker)) for _ in range(2)]
    form = make.living_aid(requested_fen=1_000_00, file_ids=files[:1])
    case = await world.application(worker, town.units[0], form=form)
    later = await case_at(desks, State.SUBMITTED)
    first = await seen(client, clerk, case)
    assert first["changes"] is None
    assert (
        await act(client, clerk, case, 1, "return", note="金额请核对", reason_code="form_incomplete")
    ).status_code == 200
    returned = await own(client, case)
    step = returned["timeline"][-1]
    assert (step["reason_text"], step["cure"]) == (
        "表单有漏填或前后不一致的地方", "请按意见改好后再次提交；排队位置不变。",
    )  # fmt: skip
    edited = make.living_aid(requested_fen=2_000_00, reason="家庭收入低，妻子患病", file_ids=files[1:])
    again = await resubmit(client, case, 2, edited)
    assert (again.status_code, again.json()["state"]) == (200, "submitted"), again.text
    shown = await seen(client, clerk, case)
    assert shown["submitted_at"] == first["submitted_at"]
    order = [task["number"] for task in await queue(client, clerk)]
    assert order.index(case.number) < order.index(later.number)
    changes = shown["changes"]
    assert changes["fields"] == [
        {"pointer": "/requested_fen", "label": "申请金额", "change": "changed", "before": 1_000_00, "after": 2_000_00},
        {"pointer": "/reason", "label": "申请理由", "change": "changed", "before": "家庭收入低，生活困难",
         "after": "家庭收入低，妻子患病"},
    ]  # fmt: skip
    assert (changes["files_added"], changes["files_removed"]) == (files[1:], files[:1])
    assert (changes["since_round"], changes["amount_before_fen"], changes["amount_after_fen"]) == (
        1, first["amount_fen"], shown["amount_fen"],
    )  # fmt: skip
    assert (changes["policy_before"], changes["policy_after"]) == ("test-1", shown["decision"]["policy"]["version"])
    assert {each["rule"] for each in changes["reasons"]} >= {"known"}


async def test_sealed_values_are_masked_in_what_has_changed_and_a_change_behind_the_mask_is_told(
    client: httpx.AsyncClient, desks: Desks, world: World
) -> None:
    student = make.member()
    worker = await world.worker(desks.town.units[0], members=[student])
    right, wrong = student["id_number"], make.id_number()
    case = await world.application(worker, desks.town.units[0], kind=Kind.GOLDEN_AUTUMN, form=make.golden_autumn(wrong))
    clerk = desks.first[Role.UNIT_CLERK]
    assert (await act(client, clerk, case, 1, "return", note="证件号码有误")).status_code == 200
    assert (await resubmit(client, case, 2, make.golden_autumn(right))).status_code == 200
    (change,) = (await seen(client, clerk, case))["changes"]["fields"]
    assert (change["pointer"], change["label"], change["change"]) == ("/student/id_number", "学生·证件号码", "changed")
    assert "*" in change["before"]
    assert "*" in change["after"]
    assert not {right, wrong} & {change["before"], change["after"]}


async def test_what_is_resubmitted_as_it_was_has_no_changes_but_what_the_rules_say(
    client: httpx.AsyncClient, desks: Desks
) -> None:
    case, clerk = await case_at(desks, State.SUBMITTED), desks.first[Role.UNIT_CLERK]
    assert (await act(client, clerk, case, 1, "return", note="请核对")).status_code == 200
    assert (await resubmit(client, case, 2, None)).status_code == 200
    changes = (await seen(client, clerk, case))["changes"]
    assert (changes["fields"], changes["files_added"], changes["files_removed"]) == ([], [], [])


async def test_of_several_returns_the_last_is_compared_with_and_every_round_is_kept(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection, world: World
) -> None:
    case, clerk = (
        await case_at(desks, State.SUBMITTED, form=make.living_aid(requested_fen=100_00)),
        desks.first[Role.UNIT_CLERK],
    )
    other, version = desks.second[Role.UNIT_CLERK], 1
    for by, fen in ((clerk, 200_00), (other, 300_00)):
        assert (await act(client, by, case, version, "return", note="请改")).status_code == 200
        assert (await resubmit(client, case, version + 1, make.living_aid(requested_fen=fen))).status_code == 200
        version += 3
    (change,) = (await seen(client, clerk, case))["changes"]["fields"]
    assert (change["before"], change["after"]) == (200_00, 300_00)
    rows = await owner.fetch("select round, form from earlier_submission where application_id = $1 order by 1", case.id)
    kept = [world.keyring.open_document(FORM, case.id, row["form"])["requested_fen"] for row in rows]
    assert ([row["round"] for row in rows], kept) == ([1, 2], [100_00, 200_00])
    with pytest.raises(asyncpg.PostgresError):
        await owner.execute("update earlier_submission set round = 9 where application_id = $1", case.id)


async def test_a_first_submission_keeps_nothing_twice(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection
) -> None:
    case = await case_at(desks, State.SUBMITTED)
    assert (await act(client, desks.first[Role.UNIT_CLERK], case, 1, "accept")).status_code == 200
    assert await owner.fetchval("select count(*) from earlier_submission where application_id = $1", case.id) == 0
